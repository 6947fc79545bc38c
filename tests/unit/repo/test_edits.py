"""Edits as values: their effect on an owner, and their errors."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Invalid, NotFound
from zonegit.repo.commit import edits, rrset_builder
from zonegit.repo.commit.edits import Add, Delete, Remove, RRsetEdit, RRsets, Set, Ttl
from zonegit.zone import canonical_rdata, names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_from_text, rrset

ZONE = names.parse("foo.com.")
WWW = names.parse("www.foo.com.")


def records(owner: Name, rdtype: int, *texts: str, ttl: int = 300) -> RRset:
    return rrset(owner, rdtype, ttl, [rdata_from_text(rdtype, text, ZONE) for text in texts])


ONE = records(WWW, rrtypes.A, "192.0.2.1")
TWO = records(WWW, rrtypes.A, "192.0.2.1", "192.0.2.2")
ALIAS = records(WWW, rrtypes.CNAME, "api")
SOA = records(ZONE, rrtypes.SOA, "ns1 admin 1 7200 3600 1209600 300")


def apply_edits(todo: Sequence[RRsetEdit], *present: RRset) -> edits.Changes:
    at: dict[Name, dict[int, RRset]] = {}
    for value in present:
        at.setdefault(value.owner, {})[value.rdtype] = value
    before: dict[Name, RRsets] = {edits.get_owner(edit): {} for edit in todo} | {**at}
    return edits.apply(todo, before, ZONE)


def test_set_replaces_the_whole_rrset() -> None:
    assert apply_edits([Set(ONE)], TWO) == {(WWW, rrtypes.A): ONE}


def test_setting_an_equal_rrset_changes_nothing() -> None:
    assert apply_edits([Set(ONE)], ONE) == {}


def test_add_extends_the_rrset_and_sets_its_ttl() -> None:
    added = records(WWW, rrtypes.A, "192.0.2.2", ttl=60)
    wanted = records(WWW, rrtypes.A, "192.0.2.1", "192.0.2.2", ttl=60)
    assert apply_edits([Add(added)], ONE) == {(WWW, rrtypes.A): wanted}


@pytest.mark.parametrize("source", ["configured", "minimum"])
def test_without_a_stated_ttl_an_rrset_keeps_its_own(source: Ttl) -> None:
    other = records(WWW, rrtypes.A, "192.0.2.2", ttl=60)
    both = records(WWW, rrtypes.A, "192.0.2.1", "192.0.2.2")
    replaced = records(WWW, rrtypes.A, "192.0.2.2")
    assert apply_edits([Add(other, source)], ONE) == {(WWW, rrtypes.A): both}
    assert apply_edits([Set(other, source)], ONE) == {(WWW, rrtypes.A): replaced}
    assert apply_edits([Set(other, source)]) == {(WWW, rrtypes.A): other}
    assert apply_edits([Set(ONE), Add(other, source)]) == {(WWW, rrtypes.A): both}


def test_adding_a_record_twice_changes_nothing() -> None:
    assert apply_edits([Add(ONE)], ONE) == {}


def test_removing_the_last_record_removes_the_rrset() -> None:
    second = rdata_from_text(rrtypes.A, "192.0.2.2")
    assert apply_edits([Remove(WWW, rrtypes.A, (second,))], TWO) == {(WWW, rrtypes.A): ONE}
    assert apply_edits([Remove(WWW, rrtypes.A, ONE.rdatas)], ONE) == {(WWW, rrtypes.A): None}


def test_removing_a_missing_record_names_the_existing_ones() -> None:
    absent = rdata_from_text(rrtypes.A, "192.0.2.9")
    with pytest.raises(NotFound, match=r"www\.foo\.com\. A has no record 192\.0\.2\.9") as caught:
        apply_edits([Remove(WWW, rrtypes.A, (absent,))], ONE)
    assert caught.value.hint == "it has 192.0.2.1"


def test_delete_without_a_type_deletes_all_rrsets_of_the_owner() -> None:
    text = records(WWW, rrtypes.TXT, '"x"')
    assert apply_edits([Delete(WWW)], ONE, text) == {
        (WWW, rrtypes.A): None,
        (WWW, rrtypes.TXT): None,
    }


def test_deleting_everything_at_the_apex_keeps_the_soa() -> None:
    ns = records(ZONE, rrtypes.NS, "ns1")
    assert apply_edits([Delete(ZONE)], SOA, ns) == {(ZONE, rrtypes.NS): None}


def test_the_soa_itself_cannot_be_deleted() -> None:
    with pytest.raises(Invalid, match="SOA"):
        apply_edits([Delete(ZONE, rrtypes.SOA)], SOA)


def test_deleting_a_missing_rrset_is_an_error() -> None:
    with pytest.raises(NotFound):
        apply_edits([Delete(WWW, rrtypes.A)])
    with pytest.raises(NotFound):
        apply_edits([Delete(WWW)])


def test_a_cname_next_to_other_data_is_refused() -> None:
    with pytest.raises(Invalid, match="CNAME"):
        apply_edits([Set(ALIAS)], ONE)
    with pytest.raises(Invalid, match="CNAME"):
        apply_edits([Add(ONE)], ALIAS)


def test_a_second_cname_is_refused() -> None:
    with pytest.raises(Invalid, match="CNAME"):
        apply_edits([Add(records(WWW, rrtypes.CNAME, "other"))], ALIAS)


def test_an_address_can_be_replaced_by_an_alias_in_one_commit() -> None:
    assert apply_edits([Delete(WWW, rrtypes.A), Set(ALIAS)], ONE) == {
        (WWW, rrtypes.A): None,
        (WWW, rrtypes.CNAME): ALIAS,
    }


addresses = st.lists(st.binary(min_size=4, max_size=4), min_size=1, max_size=5)


@given(addresses, addresses)
def test_adding_then_removing_new_records_changes_nothing(
    old: list[bytes], new: list[bytes]
) -> None:
    before = rrset(WWW, rrtypes.A, 300, old)
    fresh = tuple(set(new) - set(old))
    if fresh:
        todo = [Add(rrset(WWW, rrtypes.A, 300, fresh)), Remove(WWW, rrtypes.A, fresh)]
        assert apply_edits(todo, before) == {}


def test_the_work_depends_on_the_edits_and_not_on_the_existing_records(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at = 0

    def counted(rdtype: int, rdata: bytes) -> bytes:
        nonlocal looked_at
        looked_at += 1
        return canonical_rdata.key(rdtype, rdata)

    monkeypatch.setattr(rrset_builder, "key", counted)
    rdatas = [number.to_bytes(4, "big") for number in range(2_000)]
    last = records(WWW, rrtypes.A, "192.0.2.1")
    todo: list[RRsetEdit] = [Add(rrset(WWW, rrtypes.A, 300, [each])) for each in rdatas]
    todo += [Add(last), *(Remove(WWW, rrtypes.A, (each,)) for each in rdatas)]
    assert apply_edits(todo, ONE) == {}
    assert looked_at < 3 * len(todo)
