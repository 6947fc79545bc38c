"""Knot DNS."""

from tests.support.peers.setup import PeerKey, PeerZone, Primary, Setup, list_keys

PROGRAM = "knotd"

_SERVER = """
server:
    listen: 127.0.0.1@{port}
    rundir: "{folder}"
    udp-workers: 1
    tcp-workers: 1
    tcp-io-timeout: 0
    background-workers: 1
    automatic-acl: off
database:
    storage: "{folder}/knot"
    journal-db-max-size: 64M
    timer-db-max-size: 16M
    kasp-db-max-size: 16M
log:
  - target: stderr
    any: info
"""
_KEY = '  - id: "{name}"\n    algorithm: {algorithm}\n    secret: "{secret}"\n'
_TRANSFER = 'acl:\n  - id: "transfer"\n    address: 127.0.0.0/8\n    action: transfer\n'
_NOTIFY = '  - id: "notify-{id}"\n    address: {host}\n    action: notify\n{key}'
_REMOTE = '  - id: "{id}"\n    address: {host}@{port}\n{key}'
_ZONE = """\
  - domain: "{name}"
    file: "{file}"
    semantic-checks: off
    acl: [{acl}]
"""
_PRIMARY = "    zonefile-load: whole\n    journal-content: none\n"
_SECONDARY = '    master: "{id}"\n'


def write_config(setup: Setup, program: str) -> list[str]:
    """Write the configuration, and return the command that starts the server."""
    primaries = list(dict.fromkeys(zone.primary for zone in setup.zones if zone.primary))
    text = _SERVER.format(port=setup.port, folder=setup.folder)
    if keys := list_keys(setup.zones):
        text += "key:\n" + "".join(_key(key) for key in keys)
    if primaries:
        text += "remote:\n" + "".join(_remote(each) for each in primaries)
    text += _TRANSFER + "".join(_notify(each) for each in primaries)
    text += "zone:\n" + "".join(_zone(zone) for zone in setup.zones)
    (setup.folder / "knot").mkdir(exist_ok=True)
    config = setup.folder / "knot.conf"
    config.write_text(text)
    return [program, "-c", str(config)]


def _key(key: PeerKey) -> str:
    return _KEY.format(name=key.name, algorithm=key.algorithm, secret=key.secret)


def _remote(primary: Primary) -> str:
    return _REMOTE.format(
        id=_id(primary), host=primary.host, port=primary.port, key=_key_of(primary)
    )


def _notify(primary: Primary) -> str:
    return _NOTIFY.format(id=_id(primary), host=primary.host, key=_key_of(primary))


def _id(primary: Primary) -> str:
    key = primary.key.name if primary.key is not None else "plain"
    return f"{primary.host}-{primary.port}-{key}"


def _key_of(primary: Primary) -> str:
    return f'    key: "{primary.key.name}"\n' if primary.key is not None else ""


def _zone(zone: PeerZone) -> str:
    if zone.primary is None:
        return _ZONE.format(name=zone.name, file=zone.file, acl='"transfer"') + _PRIMARY
    name = _id(zone.primary)
    acl = f'"transfer", "notify-{name}"'
    return _ZONE.format(name=zone.name, file=zone.file, acl=acl) + _SECONDARY.format(id=name)
