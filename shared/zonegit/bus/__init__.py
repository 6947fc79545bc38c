"""Connect to NATS; no other package imports its client (docs/wire.md).

``connection`` owns the socket, ``requests`` waits for replies, ``service`` answers requests.
``remote_objects`` and ``remote_refs`` implement the store interfaces over the bus.
"""

from zonegit.bus import lazy_jetstream  # noqa: F401  # first: it decides how the client is imported
from zonegit.bus.connection import Bus, connect
from zonegit.bus.remote_objects import RemoteObjects
from zonegit.bus.remote_refs import RemoteRefs

__all__ = ["Bus", "RemoteObjects", "RemoteRefs", "connect"]
