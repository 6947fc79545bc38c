"""A client that may commit sends trees that are not valid zones, with correct ids.

No branch or tag accepts one, even with force: a resolver would not load it, would serve records
that no other server accepts, or would hide some.
"""

import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from tests.contract.conftest import RefStoreHarness, open_remote_refs
from tests.support.forge import Forge, entry, label
from tests.support.raw_nats import RawClient, connect_raw
from tests.support.waiting import open_in_task

from zonegit.objects.ids import ObjectId
from zonegit.store import ref_names
from zonegit.store.ref_names import RefName
from zonegit.store.refs import Absent, Exactly, Expected
from zonegit.wire import codec, subjects
from zonegit.wire.messages import ChangeInfo, Move, PutObjects, Register
from zonegit.zone import names

FOO = names.parse("foo.com.")
MAIN = ref_names.branch(FOO, "main")
INBOX = "_INBOX.mallory"


@dataclass
class Mallory:
    """A hand-made client, its objects, and the stores that it talks to."""

    client: RawClient
    forge: Forge
    harness: RefStoreHarness
    tip: ObjectId | None = None

    async def ask(
        self, service: str, verb: str, message: msgspec.Struct, ref: RefName | None = None
    ) -> dict[str, object]:
        """Send a request, and return the raw reply."""
        inbox = f"{INBOX}.{secrets.token_hex(8)}"
        subject = subjects.request("mallory", service, verb, ref)
        self.client.publish(subject, codec.encode(message), inbox)
        reply: dict[str, object] = msgspec.msgpack.decode(
            (await self.client.wait_for(inbox)).payload
        )
        return reply

    async def put(self) -> dict[str, object]:
        """Store all objects forged since the last call."""
        objects, self.forge.objects = self.forge.objects, []
        return await self.ask("objects", "put", PutObjects(objects=objects))

    async def move(
        self, new: ObjectId, *, ref: RefName = MAIN, expected: Expected | None = None
    ) -> dict[str, object]:
        """Move a ref with as much force as a client can."""
        here = Exactly(self.tip) if self.tip is not None else Absent()
        why = ChangeInfo(
            command="set", operation=secrets.token_hex(16), force=True, reason="because"
        )
        verb = "serve" if ref.space == "serving" else "move"
        message = Move(expected=expected or here, new=new, why=why)
        return await self.ask("refs", verb, message, ref)

    async def commit(self, tree: ObjectId) -> ObjectId:
        """Store a commit of a tree, which must succeed."""
        commit = self.forge.commit(tree, [self.tip] if self.tip is not None else [])
        assert await self.put() == {}
        return commit


@pytest_asyncio.fixture
async def mallory(nats_url: str, tmp_path: Path) -> AsyncIterator[Mallory]:
    """Register a zone with one honest commit."""
    async with (
        open_in_task(open_remote_refs(tmp_path, nats_url)) as harness,
        connect_raw(nats_url) as client,
    ):
        client.subscribe(f"{INBOX}.>")
        made = Mallory(client, Forge(FOO), harness)
        why = ChangeInfo(command="init", operation=secrets.token_hex(16))
        await made.ask("refs", "register", Register(why=why), ref_names.marker(FOO))
        www = made.forge.tree({entry("A"): made.forge.text("www", "A", "192.0.2.1")})
        tip = await made.commit(made.forge.apex(1, {label("www"): www}))
        assert "code" not in await made.move(tip)
        made.tip = tip
        yield made


def alias_beside_address(forge: Forge) -> ObjectId:
    both = {
        entry("A"): forge.text("x", "A", "192.0.2.9"),
        entry("CNAME"): forge.text("x", "CNAME", "www"),
    }
    return forge.apex(2, {label("x"): forge.tree(both)})


def alias_at_the_apex(forge: Forge) -> ObjectId:
    return forge.apex(2, {entry("CNAME"): forge.text("@", "CNAME", "www")})


def redirection_at_a_cut(forge: Forge) -> ObjectId:
    both = {
        entry("NS"): forge.text("x", "NS", "www"),
        entry("DNAME"): forge.text("x", "DNAME", "www"),
    }
    return forge.apex(2, {label("x"): forge.tree(both)})


def soa_below_the_apex(forge: Forge) -> ObjectId:
    soa = forge.text("x", "SOA", "ns. host. 1 3600 600 86400 300")
    return forge.apex(2, {label("x"): forge.tree({entry("SOA"): soa})})


def ds_at_the_apex(forge: Forge) -> ObjectId:
    return forge.apex(2, {entry("DS"): forge.text("@", "DS", "1 8 2 " + "00" * 32)})


def owner_outside_of_the_zone(forge: Forge) -> ObjectId:
    stranger = forge.text("www.example.net.", "A", "192.0.2.9")
    return forge.apex(2, {label("x"): forge.tree({entry("A"): stranger})})


def owner_of_another_name(forge: Forge) -> ObjectId:
    return forge.apex(2, {label("x"): forge.tree({entry("A"): forge.text("y", "A", "192.0.2.9")})})


def apex_of_another_name(forge: Forge) -> ObjectId:
    return forge.apex(2, {entry("A"): forge.text("www", "A", "192.0.2.9")})


def type_of_another_number(forge: Forge) -> ObjectId:
    text = forge.text("x", "TXT", "hidden")
    return forge.apex(2, {label("x"): forge.tree({entry("A"): text})})


def a_type_nobody_knows(forge: Forge) -> ObjectId:
    text = forge.text("x", "TXT", "hidden")
    return forge.apex(2, {label("x"): forge.tree({entry("FOO"): text})})


def a_type_of_questions(forge: Forge) -> ObjectId:
    text = forge.text("x", "TXT", "hidden")
    return forge.apex(2, {label("x"): forge.tree({entry("TYPE255"): text})})


def another_spelling_of_a_type(forge: Forge) -> ObjectId:
    address = forge.text("x", "A", "192.0.2.9")
    return forge.apex(2, {label("x"): forge.tree({entry("TYPE1"): address})})


def leading_zeros(forge: Forge) -> ObjectId:
    unknown = forge.blob("x", "TYPE9999", b"\1\2")
    return forge.apex(2, {label("x"): forge.tree({entry("TYPE09999"): unknown})})


def a_tree_in_place_of_an_rrset(forge: Forge) -> ObjectId:
    inner = forge.tree({entry("A"): forge.text("x", "A", "192.0.2.9")})
    return forge.apex(2, {label("x"): forge.tree({entry("A"): inner})})


def an_rrset_in_place_of_a_tree(forge: Forge) -> ObjectId:
    return forge.apex(2, {label("x"): forge.text("x", "A", "192.0.2.9")})


def an_rrset_further_down(forge: Forge) -> ObjectId:
    """The object store has seen the RRset when it computes the outline of the tree."""
    inner = forge.tree({label("y"): forge.text("y.x", "A", "192.0.2.9")})
    return forge.apex(2, {label("x"): inner})


def one_subtree_at_two_names(forge: Forge) -> ObjectId:
    shared = forge.tree({entry("A"): forge.text("x", "A", "192.0.2.9")})
    return forge.apex(2, {label("x"): shared, label("y"): shared})


def an_exponential_tree(forge: Forge) -> ObjectId:
    below = forge.tree({entry("A"): forge.text("x", "A", "192.0.2.9")})
    for _ in range(100):
        below = forge.tree({label("a"): below, label("b"): below})
    return forge.apex(2, {label("x"): below})


def a_tree_deeper_than_names(forge: Forge) -> ObjectId:
    """Its names have 320 octets. Labels of one octet would take four times as many round trips."""
    below = forge.tree({entry("A"): forge.text("x", "A", "192.0.2.9")})
    for _ in range(40):
        below = forge.tree({label("a" * 7): below})
    return forge.apex(2, {label("x"): below})


def host(forge: Forge, number: int) -> ObjectId:
    return forge.tree({entry("A"): forge.text(f"h{number}", "A", "192.0.2.9")})


def an_index_that_counts_wrongly(forge: Forge) -> ObjectId:
    runs = [forge.tree({label(f"h{number}"): host(forge, number)}) for number in (1, 2)]
    last = forge.tree({entry("SOA"): forge.soa(2)})
    return forge.index(
        1, (label("h1"), 7, runs[0]), (label("h2"), 1, runs[1]), (entry("SOA"), 1, last)
    )


def an_index_of_overlapping_runs(forge: Forge) -> ObjectId:
    """A reader that searches for h1 reads the first run, which does not have it."""
    first = forge.tree({label("h5"): host(forge, 5)})
    second = forge.tree({label("h1"): host(forge, 1), label("h7"): host(forge, 7)})
    last = forge.tree({entry("SOA"): forge.soa(2)})
    return forge.index(
        1, (label("h5"), 1, first), (label("h7"), 2, second), (entry("SOA"), 1, last)
    )


def an_index_with_another_last_key(forge: Forge) -> ObjectId:
    first = forge.tree({label("h1"): host(forge, 1)})
    last = forge.tree({entry("SOA"): forge.soa(2)})
    return forge.index(1, (label("h9"), 1, first), (entry("SOA"), 1, last))


def types_apart_in_two_runs(forge: Forge) -> ObjectId:
    """Each run is in order, and together they have one type twice."""
    runs = [
        {entry("A"): forge.text("@", "A", "192.0.2.8")},
        {entry("SOA"): forge.soa(2)},
        {entry("TYPE1"): forge.text("@", "A", "192.0.2.9")},
    ]
    rows = [(next(iter(run)), 1, forge.tree(run)) for run in runs]
    return forge.index(1, *rows)


ATTACKS: dict[str, tuple[Callable[[Forge], ObjectId], str]] = {
    "a CNAME next to an A": (alias_beside_address, "a CNAME and other data (A)"),
    "a CNAME at the apex": (alias_at_the_apex, "a CNAME and other data (SOA)"),
    "NS and DNAME": (redirection_at_a_cut, "NS and DNAME records"),
    "an SOA below the apex": (soa_below_the_apex, "SOA is not at the apex"),
    "a DS at the apex": (ds_at_the_apex, "DS is at the apex"),
    "an owner outside of the zone": (owner_outside_of_the_zone, "in place of x.foo.com. A"),
    "another owner": (owner_of_another_name, "y.foo.com. A is stored in place of x.foo.com. A"),
    "another owner at the apex": (apex_of_another_name, "in place of foo.com. A"),
    "another type": (type_of_another_number, "x.foo.com. TXT is stored in place of x.foo.com. A"),
    "a type that there is not": (a_type_nobody_knows, "an RRset of FOO"),
    "a type of questions": (a_type_of_questions, "an RRset of TYPE255"),
    "A as TYPE1": (another_spelling_of_a_type, "x.foo.com. A is stored as TYPE1"),
    "leading zeros": (leading_zeros, "x.foo.com. TYPE9999 is stored as TYPE09999"),
    "a tree for an RRset": (a_tree_in_place_of_an_rrset, "x.foo.com. A is a tree"),
    "an RRset for a tree": (an_rrset_in_place_of_a_tree, "is used as a tree but is not one"),
    "an RRset for a tree, further down": (
        an_rrset_further_down,
        "is used as a tree but is not one",
    ),
    "one subtree at two names": (one_subtree_at_two_names, "x.foo.com. A is stored in place of"),
    "an exponential tree": (an_exponential_tree, "at two names of one zone"),
    "a tree that is too deep": (a_tree_deeper_than_names, "longer than a name"),
    "wrong counts": (an_index_that_counts_wrongly, "does not match the index above it"),
    "overlapping runs": (an_index_of_overlapping_runs, "does not match the index above it"),
    "another last key": (an_index_with_another_last_key, "does not match the index above it"),
    "a type twice, in two runs": (types_apart_in_two_runs, "the type A twice"),
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_a_branch_never_gets_a_malformed_tip(mallory: Mallory, name: str) -> None:
    attack, why = ATTACKS[name]
    commit = await mallory.commit(attack(mallory.forge))
    reply = await mallory.move(commit)
    assert reply["code"] == "invalid"
    assert why in str(reply["message"])
    heads = (await mallory.harness.refs.zone(FOO, "ada")).heads
    assert {name: tip.target for name, tip in heads.items()} == {"main": mallory.tip}


@pytest.mark.parametrize("space", ["a new branch", "a tag"])
@pytest.mark.parametrize("name", ["a CNAME next to an A", "an exponential tree", "wrong counts"])
async def test_another_ref_never_gets_a_malformed_tip(
    mallory: Mallory, name: str, space: str
) -> None:
    attack, why = ATTACKS[name]
    commit = await mallory.commit(attack(mallory.forge))
    ref = ref_names.tag(FOO, "v1") if space == "a tag" else ref_names.branch(FOO, "other")
    reply = await mallory.move(commit, ref=ref, expected=Absent())
    assert reply["code"] == "invalid"
    assert why in str(reply["message"])


MALFORMED = {
    "an A of three octets": (("x", "A", b"\1\2\3"), {}),
    "an MX without a host": (("x", "MX", b"\0\1"), {}),
    "a name that runs out": (("x", "NS", b"\3www"), {}),
    "two aliases": (("x", "CNAME", b"\1a\0", b"\1b\0"), {}),
    "another class": (("x", "A", bytes(4)), {"rdclass": 3}),
    "a TTL of 32 bits": (("x", "A", bytes(4)), {"ttl": 1 << 31}),
}


@pytest.mark.parametrize("name", MALFORMED)
async def test_a_malformed_rrset_is_not_stored(mallory: Mallory, name: str) -> None:
    arguments, options = MALFORMED[name]
    blob = mallory.forge.blob(*arguments, **options)  # type: ignore[arg-type]  # a table of them
    reply = await mallory.put()
    assert reply["code"] == "invalid"
    assert "x.foo.com." in str(reply["message"])
    assert await mallory.harness.objects.missing([blob]) == {blob}


@pytest.mark.parametrize(
    "pairs", [("A", "TYPE1"), ("SOA", "TYPE6"), ("TYPE9999", "TYPE09999")], ids=" and ".join
)
async def test_a_tree_with_one_type_twice_is_not_stored(
    mallory: Mallory, pairs: tuple[str, str]
) -> None:
    """A reader would see one of them, perhaps not the same one as the serial rule."""
    forge = mallory.forge
    one = forge.soa(9) if pairs[0] == "SOA" else forge.blob("@", pairs[0], bytes(4))
    other = forge.soa(1) if pairs[0] == "SOA" else forge.blob("@", pairs[0], b"\1\2\3\4")
    tree = forge.apex(2, {entry(pairs[0]): one, entry(pairs[1]): other})
    reply = await mallory.put()
    assert reply["code"] == "corrupt"
    assert "twice" in str(reply["message"])
    assert await mallory.harness.objects.missing([tree]) == {tree}


async def test_a_valid_zone_is_accepted(mallory: Mallory) -> None:
    """The same client does it in the same way."""
    forge = mallory.forge
    www = forge.tree({entry("AAAA"): forge.text("www", "AAAA", "2001:db8::1")})
    beside = {
        entry("CNAME"): forge.text("x", "CNAME", "www"),
        entry("NSEC"): forge.text("x", "NSEC", "@ CNAME NSEC"),
    }
    deep = forge.tree(
        {label("_tcp"): forge.tree({entry("A"): forge.text("_tcp._sip", "A", "192.0.2.1")})}
    )
    commit = await mallory.commit(
        forge.apex(2, {label("www"): www, label("x"): forge.tree(beside), label("_sip"): deep})
    )
    assert "code" not in await mallory.move(commit)
