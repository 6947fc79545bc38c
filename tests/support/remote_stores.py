"""Access the stores on a bus, with long timeouts for busy machines."""

from tests.support.waiting import PATIENCE_S

from zonegit.bus import Bus, RemoteObjects, RemoteRefs


def objects_of(bus: Bus, actor: str) -> RemoteObjects:
    """Return the object store for ``actor``."""
    return RemoteObjects(bus, actor, timeout=PATIENCE_S)


def refs_of(bus: Bus, actor: str) -> RemoteRefs:
    """Return the ref store for ``actor``."""
    return RemoteRefs(bus, actor, timeout=PATIENCE_S)
