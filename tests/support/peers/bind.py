"""BIND 9."""

from tests.support.peers.setup import PeerKey, PeerZone, Primary, Setup, list_keys

PROGRAM = "named"

_OPTIONS = """
options {{
    directory "{folder}";
    pid-file "{folder}/named.pid";
    session-keyfile "{folder}/session.key";
    managed-keys-directory "{folder}";
    listen-on port {port} {{ 127.0.0.1; }};
    listen-on-v6 {{ none; }};
    recursion no;
    dnssec-validation no;
    answer-cookie no;
    minimal-responses {minimal};
    allow-transfer {{ 127.0.0.0/8; }};
    notify no;
    check-names primary ignore;
    check-names secondary ignore;
    check-integrity no;
    check-wildcard no;
    check-spf ignore;
    zero-no-soa-ttl no;
    max-records-per-type 0;
    max-types-per-name 0;
    min-refresh-time 1;
    min-retry-time 1;
}};
controls {{ }};
"""
_KEY = 'key "{name}" {{ algorithm {algorithm}; secret "{secret}"; }};\n'
_PRIMARY = 'zone "{name}" {{ type primary; file "{file}"; }};\n'
_SECONDARY = """\
zone "{name}" {{
    type secondary;
    file "{file}";
    masterfile-format text;
    primaries {{ {host} port {port}{key}; }};
    allow-notify {{ {notify}; }};
}};
"""


def write_config(setup: Setup, program: str) -> list[str]:
    """Write the configuration, and return the command that starts the server, with one worker."""
    minimal = "yes" if setup.minimal else "no-auth"
    config = setup.folder / "named.conf"
    config.write_text(
        _OPTIONS.format(port=setup.port, folder=setup.folder, minimal=minimal)
        + "".join(_key(key) for key in list_keys(setup.zones))
        + "".join(_zone(zone) for zone in setup.zones)
    )
    return [program, "-g", "-n", "1", "-c", str(config)]


def _key(key: PeerKey) -> str:
    return _KEY.format(name=key.name, algorithm=key.algorithm, secret=key.secret)


def _zone(zone: PeerZone) -> str:
    if zone.primary is None:
        return _PRIMARY.format(name=zone.name, file=zone.file)
    return _secondary(zone, zone.primary)


def _secondary(zone: PeerZone, primary: Primary) -> str:
    key = primary.key
    return _SECONDARY.format(
        name=zone.name,
        file=zone.file,
        host=primary.host,
        port=primary.port,
        key=f' key "{key.name}"' if key is not None else "",
        notify=f'key "{key.name}"' if key is not None else primary.host,
    )
