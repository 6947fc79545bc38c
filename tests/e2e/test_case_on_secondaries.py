"""Records that differ only in the case of names in RDATA, with real secondaries.

A secondary keeps one of them, so it must never be told to remove it while it is served.
"""

import asyncio
from pathlib import Path

import dns.message
import dns.query
from tests.e2e.stack import Stack
from tests.e2e.test_racing_clients import bus_of
from tests.e2e.test_secondaries import (
    CHANGING,
    ON_MAIN,
    FollowedStack,
    query_serial,
    run_secondaries,
)
from tests.support.remote_stores import objects_of, refs_of

from zonegit.bus import connect
from zonegit.objects.model import Identity
from zonegit.repo import heads
from zonegit.repo.commit import commit_loop
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed
from zonegit.repo.repo import Repo
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, rdata_from_text

ZONE = names.parse("foo.com.")
UPPER, LOWER, OTHER = "10 MX.foo.com.", "10 mx.foo.com.", "20 b.foo.com."


def rrset_as_stored(owner: str, rdtype: int, *texts: str) -> RRset:
    """Return an RRset with every spelling, as earlier releases stored it."""
    rdatas = sorted({rdata_from_text(rdtype, text, ZONE) for text in texts})
    return RRset(names.parse(owner, ZONE), rdtype, 300, tuple(rdatas))


def commit_unchanged(stack: Stack, value: RRset) -> None:
    """Commit an RRset unchanged."""

    async def plan(_reader: Reader, _tip: CommitBase) -> PlannedChange:
        key = (value.owner, value.rdtype)
        return PlannedChange({key: value}, {key})

    async def commit() -> None:
        async with connect(bus_of(stack.data), name="ada") as bus:
            who = Identity("ada", "ada@example.net", 1_795_232_912)
            repo = Repo(
                objects_of(bus, "ada"),
                refs_of(bus, "ada"),
                "ada",
                lambda: who,
            )
            at = await heads.find_position(repo, ZONE, "main")
            made = await commit_loop.commit(repo, at, plan, Intent("as before", "set"))
            assert isinstance(made, Committed)

    asyncio.run(commit())


def check_equal(stack: Stack, site: FollowedStack) -> None:
    """Check that every secondary has the served records and answers with them."""
    wanted = stack.json("show", "HEAD")["serial"]
    site.catch_up("foo.com.")
    assert query_serial(site.port, "foo.com.") == wanted
    site.check_equal("foo.com.")


def query_records(port: int, name: str, rdtype: str) -> set[str]:
    """Return the records of an answer, in lower case."""
    reply = dns.query.tcp(dns.message.make_query(name, rdtype), "127.0.0.1", 10, port)
    assert reply.rcode() == 0, reply
    return {record.to_text().lower() for rrset in reply.answer for record in rrset}


def query_all(site: FollowedStack, name: str, rdtype: str) -> list[set[str]]:
    """Return the answer of each server, ours first."""
    return [query_records(port, name, rdtype) for port in (site.port, *site.secondaries.values())]


def test_a_record_in_two_spellings_is_one_on_every_secondary(
    own_stack: Stack, tmp_path: Path
) -> None:
    """RFC 4034 section 6.2, RFC 6840 section 5.1, RFC 1995."""
    with run_secondaries(own_stack, tmp_path, "foo.com.", CHANGING.encode()) as site:
        servers = 1 + len(site.secondaries)
        own_stack.run("set", "mail", "MX", "300", UPPER, LOWER, OTHER, *ON_MAIN)
        assert own_stack.json("show", "mail", "MX")["rdata"] == [UPPER, OTHER]
        check_equal(own_stack, site)
        assert query_all(site, "mail.foo.com", "MX") == [{LOWER, OTHER}] * servers
        own_stack.run("remove", "mail", "MX", LOWER, *ON_MAIN)
        check_equal(own_stack, site)
        assert query_all(site, "mail.foo.com", "MX") == [{OTHER}] * servers
        said = own_stack.run("set", "@", "NS", "300", "NS1", "--branch", "main")
        assert "nothing to commit" in said.out
        assert "--respell" in said.err
        own_stack.run("set", "@", "NS", "300", "NS1", "--respell", *ON_MAIN)
        check_equal(own_stack, site)
        assert query_all(site, "foo.com", "NS") == [{"ns1.foo.com."}] * servers
        given = site.transfers("foo.com.")
        for program in site.secondaries:
            assert given[program, "ixfr"] >= 2, given


def test_two_spellings_of_an_earlier_release_leave_one_record_on_every_secondary(
    own_stack: Stack, tmp_path: Path
) -> None:
    """The next change of an RRset drops one of two spellings, also at the apex."""
    with run_secondaries(own_stack, tmp_path, "foo.com.", CHANGING.encode()) as site:
        servers = 1 + len(site.secondaries)
        commit_unchanged(own_stack, rrset_as_stored("mail", rrtypes.MX, UPPER, LOWER))
        commit_unchanged(own_stack, rrset_as_stored("@", rrtypes.NS, "NS1", "ns1"))
        own_stack.run("set", "new", "A", "300", "192.0.2.200", *ON_MAIN)
        check_equal(own_stack, site)
        assert query_all(site, "foo.com", "NS") == [{"ns1.foo.com."}] * servers
        assert "case-twins" in own_stack.run("lint", status=10).out
        assert own_stack.json("fsck")["clean"] is True
        own_stack.run("add", "mail", "MX", "300", OTHER, *ON_MAIN)
        commit_unchanged(own_stack, rrset_as_stored("@", rrtypes.NS, "ns1"))
        own_stack.run("set", "new", "A", "300", "192.0.2.201", *ON_MAIN)
        check_equal(own_stack, site)
        assert query_all(site, "mail.foo.com", "MX") == [{LOWER, OTHER}] * servers
        assert query_all(site, "foo.com", "NS") == [{"ns1.foo.com."}] * servers
        own_stack.run("reset", "--hard", "HEAD~4", *ON_MAIN)
        check_equal(own_stack, site)
        given = site.transfers("foo.com.")
        for program in site.secondaries:
            assert given[program, "ixfr"] >= 2, given
