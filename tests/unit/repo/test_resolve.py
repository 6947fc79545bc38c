"""The answer to a query without a resolver: the same octets as a resolver's, at any commit."""

import random

import dns.message
import msgspec
import pytest

from tests.support.differential.questions import Question, make_questions
from tests.support.differential.random_zones import make_zones as random_zones
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, tip
from zonegit.errors import Denied, Invalid, NotFound
from zonegit.nameserver.answer import responder
from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.zone_table import ServedBranches, ZoneTable
from zonegit.nameserver.message.fragment import TC
from zonegit.nameserver.message.query import DATAGRAM, STREAM
from zonegit.nameserver.zone.compiler import compile_zone
from zonegit.objects.ids import compute_id
from zonegit.repo import heads
from zonegit.repo.change import branches
from zonegit.repo.commit.edits import Set
from zonegit.repo.inspect import resolve
from zonegit.repo.inspect.resolve import QueryView
from zonegit.store.refs import RefStore
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zonefile import reader

MAIN = QueryView("main")
ASKED = 60
"""Questions of each trial."""


def query(name: str, rdtype: str = "A", **make) -> bytes:
    return dns.message.make_query(name, rdtype, id=0, **make).to_wire()


async def resolve_query(
    operators: TwoOperators, name: str, rdtype: str = "A", view: QueryView = MAIN, **make
):
    """Return the reply, parsed by dnspython, and the zones of its records."""
    found = await resolve.resolve(
        operators.repo,
        query(name, rdtype, **make),
        names.parse(name),
        rrtypes.parse_question_type(rdtype),
        view,
    )
    return dns.message.from_wire(found.reply), found


def texts(section: list[dns.rrset.RRset]) -> list[str]:
    return [line for rrset in section for line in rrset.to_text().splitlines()]


async def test_a_name_is_answered_with_its_records_and_their_commit(
    foo: TwoOperators,
) -> None:
    reply, found = await resolve_query(foo, "www.foo.com.")
    assert texts(reply.answer) == [
        "www.foo.com. 300 IN CNAME api.foo.com.",
        "api.foo.com. 300 IN A 192.0.2.80",
    ]
    assert [(each.zone, each.branch, each.serial) for each in found.zones] == [(ZONE, "main", 7)]
    assert found.zones[0].commit == await tip(foo)
    assert found.transport == "udp"


async def test_an_earlier_commit_is_answered_with_its_records(foo: TwoOperators) -> None:
    await foo.edit([Set(address("api", "192.0.2.99"))])
    now, _ = await resolve_query(foo, "api.foo.com.")
    then, found = await resolve_query(foo, "api.foo.com.", view=QueryView("main", at="HEAD~1"))
    assert texts(now.answer) == ["api.foo.com. 300 IN A 192.0.2.99"]
    assert texts(then.answer) == ["api.foo.com. 300 IN A 192.0.2.80"]
    assert found.zones[0].serial == 7


async def test_a_client_of_the_canary_sees_its_branch_and_the_scope(
    foo: TwoOperators,
) -> None:
    await branches.create(foo.repo, ZONE, "next", await tip(foo))
    await foo.edit([Set(address("api", "192.0.2.99"))], "next")
    subnet = dns.edns.ECSOption("198.51.100.0", 24)
    for percent, seen in ((100, "192.0.2.99"), (0, "192.0.2.80")):
        canary = Canary("next", percent)
        view = QueryView("main", canary_of={ZONE: canary}.get)
        reply, _ = await resolve_query(foo, "api.foo.com.", view=view, options=[subnet])
        assert texts(reply.answer) == [f"api.foo.com. 300 IN A {seen}"]
        assert [option.scopelen for option in reply.options] == [24]


async def test_an_alias_is_followed_into_another_zone_at_its_own_branch(foo: TwoOperators) -> None:
    other = names.parse("bar.net.")
    await heads.initialise(foo.repo, other)
    await foo.import_file(
        FOO.replace("api   IN A   192.0.2.80", "api IN CNAME api.foo.com."), other
    )
    reply, found = await resolve_query(
        foo, "api.bar.net.", view=QueryView("main", at="refs/heads/bar.net./main")
    )
    assert texts(reply.answer)[-1] == "api.foo.com. 300 IN A 192.0.2.80"
    assert [names.text(each.zone) for each in found.zones] == ["bar.net.", "foo.com."]


async def test_each_zone_of_an_alias_chain_has_a_canary_of_its_own(foo: TwoOperators) -> None:
    other = names.parse("bar.net.")
    await heads.initialise(foo.repo, other)
    await foo.import_file(
        FOO.replace("api   IN A   192.0.2.80", "api IN CNAME api.foo.com."), other
    )
    await branches.create(foo.repo, ZONE, "next", await tip(foo))
    await foo.edit([Set(address("api", "192.0.2.99"))], "next")
    subnet = dns.edns.ECSOption("198.51.100.0", 24)
    for zone, seen in ((ZONE, "192.0.2.99"), (other, "192.0.2.80")):
        view = QueryView("main", canary_of={zone: Canary("next", 100)}.get)
        reply, _ = await resolve_query(foo, "api.bar.net.", view=view, options=[subnet])
        assert texts(reply.answer)[-1] == f"api.foo.com. 300 IN A {seen}"


async def test_a_name_outside_all_zones_is_not_found(foo: TwoOperators) -> None:
    with pytest.raises(NotFound, match="no zone has"):
        await resolve_query(foo, "www.foo.net.")


class TenantRefs:
    """Refs for a tenant who may only query foo.com. and zones below it."""

    def __init__(self, refs: RefStore) -> None:
        self._refs = refs

    def __getattr__(self, name: str):
        return getattr(self._refs, name)

    async def zone(self, zone: Name, actor: str):
        if not names.is_within(zone, ZONE):
            raise Denied(f"{names.text(zone)} is not yours")
        return await self._refs.zone(zone, actor)


async def test_a_tenant_is_answered_about_its_own_zone_and_denied_others(
    foo: TwoOperators,
) -> None:
    fenced = msgspec.structs.replace(foo.repo, refs=TenantRefs(foo.repo.refs))
    reply, _ = await resolve_query(TwoOperators(fenced, foo.other), "www.foo.com.")
    assert texts(reply.answer)[-1] == "api.foo.com. 300 IN A 192.0.2.80"
    with pytest.raises(Denied):
        await resolve_query(TwoOperators(fenced, foo.other), "www.bar.com.")


async def test_an_invalid_commit_is_not_replaced_by_the_branch(foo: TwoOperators) -> None:
    with pytest.raises(NotFound, match="nowhere"):
        await resolve_query(foo, "www.foo.com.", view=QueryView("main", at="nowhere"))


async def test_an_answer_too_large_for_a_datagram_is_that_over_tcp(foo: TwoOperators) -> None:
    records = "".join(f"big IN TXT {'x' * 200}{n:03}\n" for n in range(30))
    await foo.import_file(FOO.replace("admin 7", "admin 8") + records)
    reply, found = await resolve_query(foo, "big.foo.com.", "TXT")
    assert found.transport == "tcp"
    assert len(reply.answer[0]) == 30


async def test_octets_that_are_not_a_query_are_refused(foo: TwoOperators) -> None:
    with pytest.raises(Invalid, match="not a DNS query"):
        await resolve.resolve(foo.repo, b"\0" * 3, names.parse("foo.com."), rrtypes.A, MAIN)


@pytest.mark.parametrize("seed", range(1, 7))
async def test_a_partial_read_gives_the_same_octets_as_a_whole_zone(
    operators: TwoOperators, seed: int
) -> None:
    """Random zones with many cuts, wildcards, aliases and empty non-terminals, one below
    another."""
    made = random_zones(seed)
    whole = ZoneTable()
    for each in made:
        apex = names.parse(each.apex)
        rrsets = reader.read(each.text().encode(), apex).rrsets
        await heads.initialise(operators.repo, apex)
        await operators.import_file(each.text(), apex)
        state = whole.make_state(
            apex, "main", compute_id("commit", b""), compile_zone(apex, rrsets.values())
        )
        whole.replace(apex, ServedBranches(state))
    every = make_questions(made, seed)
    for question in random.Random(seed).sample(every, min(ASKED, len(every))):
        await _compare(operators, whole, question)


async def _compare(operators: TwoOperators, whole: ZoneTable, question: Question) -> None:
    wire = question.query()
    name = Name(question.name.to_wire().lower())
    qtype = rrtypes.parse_question_type(question.rdtype)
    expected = responder.respond(wire, whole, resolve.PEER, DATAGRAM)
    assert expected is not None
    if int.from_bytes(expected[2:4], "big") & TC:
        expected = responder.respond(wire, whole, resolve.PEER, STREAM)
    if whole.find(name, qtype) is None:
        with pytest.raises(NotFound):
            await resolve.resolve(operators.repo, wire, name, qtype, MAIN)
        return
    view = QueryView("main", whole=question.do)
    found = await resolve.resolve(operators.repo, wire, name, qtype, view)
    assert found.reply == expected, question
