"""How the branches and tags of a zone look to programs."""

from typing import Any

from zonegit.store.protocols import ZoneRefs


def tips_json(refs: ZoneRefs) -> dict[str, Any]:
    """The branches and tags of one."""
    return {
        "branches": {
            branch: {"commit": tip.target.hex(), "serial": tip.serial}
            for branch, tip in sorted(refs.heads.items())
        },
        "tags": {tag: tip.target.hex() for tag, tip in sorted(refs.tags.items())},
    }
