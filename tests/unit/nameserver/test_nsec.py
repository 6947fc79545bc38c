"""NSEC and NSEC3 records are kept in order, and separate from names."""

from hypothesis import given
from hypothesis import strategies as st

from zonegit.nameserver.zone.compiler import RRsetChange, apply_changes, compile_zone
from zonegit.nameserver.zone.snapshot import UNSIGNED, ZoneSnapshot, iter_rrsets
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, rdata_from_text, rrset

APEX = names.parse("foo.com.")
HASHES = ["0p9mhaveqvm6t7vbl5lop2u3t2rp3tom", "2t7b4g4vsa5smi47k61mv5bv1a22bojr"]
SIGNATURE = "8 2 300 20300101000000 20200101000000 1 foo.com. AAAA"


def record(owner: str, rdtype: str, *texts: str) -> RRset:
    number = rrtypes.from_text(rdtype)
    return rrset(
        names.parse(owner, APEX), number, 300, [rdata_from_text(number, text) for text in texts]
    )


def nsec3(owner: str, salt: str = "aabbccdd", flags: int = 0) -> RRset:
    return record(owner, "NSEC3", f"1 {flags} 12 {salt} {HASHES[1]} A RRSIG")


SIGNED = [
    record("@", "NSEC", "a.foo.com. A NSEC"),
    record("a", "A", "192.0.2.1"),
    record("a", "NSEC", "b.a.foo.com. A NSEC"),
    record("b.a", "NSEC", "foo.com. NSEC"),
    nsec3(HASHES[0]),
    record(HASHES[0], "RRSIG", f"NSEC3 {SIGNATURE}"),
    nsec3(HASHES[1], salt="-", flags=1),
    record(HASHES[1], "A", "192.0.2.2"),
    record(HASHES[1], "RRSIG", f"NSEC3 {SIGNATURE}", f"A {SIGNATURE}"),
]


def state(snapshot: ZoneSnapshot) -> tuple[object, ...]:
    """Return the parts of it that are compared."""
    denial = snapshot.denial
    return (
        {(data.rrset, getattr(data, "ttls", None)) for data in iter_rrsets(snapshot)},
        list(denial.owners),
        {
            owner: {data.rrset for data in node.data.values()}
            for owner, node in denial.hashed.items()
        },
        {key: list(chain) for key, chain in denial.chains.items()},
        set(snapshot.root.children),
        snapshot.size,
    )


def changes(rrsets: list[RRset]) -> list[RRsetChange]:
    return [RRsetChange(names.path(each.owner, APEX), each.rdtype, each) for each in rrsets]


@given(st.permutations(SIGNED))
def test_the_order_of_changes_does_not_matter(rrsets: list[RRset]) -> None:
    assert state(compile_zone(APEX, rrsets)) == state(compile_zone(APEX, SIGNED))


@given(st.permutations(SIGNED), st.integers(0, len(SIGNED)))
def test_a_removed_record_leaves_nothing(rrsets: list[RRset], kept: int) -> None:
    removals = [each._replace(rrset=None) for each in changes(rrsets[kept:])]
    after = apply_changes(compile_zone(APEX, SIGNED), removals)
    assert state(after) == state(compile_zone(APEX, rrsets[:kept]))
    if not kept:
        assert after.denial is UNSIGNED


def test_every_rrset_of_a_zone_is_found_once_and_whole() -> None:
    """Transfers and the disk cache read a zone in this way, with the RRSIGs of one owner in one
    RRset."""
    found = [data.rrset for data in iter_rrsets(compile_zone(APEX, SIGNED))]
    assert sorted(found, key=str) == sorted(SIGNED, key=str)


def test_an_owner_of_only_nsec3_is_not_a_name() -> None:
    """RFC 5155 section 7.2.8."""
    children = compile_zone(APEX, SIGNED).root.children
    assert HASHES[0].encode() not in children
    assert set(children[HASHES[1].encode()].data) == {rrtypes.A, rrtypes.RRSIG}


def test_each_set_of_parameters_is_a_chain_of_its_own() -> None:
    """RFC 5155 section 7.3: a zone may have several while its salt changes; opt-out is not one of
    them."""
    chains = compile_zone(APEX, [*SIGNED, nsec3("1" * 32, flags=1)]).denial.chains
    assert {key.hex(): len(chain) for key, chain in chains.items()} == {
        "01000c04aabbccdd": 2,
        "01000c00": 1,
    }


def test_an_unsigned_zone_keeps_nothing() -> None:
    assert compile_zone(APEX, [record("a", "A", "192.0.2.1")]).denial is UNSIGNED
