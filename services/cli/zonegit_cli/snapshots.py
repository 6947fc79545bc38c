"""All registered zones, page by page."""

from zonegit.repo.workspace import Repo
from zonegit.store.protocols import ZoneRefs
from zonegit.zone.names import Name


async def all_zones(repo: Repo) -> list[ZoneRefs]:
    """Every zone with its tips, as the store sorts them."""
    zones: list[ZoneRefs] = []
    after: Name | None = None
    while True:
        snapshot = await repo.refs.snapshot(after)
        zones.extend(snapshot.zones)
        after = snapshot.after
        if after is None:
            return zones
