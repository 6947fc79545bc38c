"""Convert the branches and tags of a zone to JSON."""

from typing import Any

from zonegit.store.refs import ZoneRefs


def tips_to_json(refs: ZoneRefs) -> dict[str, Any]:
    """Return the branches and tags of a zone for ``--json``."""
    return {
        "branches": {
            branch: {"commit": tip.target.hex(), "serial": tip.serial}
            for branch, tip in sorted(refs.heads.items())
        },
        "tags": {tag: tip.target.hex() for tag, tip in sorted(refs.tags.items())},
    }
