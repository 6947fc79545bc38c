"""PowerDNS with its bind backend: zones come from master files, listed in BIND's format."""

from tests.support.peers.setup import PeerZone, Setup, list_keys

PROGRAM = "pdns_server"

_SERVER = """
launch=bind
bind-config={folder}/pdns-zones.conf
local-address=127.0.0.1
local-port={port}
socket-dir={folder}
daemon=no
guardian=no
disable-syslog=yes
receiver-threads=1
distributor-threads=1
signing-threads=1
dname-processing=yes
allow-axfr-ips=127.0.0.0/8
allow-notify-from=127.0.0.0/8
secondary=yes
only-notify=
version-string=anonymous
security-poll-suffix=
"""


def write_config(setup: Setup, program: str) -> list[str]:
    """Write the configuration, and return the command that starts the server.

    Raises:
        ValueError: a zone has a key for transfers; this backend keeps keys in a database.
    """
    if list_keys(setup.zones):
        raise ValueError("the bind backend of PowerDNS takes TSIG keys from a database only")
    (setup.folder / "pdns.conf").write_text(_SERVER.format(port=setup.port, folder=setup.folder))
    (setup.folder / "pdns-zones.conf").write_text("".join(_zone(zone) for zone in setup.zones))
    return [program, f"--config-dir={setup.folder}"]


def _zone(zone: PeerZone) -> str:
    where = f'zone "{zone.name}" {{ file "{zone.file}"; '
    if zone.primary is None:
        return where + "type master; };\n"
    return where + f"type slave; masters {{ {zone.primary.host}:{zone.primary.port}; }}; }};\n"
