"""Remove zones with their content, as one operation."""

from zonegit.store import ref_names
from zonegit.store.ref_log import Moved, Origin
from zonegit.store.refs import Anything, RefStore
from zonegit.zone.names import Name


async def remove_zone(refs: RefStore, zone: Name, origin: Origin) -> Moved:
    """Delete the other refs of a zone, then remove it; return the reply to the removal."""
    held = await refs.zone(zone, origin.actor)
    for branch in held.heads:
        await refs.move(ref_names.branch(zone, branch), Anything(), None, origin)
    for tag in held.tags:
        await refs.move(ref_names.tag(zone, tag), Anything(), None, origin)
    if held.serving is not None:
        await refs.move(ref_names.serving(zone), Anything(), None, origin)
    return await refs.unregister(zone, origin)
