"""NATS, and the only package that knows it (docs/wire.md).

``connection`` owns the socket, ``requests`` the questions that wait for an answer, ``service``
answers them; ``remote_objects`` and ``remote_refs`` are the stores seen from afar.
"""

from zonegit.bus import lazy_jetstream  # noqa: F401  # first: it decides how the client is imported
from zonegit.bus.connection import Bus, connect
from zonegit.bus.remote_objects import RemoteObjects
from zonegit.bus.remote_refs import RemoteRefs

__all__ = ["Bus", "RemoteObjects", "RemoteRefs", "connect"]
