"""NSD."""

from tests.support.peers.setup import PeerKey, PeerZone, Primary, Setup, list_keys

PROGRAM = "nsd"

_SERVER = """
server:
    ip-address: 127.0.0.1@{port}
    server-count: 1
    username: ""
    chroot: ""
    pidfile: "{folder}/nsd.pid"
    database: ""
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    rrl-ratelimit: 0
    minimal-responses: {minimal}
    zonefiles-check: no
    verbosity: 1
remote-control:
    control-enable: no
"""
_KEY = 'key:\n    name: "{name}"\n    algorithm: {algorithm}\n    secret: "{secret}"\n'
_ZONE = 'zone:\n    name: "{name}"\n    zonefile: "{file}"\n    provide-xfr: 127.0.0.0/8 NOKEY\n'
_SECONDARY = """\
    request-xfr: {host}@{port} {key}
    allow-notify: {host} {key}
"""


def write_config(setup: Setup, program: str) -> list[str]:
    """Write the configuration, and return the command that starts the server."""
    config = setup.folder / "nsd.conf"
    config.write_text(
        _SERVER.format(
            port=setup.port, folder=setup.folder, minimal="yes" if setup.minimal else "no"
        )
        + "".join(_key(key) for key in list_keys(setup.zones))
        + "".join(_zone(zone) for zone in setup.zones)
    )
    return [program, "-d", "-c", str(config)]


def _key(key: PeerKey) -> str:
    return _KEY.format(name=key.name, algorithm=key.algorithm, secret=key.secret)


def _zone(zone: PeerZone) -> str:
    text = _ZONE.format(name=zone.name, file=zone.file)
    return text + (_secondary(zone.primary) if zone.primary is not None else "")


def _secondary(primary: Primary) -> str:
    key = primary.key.name if primary.key is not None else "NOKEY"
    return _SECONDARY.format(host=primary.host, port=primary.port, key=key)
