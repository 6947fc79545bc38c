"""A snapshot advanced by changes equals one compiled from scratch."""

import dns.dnssec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.nameserver.answer import responder
from zonegit.nameserver.answer.zone_table import ServedBranches, ZoneTable
from zonegit.nameserver.message.query import STREAM
from zonegit.nameserver.zone import compiler
from zonegit.nameserver.zone.compiler import RRsetChange, advance, apply_changes, compile_zone
from zonegit.nameserver.zone.snapshot import EMPTY, UNSIGNED, ZoneSnapshot, empty_snapshot
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_from_text, rrset

APEX = names.parse("foo.com.")
SOA = "a. b. 1 2 3 4 300"
OWNERS = ["@", "a", "b.a", "c.b.a", "*.a", "x.*.a", "d", "ns.d", "e", "ns.e", "*"]
RECORDS = [
    ("A", "192.0.2.1"),
    ("A", "192.0.2.2"),
    ("AAAA", "2001:db8::1"),
    ("NS", "ns.d.foo.com."),
    ("NS", "ns.e.foo.com."),
    ("NS", "b.a.foo.com."),
    ("MX", "1 b.a.foo.com."),
    ("CNAME", "b.a.foo.com."),
    ("CNAME", "q.a.foo.com."),
    ("DNAME", "d.foo.com."),
    ("SRV", "1 1 1 ns.d.foo.com."),
    ("SVCB", "0 b.a.foo.com."),
    ("SVCB", "1 . alpn=h2"),
    ("DS", "1 8 2 0000000000000000000000000000000000000000000000000000000000000000"),
    *(
        ("RRSIG", f"{covered} 8 2 300 20300101000000 20200101000000 1 foo.com. AAAA")
        for covered in ("A", "CNAME", "DS", "DNAME", "SOA", "NSEC", "NSEC3")
    ),
    ("NSEC", "e.foo.com. A RRSIG NSEC"),
]
HASHED = ["0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"]
NSEC3 = ("NSEC3", f"1 0 1 aabb {HASHED[0]} A RRSIG")
QUESTIONS = [*OWNERS, *HASHED[:1], "q.a", "q.b.a", "w.ns.d", "q", "q.e"]

PLAIN = bytes.fromhex("0000 0000 0001 0000 0000 0000")
WITH_EDNS = bytes.fromhex("0000 0000 0001 0000 0000 0001")
DO = bytes.fromhex("00 0029 1000 0000 8000 0000")

Zone = dict[tuple[Name, int], RRset]


def record(owner: str, mnemonic: str, text: str, ttl: int = 300) -> RRset:
    name = names.parse(owner, APEX)
    rdtype = rrtypes.from_text(mnemonic)
    return rrset(name, rdtype, ttl, [rdata_from_text(rdtype, text)])


def zone_of(rows: list[tuple[str, tuple[str, str], int]]) -> Zone:
    rrsets = [record(owner, *what, ttl) for owner, what, ttl in rows]
    rrsets.append(record("@", "SOA", SOA.replace("1", str(len(rows) + 1), 1)))
    return {(one.owner, one.rdtype): one for one in rrsets}


TTLS = st.sampled_from([60, 300])
ROWS = st.one_of(
    st.tuples(st.sampled_from(OWNERS), st.sampled_from(RECORDS), TTLS),
    st.tuples(st.sampled_from(HASHED), st.sampled_from([NSEC3, RECORDS[-2]]), TTLS),
    st.tuples(st.just("@"), st.just(("NSEC3PARAM", "1 0 1 aabb")), TTLS),
)
ZONES = st.lists(ROWS, max_size=18).map(zone_of)


def changes(old: Zone, new: Zone) -> list[RRsetChange]:
    return [
        RRsetChange(names.path(key[0], APEX), key[1], new.get(key))
        for key in {**old, **new}
        if old.get(key) != new.get(key)
    ]


def answer_all(snapshot: ZoneSnapshot) -> dict[tuple[str, int, bytes], bytes | None]:
    """Return every answer that a client can get from it."""
    zones = ZoneTable()
    state = zones.make_state(APEX, "main", b"", snapshot)
    zones.replace(APEX, ServedBranches(state))
    found = {}
    for owner in QUESTIONS:
        name = names.parse(owner, APEX)
        for rdtype in (1, 2, 5, 15, 28, 33, 39, 43, 46, 47, 50, 64, 6, 255):
            question = name + rdtype.to_bytes(2, "big") + b"\0\1"
            for header, opt in ((PLAIN, b""), (WITH_EDNS, DO)):
                reply = responder.respond(header + question + opt, zones, "::1", STREAM)
                found[owner, rdtype, opt] = reply
    return found


@settings(max_examples=60)
@given(ZONES, ZONES, st.randoms(use_true_random=False))
def test_an_advanced_snapshot_answers_as_one_compiled_from_scratch(old, new, random) -> None:
    before = compile_zone(APEX, old.values())
    answered = answer_all(before)  # Everything is rendered, so a cached answer could be stale.
    todo = changes(old, new)
    random.shuffle(todo)
    after = apply_changes(before, todo)
    assert answer_all(after) == answer_all(compile_zone(APEX, new.values()))
    assert answer_all(before) == answered


@given(ZONES)
def test_removing_everything_leaves_nothing(zone) -> None:
    after = apply_changes(compile_zone(APEX, zone.values()), changes(zone, {}))
    assert not after.root.data
    assert not after.root.children
    assert after.root.delegation is None
    assert not after.dependents
    assert after.denial is UNSIGNED
    assert after.serial is None


def test_work_has_one_step_for_each_change() -> None:
    rrsets = [record(f"h{n}", "A", "192.0.2.1") for n in range(100)]
    todo = [RRsetChange(names.path(one.owner, APEX), one.rdtype, one) for one in rrsets]
    assert len(list(advance(empty_snapshot(APEX), todo))) == 100


def test_a_cut_above_many_names_is_made_in_small_steps() -> None:
    """The search for answers with addresses of these names must not delay a query."""
    servers = record("@", "NS", "ns.foo.com.")
    many = [record(f"h{n}.a", "A", "192.0.2.1") for n in range(100)]
    snapshot = compile_zone(APEX, [servers, *many])
    cut = record("a", "NS", "ns.foo.com.")
    steps = list(advance(snapshot, [RRsetChange((b"a",), rrtypes.NS, cut)]))
    assert len(steps) > len(many)
    assert all(step.root is steps[-1].root for step in steps[2:])


def test_a_change_copies_only_the_path_to_it() -> None:
    before = compile_zone(APEX, [record("x.a", "A", "192.0.2.1"), record("y.b", "A", "192.0.2.1")])
    after = apply_changes(before, [RRsetChange((b"a", b"x"), 1, record("x.a", "A", "192.0.2.2"))])
    assert after.root.children[b"b"] is before.root.children[b"b"]
    assert after.root.children[b"a"] is not before.root.children[b"a"]


def test_removing_a_missing_rrset_changes_nothing() -> None:
    after = apply_changes(
        empty_snapshot(APEX), [RRsetChange((b"a", b"b"), 1, None), RRsetChange((), 2, None)]
    )
    assert after.root.children == EMPTY.children


@pytest.mark.parametrize(
    "change",
    [
        RRsetChange((b"b",), 1, record("a", "A", "192.0.2.1")),
        RRsetChange((b"a",), 28, record("a", "A", "192.0.2.1")),
        RRsetChange((b"a",), 1, RRset(names.parse("a.foo.com."), 1, 300, (b"1234",), rdclass=3)),
        RRsetChange((b"a",), 2, RRset(names.parse("a.foo.com."), 2, 300, (b"\3ns",))),
        RRsetChange((b"a",), 5, RRset(names.parse("a.foo.com."), 5, 300, (b"\xff\0",))),
        RRsetChange((b"a",), 39, RRset(names.parse("a.foo.com."), 39, 300, (b"",))),
        RRsetChange((), 6, RRset(APEX, 6, 300, (b"\0\0short",))),
    ],
    ids=["owner", "type", "class", "NS", "CNAME", "DNAME", "SOA"],
)
def test_an_rrset_that_does_not_match_its_place_is_refused(change: RRsetChange) -> None:
    """A store may have objects that zonegit's own commits would not create."""
    with pytest.raises(Invalid):
        apply_changes(empty_snapshot(APEX), [change])


def test_an_rrset_too_large_for_a_message_is_refused() -> None:
    """It could not be answered, and a larger one takes more time."""
    rdatas = tuple(sorted(number.to_bytes(4, "big") for number in range(5_000)))
    made = RRset(names.parse("www.foo.com."), rrtypes.A, 300, rdatas)
    with pytest.raises(Invalid, match="is too large for a DNS message"):
        compile_zone(APEX, [made])


def test_the_memory_of_a_zone_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that needs less memory than before is accepted at any size."""
    soa, first = record("@", "SOA", SOA), record("a", "A", "192.0.2.1")
    at_first = compile_zone(APEX, [soa, first])
    monkeypatch.setattr(compiler, "MAX_ZONE_MEMORY", at_first.size)
    with pytest.raises(Invalid, match="memory"):
        apply_changes(at_first, [RRsetChange((b"b",), rrtypes.A, record("b", "A", "192.0.2.1"))])
    monkeypatch.setattr(compiler, "MAX_ZONE_MEMORY", 0)
    assert apply_changes(at_first, [RRsetChange((b"a",), rrtypes.A, None)]).size < at_first.size


def test_the_rrsets_of_a_name_share_the_octets_of_its_owner() -> None:
    """Each RRset is read with octets of its own, and a zone has hundreds of thousands of RRsets."""
    made = compile_zone(
        APEX,
        [
            record("@", "SOA", SOA),
            record("www", "A", "192.0.2.1"),
            record("www", "AAAA", "2001:db8::1"),
            record("ftp", "A", "192.0.2.1"),
        ],
    )
    www = made.root.children[b"www"].data
    assert www[rrtypes.A].rrset.owner is www[rrtypes.AAAA].rrset.owner
    assert www[rrtypes.A].rrset.owner == names.parse("www.foo.com.")


SIGNATURE = "8 2 300 20300101000000 20200101000000 1 foo.com. AAAA"
OF_D = dns.dnssec.nsec3_hash("d.foo.com.", "aabb", 1, "SHA1").lower()
SIGNED = [
    record("@", "SOA", SOA),
    record("@", "NSEC3PARAM", "1 0 1 aabb"),
    record("@", "RRSIG", f"SOA {SIGNATURE}"),
    record("d", "NS", "ns.d.foo.com."),
    record(OF_D, "NSEC3", f"1 0 1 aabb {HASHED[0]} NS"),
    record("a", "MX", "1 b.a.foo.com."),
    record("b.a", "A", "192.0.2.1"),
]


@pytest.mark.parametrize(
    ("question", "news"),
    [
        (("w.ns.d", 1, DO), record(OF_D, "NSEC3", f"1 0 1 aabb {HASHED[1]} NS")),
        (("w.ns.d", 1, DO), record(OF_D, "RRSIG", f"NSEC3 {SIGNATURE}")),
        (("w.ns.d", 1, DO), record("@", "NSEC3PARAM", "1 0 2 aabb")),
        (("q", 1, DO), record("@", "RRSIG", f"SOA {SIGNATURE.replace('AAAA', 'BBBB')}")),
        (("a", 15, DO), record("b.a", "RRSIG", f"A {SIGNATURE}")),
        (("a", 15, b""), record("b.a", "A", "192.0.2.2")),
        (("a", 15, b""), record("b.a", "NS", "ns.elsewhere.")),
    ],
    ids=["proof", "signed proof", "chain", "negative", "brought, signed", "brought", "cut"],
)
def test_answers_from_several_rrsets_depend_on_each(question, news: RRset) -> None:
    old = {(one.owner, one.rdtype): one for one in SIGNED}
    before = compile_zone(APEX, old.values())
    told = answer_all(before)[question]
    path = names.path(news.owner, APEX)
    after = answer_all(apply_changes(before, [RRsetChange(path, news.rdtype, news)]))[question]
    assert after != told
    new = {**old, (news.owner, news.rdtype): news}
    assert after == answer_all(compile_zone(APEX, new.values()))[question]
