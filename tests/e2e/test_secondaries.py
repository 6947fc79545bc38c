"""Real secondaries: NSD, Knot and BIND follow a stack, and end with exactly its records."""

import base64
import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.name
import dns.query
import dns.tsig
import dns.tsigkeyring
import pytest
from tests.e2e.backups import back_up, restore
from tests.e2e.stack import Stack, wait_until
from tests.support import peers
from tests.support.ports import free_port
from tests.support.vectors import root_zone

PROGRAMS = ("nsd", "knotd", "named")
SECRET = base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
SIGNING = ("nsd", "named", "us")
"""Knot asks without a key, everybody else with one each, by which the log tells them apart."""
KEYS = {name: peers.PeerKey(f"{name}-key.", "hmac-sha256", SECRET) for name in SIGNING}
VERSIONS = (2018022001, 2018022101, 2018022201, 2018022300)

CHANGING = "$TTL 300\n@ IN SOA ns1 admin 1 7200 3600 1209600 300\n@ IN NS ns1\n" + "".join(
    f"h{number} IN A 192.0.2.{number}\n" for number in range(60)
)

WAIT_OPTIONS = ("--wait", "--timeout", "100")
"""A command returns once the resolver serves what it has committed."""
ON_MAIN = ("--branch", "main", *WAIT_OPTIONS)

Keyring = dict[dns.name.Name, dns.tsig.Key]
Record = tuple[str, int, int, bytes]


@dataclass
class FollowedStack:
    """A stack, and the secondaries that are installed on this machine."""

    stack: Stack
    port: int
    secondaries: dict[str, int]
    start: tuple[str, ...]
    """How the stack is started (again)."""

    def log(self, event: str) -> list[dict[str, object]]:
        """Return the events of this name in the resolver's log."""
        text = (self.stack.data / "logs" / "resolver-1.log").read_text()
        found = [json.loads(line) for line in text.splitlines() if f'"{event}"' in line]
        return [line for line in found if line["event"] == event]

    def transfers(self, zone: str) -> Counter[tuple[str, str]]:
        """Return the number of transfers of each kind to each secondary."""
        owners = {key.name: program for program, key in KEYS.items()}
        return Counter(
            (owners.get(str(line["key"]), "knotd"), str(line["kind"]))
            for line in self.log("transfer.sent")
            if line["zone"] == zone
        )

    def catch_up(self, zone: str) -> None:
        """Wait until every secondary has the serial of the resolver."""
        here = query_serial(self.port, zone)
        for program, port in self.secondaries.items():
            wait_until(
                lambda port=port: query_serial(port, zone) == here, f"{program} is not at {here}"
            )

    def check_equal(self, zone: str) -> None:
        """Check that all secondaries return the same records."""
        expected = transfer_zone(self.port, zone, dns.tsigkeyring.from_text({"us-key.": SECRET}))
        assert len(expected) > 50
        for program, port in self.secondaries.items():
            found = transfer_zone(port, zone)
            assert found == expected, (program, found ^ expected)


def query_serial(port: int, zone: str) -> int | None:
    try:
        reply = dns.query.udp(dns.message.make_query(zone, "SOA"), "127.0.0.1", 2, port)
    except (OSError, dns.exception.DNSException):
        return None
    return reply.answer[0][0].serial if reply.answer else None


def transfer_zone(port: int, zone: str, keyring: Keyring | None = None) -> set[Record]:
    """Return every record of a zone, by AXFR; names in lower case, because secondaries may fold
    it."""
    messages = dns.query.xfr(
        "127.0.0.1", zone, port=port, lifetime=60, relativize=False, keyring=keyring
    )
    return {
        (str(rrset.name).lower(), rrset.ttl, int(rrset.rdtype), record.to_digestable())
        for message in messages
        for rrset in message.answer
        for record in rrset
    }


@contextmanager
def run_secondaries(stack: Stack, folder: Path, zone: str, text: bytes) -> Iterator[FollowedStack]:
    """Run a stack with one zone, and secondaries that it notifies."""
    here = [program for program in PROGRAMS if peers.find_program(program) is not None]
    if not here:
        pytest.skip(f"none of {', '.join(PROGRAMS)} is installed")
    port = free_port()
    keys, settings = folder / "keys", folder / "resolver.toml"
    keys.write_text(
        "".join(
            f'key "{key.name}" {{ algorithm {key.algorithm}; secret "{key.secret}"; }};\n'
            for key in KEYS.values()
        )
    )
    keys.chmod(0o600)
    settings.write_text(f'keys = "{keys}"\n')
    start = ("up", "--detach", "--listen", f"127.0.0.1:{port}", "--resolver-config", str(settings))
    stack.json(*start)
    stack.run("init", zone)
    (folder / "zone").write_bytes(text)
    stack.run("import", str(folder / "zone"), "--zone", zone, *WAIT_OPTIONS)
    with ExitStack() as running:
        started: dict[str, int] = {}
        for program in here:
            own = folder / program
            own.mkdir()
            primary = peers.Primary("127.0.0.1", port, KEYS.get(program))
            zones = [peers.PeerZone(zone, own / "copy.zone", primary)]
            started[program] = running.enter_context(peers.run_peer(program, own, zones)).port
        told = " ".join(
            f"127.0.0.1:{at}" + (f" key:{KEYS[program].name}" if program in KEYS else "")
            for program, at in started.items()
        )
        settings.write_text(f'keys = "{keys}"\nnotify = "{told}"\n')
        os.kill(stack.record()["pid"], signal.SIGHUP)
        site = FollowedStack(stack, port, started, start)
        site.catch_up(zone)
        yield site


def test_the_real_root_zone_is_followed_by_incremental_transfers(
    own_stack: Stack, tmp_path: Path
) -> None:
    """RFC 5936 and RFC 1995: four versions of the zone, with all signatures."""
    first, *later = map(root_zone, VERSIONS)
    with run_secondaries(own_stack, tmp_path, ".", first) as site:
        site.check_equal(".")
        for text in later:
            (tmp_path / "next").write_bytes(text)
            own_stack.run("import", str(tmp_path / "next"), "--zone", ".", *WAIT_OPTIONS)
            site.catch_up(".")
        site.check_equal(".")
        given = site.transfers(".")
        for program in site.secondaries:
            assert given[program, "ixfr"] >= len(later), given


def test_a_changing_zone_is_followed_through_a_merge_a_revert_and_a_reset(
    own_stack: Stack, tmp_path: Path
) -> None:
    """RFC 1995 section 4, RFC 1996, RFC 8945: fifty commits, most of which share a transfer with
    others."""
    with run_secondaries(own_stack, tmp_path, "foo.com.", CHANGING.encode()) as site:
        for number in range(1, 51):
            make_change(own_stack, number)
            if number % 7 == 0 or number in MILESTONES:
                site.catch_up("foo.com.")
                site.check_equal("foo.com.")
        site.catch_up("foo.com.")
        site.check_equal("foo.com.")
        given = site.transfers("foo.com.")
        for program in site.secondaries:
            assert given[program, "ixfr"] >= 5, given
            # NSD treats an update as failed if another one arrives within the same second.
            assert given[program, "axfr"] == 1 or program == "nsd", given
        assert not site.log("notify.unanswered")
        check_in_step(own_stack, site, "foo.com.")


def check_in_step(stack: Stack, site: FollowedStack, zone: str) -> None:
    """Check that ``zonegit secondaries`` and ``doctor`` report each secondary in step."""
    here = query_serial(site.port, zone)

    def is_in_step() -> bool:
        found = stack.json("secondaries", "--zone", zone)
        states = {(each["state"], each["has"], each["notified"]) for each in found}
        return len(found) == len(site.secondaries) and states == {("in step", here, here)}

    wait_until(is_in_step, "a secondary is not reported in step")
    checks = {each["check"]: each for each in stack.json("doctor")}
    for program, port in site.secondaries.items():
        (check,) = [each for name, each in checks.items() if name.startswith(f"127.0.0.1:{port}")]
        assert check["ok"], (program, check)


def test_a_secondary_that_does_not_answer_is_reported(own_stack: Stack, tmp_path: Path) -> None:
    settings, silent = tmp_path / "resolver.toml", f"127.0.0.1:{free_port()}"
    settings.write_text(f'notify = "{silent}"\n')
    own_stack.json("up", "--detach", "--listen", "127.0.0.1:0", "--resolver-config", str(settings))
    own_stack.zone("foo.example")

    def is_reported() -> bool:
        (found,) = own_stack.json("secondaries")
        return found["state"] == "silent" and found["notified_age_s"] > 5

    wait_until(is_reported, "the secondary is not reported as silent")
    (found,) = own_stack.json("secondaries")
    assert (found["secondary"], found["zone"], found["has"]) == (silent, "foo.example.", None)
    failed = own_stack.run("doctor", status=1).out
    assert f"{silent}  foo.example.: does not answer the NOTIFY of serial 1" in failed
    own_stack.run("zone", "remove", "foo.example", "--force", "--reason", "test")
    wait_until(lambda: own_stack.json("secondaries") == [], "the removed zone is still reported")


MERGE, REVERT, RESET = 20, 30, 40
MILESTONES = {number + step for number in (MERGE, REVERT, RESET) for step in (-1, 0)}


def make_change(stack: Stack, number: int) -> None:
    """Make one more commit on main."""
    if number == MERGE - 5:
        stack.run("branch", "side")
        stack.run("set", "side", "TXT", "300", "from the side", "--branch", "side")
    if number == MERGE:
        stack.run("merge", "side", *ON_MAIN)
    elif number == REVERT:
        stack.run("revert", "HEAD~1", *ON_MAIN)
    elif number == RESET:
        stack.run("reset", "--hard", "HEAD~6", *ON_MAIN)
    elif number % 5 == 0:
        stack.run("delete", f"h{number}", *ON_MAIN)
    elif number % 5 == 1:
        stack.run("set", "@", "MX", str(60 + number), "10 h1", f"20 h{number}", *ON_MAIN)
    else:
        address = f"192.0.2.{number + 100}"
        stack.run("set", f"h{number % 13}", "A", str(60 * number), address, *ON_MAIN)


@pytest.mark.parametrize("caches", [True, False], ids=["caches kept", "caches lost"])
def test_secondaries_equal_a_restored_store_after_the_documented_procedure(
    own_stack: Stack, tmp_path: Path, caches: bool
) -> None:
    """The backup is at serial 4, the lost commits lead to 6. Three commits would lead to 7 again,
    with other records than the secondaries have at 7."""
    with run_secondaries(own_stack, tmp_path, "foo.com.", CHANGING.encode()) as site:
        for serial_ in (2, 3, 4):
            own_stack.run("set", "www", "A", "300", f"192.0.2.{serial_}", *ON_MAIN)
        site.catch_up("foo.com.")
        backup = back_up(own_stack, tmp_path / "backup")
        own_stack.run("set", "www", "A", "300", "192.0.2.5", *ON_MAIN)
        own_stack.run("delete", "h5", *ON_MAIN)
        site.catch_up("foo.com.")
        site.check_equal("foo.com.")
        own_stack.run("down")
        restore(own_stack, backup, caches=caches)
        own_stack.json(*site.start)
        before = site.transfers("foo.com.")
        if caches:
            _is_held(own_stack, site)
        found = own_stack.json("recover", "--finish")
        (branch,) = found["zones"][0]["branches"]
        assert branch["new"] == (7 if caches else 1004)
        own_stack.run("set", "www", "A", "300", "192.0.2.7", *ON_MAIN)
        own_stack.run("set", "www", "A", "300", "192.0.2.8", *ON_MAIN)
        own_stack.run("delete", "h6", *ON_MAIN)
        wait_until(
            lambda: query_serial(site.port, "foo.com.") == branch["new"] + 3, "it is not served"
        )
        site.catch_up("foo.com.")
        site.check_equal("foo.com.")
        given = site.transfers("foo.com.") - before
        for program in site.secondaries:
            assert given[program, "axfr"] >= 1, given
        own_stack.run("doctor")


def _is_held(stack: Stack, site: FollowedStack) -> None:
    """Check that the divergence is reported, and does not grow."""
    said = stack.run("set", "www", "A", "300", "192.0.2.9", *ON_MAIN, status=6)
    assert "zonegit recover --finish" in said.err
    assert "restored" in stack.run("doctor", status=1).out
    (resolver,) = stack.json("resolvers")
    assert "zonegit recover" in resolver["zones"][0]["problem"]
    assert query_serial(site.port, "foo.com.") == 6
    site.check_equal("foo.com.")
