"""zonegit canary: serving settings in the store, on a real stack."""

import dns.edns
import dns.message
import dns.query
import pytest
from tests.e2e.stack import Stack, wait_until
from tests.e2e.test_serving import hang_up
from tests.support.waiting import DEADLINE_S

BOTH = ["resolver-1", "resolver-2"]
SUBNETS = [f"10.{n}.{m}.0" for n in range(20) for m in range(20)]
OLD, NEW = "192.0.2.80", "192.0.2.81"


def prepare(stack: Stack) -> None:
    stack.zone("foo.com")
    stack.run("branch", "next")
    stack.run("set", "api", "A", "60", "192.0.2.81", "--branch", "next")


def count_canary(stack: Stack) -> int:
    """Return the number of client subnets that see the canary."""
    return sum(ask(stack, each) == NEW for each in SUBNETS)


def ask(stack: Stack, subnet: str = "10.1.2.0") -> str | None:
    """Return the address that clients of a subnet get; None without an answer."""
    host, _, port = stack.record()["dns"][0].rpartition(":")
    options = [dns.edns.ECSOption(subnet, 24)]
    query = dns.message.make_query("api.foo.com.", "A", use_edns=0, options=options)
    reply = dns.query.udp(query, host, DEADLINE_S, int(port))
    return reply.answer[0][0].address if reply.answer else None


def sources(stack: Stack) -> dict[str, tuple[str | None, str | None]]:
    return {
        each["resolver"]: (each["canary"], each["source"])
        for each in stack.json("canary")["resolvers"]
    }


def test_a_canary_is_set_shown_undone_and_removed(own_stack: Stack) -> None:
    own_stack.up("--resolvers", "2")
    prepare(own_stack)
    said = own_stack.run("canary", "absent", "10", status=3).err
    assert "foo.com. has no branch 'absent'" in said
    assert "foo.com.: no canary in the store" in own_stack.run("canary").out
    said = own_stack.run("canary", "next", "10", "--dry-run").out
    assert "would change to: canary next, 10 % of client subnets (was: no canary)" in said
    assert own_stack.json("canary")["canary"] is None

    done = own_stack.json("canary", "next", "20%", "--wait")
    assert (done["changed"], done["served_by"], done["decided_by_file"]) == (True, BOTH, [])
    salt = done["canary"]["salt"]
    assert done["canary"] == {"branch": "next", "percent": 20, "salt": salt}
    assert sources(own_stack) == dict.fromkeys(BOTH, ("next:20", "store"))
    few = count_canary(own_stack)
    assert 0.12 * len(SUBNETS) < few < 0.28 * len(SUBNETS)
    said = own_stack.run("resolvers").out
    assert "next (20 %)" in said
    assert "set to 20 % of subnets by the store" in said
    assert f"{100 * few / len(SUBNETS):.1f} % of {len(SUBNETS)} queries" in said

    again = own_stack.run("canary", "next", "20", "--wait").out
    assert "nothing to change: foo.com. has canary next, 20 % of client subnets already" in again
    assert "served so by resolver-1, resolver-2" in again

    more = own_stack.json("canary", "next", "50", "--wait")
    assert more["canary"]["salt"] == salt
    assert count_canary(own_stack) > few
    assert "canary next 50 %" in own_stack.run("op", "log", "-n", "1").out
    said = own_stack.run("undo")
    assert "canary next 50 %" in said.out
    wait_until(lambda: sources(own_stack) == dict.fromkeys(BOTH, ("next:20", "store")))
    assert count_canary(own_stack) == few
    assert own_stack.run("fsck").out

    gone = own_stack.run("canary", "--off", "--wait").out
    assert "foo.com.: no canary (was: canary next, 20 % of client subnets)" in gone
    assert "served so by resolver-1, resolver-2" in gone
    assert count_canary(own_stack) == 0
    assert "canary --off" in own_stack.run("op", "log", "-n", "1").out
    assert "nothing to change" in own_stack.run("canary", "--off", "--wait").out


def test_the_file_wins_and_a_removed_zone_takes_its_canary_along(
    own_stack: Stack,
) -> None:
    file = own_stack.data / "resolver.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('[zone."foo.com"]\ncanary = ""\n')
    own_stack.up()
    prepare(own_stack)
    done = own_stack.json("canary", "next", "100", "--wait")
    assert (done["served_by"], done["decided_by_file"]) == ([], ["resolver-1"])
    assert ask(own_stack) == OLD
    assert sources(own_stack) == {"resolver-1": (None, "file")}
    file.write_text("")
    hang_up(own_stack)
    wait_until(lambda: ask(own_stack) == NEW)
    assert sources(own_stack) == {"resolver-1": ("next:100", "store")}

    removed = own_stack.run("zone", "remove", "foo.com", "--force", "--reason", "test").out
    assert "removed foo.com." in removed
    wait_until(lambda: ask(own_stack) is None)
    own_stack.run("undo")
    wait_until(lambda: ask(own_stack) == NEW)
    assert own_stack.json("canary", "--zone", "foo.com")["canary"]["percent"] == 100


@pytest.mark.parametrize(
    ("words", "status", "expected"),
    [
        (("canary", "main"), 2, "give BRANCH and PERCENT together"),
        (("canary", "main", "5", "--off"), 2, "mutually exclusive"),
        (("canary", "--dry-run"), 2, "--dry-run needs BRANCH and PERCENT"),
        (("canary", "main", "101"), 1, "'101' is not a percentage from 0 to 100"),
    ],
)
def test_a_wrong_canary_is_refused(
    stack: Stack, words: tuple[str, ...], status: int, expected: str
) -> None:
    assert expected in stack.run(*words, "--zone", "foo.com", status=status).err
