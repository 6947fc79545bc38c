"""The journal of differences: contiguous differences are sent, others are dropped."""

import hashlib
from itertools import pairwise

import msgspec
import pytest

from zonegit.nameserver.zone.records import ZoneDelta, ZoneRecord
from zonegit.objects.ids import ObjectId, compute_id
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit_resolver.cache.journal import DroppedEntry, Journal, JournalChanges, join_changes
from zonegit_resolver.cache.serial_lineage import SerialLineage
from zonegit_resolver.cache.sqlite import LastServed, StoredDelta

ZONE = names.parse("foo.com.")
KEY = (ZONE, "main")
OTHER = (names.parse("bar.com."), "main")


def commit(number: int) -> ObjectId:
    return compute_id("commit", str(number).encode())


def delta(before: int, after: int, text: bytes = b"x", zone: Name = ZONE) -> ZoneDelta:
    def soa(serial: int) -> ZoneRecord:
        rdata = b"\1m\0\1r\0" + serial.to_bytes(4, "big") + bytes(16)
        return ZoneRecord(zone, rrtypes.SOA, 300, rdata)

    return ZoneDelta((soa(before),), (soa(after), ZoneRecord(zone, rrtypes.TXT, 300, text)))


def noted(journal: Journal, *serials: int, key: tuple[Name, str] = KEY) -> list[JournalChanges]:
    """Return the pending writes after a branch had these serials; commits have matching names."""
    return [
        journal.record(key, commit(before), commit(after), delta(before, after))
        for before, after in pairwise(serials)
    ]


def on_disk(changes: list[JournalChanges]) -> list[StoredDelta]:
    return sorted(join_changes(changes).added)


def told(journal: Journal, serial: int, at: int, key: tuple[Name, str] = KEY) -> list[int] | None:
    found = journal.find_deltas(key, commit(at), serial)
    return [each.serial_after for each in found] if found is not None else None


def test_the_journal_leads_from_any_serial_to_the_served_one() -> None:
    journal = Journal()
    noted(journal, 1, 2, 3, 7)
    assert told(journal, 1, at=7) == [2, 3, 7]
    assert told(journal, 3, at=7) == [7]
    assert told(journal, 7, at=7) is None
    assert told(journal, 5, at=7) is None
    assert told(journal, 1, at=3) is None  # not the served serial
    assert told(journal, 1, at=7, key=OTHER) is None


def test_a_gap_empties_the_journal() -> None:
    journal = Journal()
    noted(journal, 1, 2, 3)
    changes = journal.record(KEY, commit(9), commit(10), delta(9, 10))
    assert len(changes.dropped) == 2
    assert told(journal, 9, at=10) is None
    noted(journal, 10, 11)
    assert told(journal, 10, at=11) == [11]


def test_an_unknown_difference_empties_the_journal() -> None:
    journal = Journal()
    noted(journal, 1, 2)
    assert journal.record(KEY, commit(2), commit(3), None).dropped
    assert told(journal, 1, at=3) is None


@pytest.mark.parametrize("after", [2, 1, 3])
def test_a_serial_that_goes_back_empties_the_journal(after: int) -> None:
    """An earlier serial may then stand for two states."""
    journal = Journal()
    noted(journal, 1, 2, 3)
    journal.record(KEY, commit(3), commit(50), delta(3, after))
    noted(journal, 50, 51)
    assert told(journal, 1, at=51) is None
    assert told(journal, 2, at=51) is None


def test_another_commit_with_the_same_content_continues_the_journal() -> None:
    journal = Journal()
    written = noted(journal, 1, 2)
    written.append(journal.rename(KEY, commit(2), commit(20)))
    written.append(journal.record(KEY, commit(20), commit(3), delta(2, 3)))
    assert told(journal, 1, at=3) == [2, 3]
    restarted = Journal()
    restarted.restore(KEY, commit(3), on_disk(written))
    assert told(restarted, 1, at=3) == [2, 3]


def test_the_oldest_entries_are_dropped_when_a_branch_has_too_many() -> None:
    journal = Journal(max_entries=2)
    changes = noted(journal, 1, 2, 3, 4)
    assert [each.dropped for each in changes] == [(), (), (DroppedEntry(ZONE, 1),)]
    assert told(journal, 1, at=4) is None
    assert told(journal, 2, at=4) == [3, 4]


def test_the_oldest_entries_of_all_are_dropped_when_the_total_is_too_large() -> None:
    journal = Journal(max_octets=2_000)
    noted(journal, 1, 2, 3)
    changes = noted(journal, *range(1, 9), key=OTHER)
    assert {DroppedEntry(ZONE, 1), DroppedEntry(ZONE, 2)} <= {*join_changes(changes).dropped}
    assert told(journal, 1, at=3) is None
    assert told(journal, 7, at=8, key=OTHER) == [8]


def test_the_journal_survives_a_restart() -> None:
    journal = Journal()
    stored = on_disk(noted(journal, 1, 2, 3))
    restarted = Journal()
    assert restarted.restore(KEY, commit(3), stored) == JournalChanges()
    noted(restarted, 3, 4)
    assert told(restarted, 1, at=4) == [2, 3, 4]


def test_a_corrupt_entry_is_dropped_with_all_earlier_ones() -> None:
    stored = on_disk(noted(Journal(), 1, 2, 3, 4))
    stored[1] = stored[1]._replace(payload=stored[1].payload[:-1] + b"?")
    restarted = Journal()
    changes = restarted.restore(KEY, commit(4), stored)
    assert sorted(changes.dropped) == [DroppedEntry(ZONE, 1), DroppedEntry(ZONE, 2)]
    assert told(restarted, 3, at=4) == [4]
    assert told(restarted, 1, at=4) is None


def test_a_failed_write_leaves_a_gap_that_is_detected() -> None:
    """The disk is full for a while."""
    stored = on_disk(noted(Journal(), 1, 2, 3, 4, 5))
    del stored[1]
    restarted = Journal()
    restarted.restore(KEY, commit(5), stored)
    assert told(restarted, 1, at=5) is None
    assert told(restarted, 3, at=5) == [4, 5]


def test_entries_that_do_not_lead_to_the_kept_state_are_dropped() -> None:
    stored = on_disk(noted(Journal(), 1, 2, 3))
    restarted = Journal()
    assert len(restarted.restore(KEY, commit(9), stored).dropped) == 2
    assert told(restarted, 1, at=9) is None


# the meaning of a serial


def stands(
    lineage: SerialLineage, serial: int, branch: str = "main", tree: bytes | None = None
) -> None:
    lineage.record(ZONE, branch, tree if tree is not None else b"tree %d" % serial, serial)


def bases(lineage: SerialLineage, *serials: int) -> list[int]:
    return [serial for serial in serials if lineage.is_base(ZONE, serial)]


def test_every_serial_is_a_base_while_a_branch_advances() -> None:
    lineage = SerialLineage()
    for serial in (5, 6, 6, 9):
        stands(lineage, serial)
    assert bases(lineage, 1, 5, 9) == [1, 5, 9]


def test_earlier_serials_are_not_bases_after_a_change_of_branch() -> None:
    lineage = SerialLineage()
    stands(lineage, 100)
    stands(lineage, 200, "next")
    assert bases(lineage, 100, 150, 199, 200, 201) == [200, 201]
    stands(lineage, 210, "next")
    assert bases(lineage, 199, 205) == [205]


def test_serials_before_a_step_back_are_not_bases() -> None:
    lineage = SerialLineage()
    stands(lineage, 100)
    stands(lineage, 50)
    assert bases(lineage, 50, 51, 100, 101) == [101]
    stands(lineage, 103)
    assert bases(lineage, 100, 101, 103) == [101, 103]


def test_a_serial_with_two_contents_is_not_a_base() -> None:
    lineage = SerialLineage()
    stands(lineage, 7, tree=b"one")
    stands(lineage, 7, tree=b"other")
    stands(lineage, 8)
    assert bases(lineage, 6, 7, 8) == [8]


def test_a_branch_with_the_same_content_keeps_the_current_serial_as_a_base() -> None:
    lineage = SerialLineage()
    stands(lineage, 7, tree=b"same")
    stands(lineage, 7, "next", tree=b"same")
    stands(lineage, 8, "next")
    assert bases(lineage, 6, 7, 8) == [7, 8]


def test_the_content_of_a_serial_is_known_after_a_restart() -> None:
    lineage = SerialLineage([LastServed(ZONE, "main", b"tree 5", 5, None)])
    stands(lineage, 9, "next")
    assert bases(lineage, 5, 8, 9) == [9]
    assert SerialLineage([LastServed(ZONE, "next", b"x", 12, 9)]).is_base(ZONE, 9)
    assert not SerialLineage([LastServed(ZONE, "next", b"x", 12, 9)]).is_base(ZONE, 8)


def test_entries_of_an_earlier_release_are_dropped() -> None:
    """Such an entry may remove a record of which another spelling stays."""
    journal = Journal()
    (stored,) = on_disk(noted(journal, 1, 2))
    payload = msgspec.msgpack.encode(delta(1, 2))
    older = stored._replace(payload=payload, digest=hashlib.sha256(payload).digest())
    again = Journal()
    assert again.restore(KEY, commit(2), [older]).dropped == (DroppedEntry(ZONE, stored.number),)
    assert told(again, 1, at=2) is None
    assert told(_recalled(stored), 1, at=2) == [2]


def _recalled(stored: StoredDelta) -> Journal:
    journal = Journal()
    journal.restore(KEY, commit(2), [stored])
    return journal
