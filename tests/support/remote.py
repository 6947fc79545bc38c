"""The stores of a bus, for tests: with patience, however busy the machine is."""

from tests.support.waiting import PATIENCE_S

from zonegit.bus import Bus, RemoteObjects, RemoteRefs


def objects_of(bus: Bus, actor: str) -> RemoteObjects:
    """The object store, on behalf of ``actor``."""
    return RemoteObjects(bus, actor, timeout=PATIENCE_S)


def refs_of(bus: Bus, actor: str) -> RemoteRefs:
    """The ref store, on behalf of ``actor``."""
    return RemoteRefs(bus, actor, timeout=PATIENCE_S)
