"""The zones and keys of a peer; the module of each server writes its configuration from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class PeerKey:
    """A TSIG key. ``algorithm`` is spelled as by ``tsig-keygen`` (``hmac-sha256``), ``secret`` in
    base64."""

    name: str
    algorithm: str
    secret: str


@dataclass(frozen=True, slots=True)
class Primary:
    """The primary of a secondary zone. A NOTIFY is accepted from that host, with that key."""

    host: str
    port: int
    key: PeerKey | None = None


@dataclass(frozen=True, slots=True)
class PeerZone:
    """A zone of a peer: from a master file, or by transfer if it has a ``primary``."""

    name: str
    file: Path
    primary: Primary | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """One server with all its files below ``folder``. All of 127.0.0.0/8 may transfer its zones.

    ``minimal`` omits optional additional records, if the server has such an option.
    """

    folder: Path
    port: int
    zones: tuple[PeerZone, ...]
    minimal: bool = False


def write_zones(folder: Path, zones: Mapping[str, str]) -> list[PeerZone]:
    """Write zones with these texts as master files, and return them."""
    found = []
    for number, (name, text) in enumerate(zones.items()):
        file = folder / f"{number}.zone"
        file.write_text(f"$ORIGIN {name}\n$TTL 300\n{text}")
        found.append(PeerZone(name, file))
    return found


def list_keys(zones: Iterable[PeerZone]) -> list[PeerKey]:
    """Return each TSIG key for transfers of these zones, once."""
    primaries = [zone.primary for zone in zones if zone.primary is not None]
    return list(dict.fromkeys(each.key for each in primaries if each.key is not None))
