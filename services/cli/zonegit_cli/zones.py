"""The registered zones, page by page, and how their branches and tags look to programs."""

from collections.abc import AsyncIterator
from typing import Any

from zonegit.repo.heads import Repo
from zonegit.store.protocols import ZoneRefs
from zonegit.zone.names import Name


async def every(repo: Repo) -> AsyncIterator[ZoneRefs]:
    """Every zone with its tips, as the store sorts them."""
    after: Name | None = None
    while True:
        page = await repo.refs.snapshot(after)
        for refs in page.zones:
            yield refs
        after = page.after
        if after is None:
            return


def tips_json(refs: ZoneRefs) -> dict[str, Any]:
    """The branches and tags of one."""
    return {
        "branches": {
            branch: {"commit": tip.target.hex(), "serial": tip.serial}
            for branch, tip in sorted(refs.heads.items())
        },
        "tags": {tag: tip.target.hex() for tag, tip in sorted(refs.tags.items())},
    }
