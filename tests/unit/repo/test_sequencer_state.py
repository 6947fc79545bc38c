"""The state of a merge that stopped, as a file for each branch."""

import os
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Invalid, NotFound
from zonegit.merge import conflicts
from zonegit.merge.conflicts import Clash
from zonegit.repo.change import sequencer_state
from zonegit.repo.change.sequencer_state import BranchKey, RequestedOperation, SequencerState
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, rrset

ZONE = names.parse("foo.com.")
KEY = BranchKey("e1", "ann", "foo.com.", "main")
BEGUN = RequestedOperation("merge", "canary", "ab" * 32, None, "merge canary into main")


def a(owner: str, last: int) -> RRset:
    return rrset(names.parse(owner, ZONE), rrtypes.A, 300, [bytes((192, 0, 2, last))])


def clash(owner: str, ours: int = 1, theirs: int = 2) -> Clash:
    name, why = names.parse(owner, ZONE), "one record replaced two ways"
    return Clash(name, rrtypes.A, why, a(owner, 0), a(owner, ours), a(owner, theirs))


STOPPED = SequencerState(KEY, BEGUN).add_conflicts([clash("www"), clash("api")])
WWW = (names.parse("www", ZONE), rrtypes.A)


def test_a_state_is_read_as_it_was_written(tmp_path: Path) -> None:
    state = STOPPED.decide("theirs", WWW)
    sequencer_state.write(tmp_path, state)
    assert sequencer_state.read(tmp_path, KEY) == state
    assert state.make_decisions() == [conflicts.decide(clash("www"), "theirs")]
    assert [each.name for each in state.undecided] == ["api.foo.com."]


def test_the_file_is_readable_by_its_owner_only_and_is_the_only_one(tmp_path: Path) -> None:
    sequencer_state.write(tmp_path, STOPPED)
    sequencer_state.write(tmp_path, STOPPED.decide("ours", None))
    (file,) = (tmp_path / sequencer_state.FOLDER).iterdir()
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    assert sequencer_state.remove(tmp_path, KEY)
    assert not sequencer_state.remove(tmp_path, KEY)
    assert sequencer_state.read(tmp_path, KEY) is None


_words = st.text(st.sampled_from('ab/."\\,\0é'), max_size=4)
_places = st.builds(BranchKey, _words, _words, _words, _words)


@given(_places, _places)
def test_each_branch_has_its_own_file_in_the_folder(one, other):
    home = Path("/home/ann/.local/state/zonegit")
    assert (one.find_file(home) == other.find_file(home)) == (one == other)
    assert one.find_file(home).parent == home / sequencer_state.FOLDER


def test_a_choice_for_all_keeps_earlier_choices() -> None:
    state = STOPPED.decide("theirs", WWW).decide("ours", None)
    assert [(each.name, each.side) for each in state.clashes] == [
        ("www.foo.com.", "theirs"),
        ("api.foo.com.", "ours"),
    ]
    assert state.decide("ours", WWW).clashes[0].side == "ours"


def test_a_side_cannot_be_chosen_for_an_rrset_without_conflict() -> None:
    with pytest.raises(NotFound, match=r"ftp\.foo\.com\. A is not a conflict of this merge"):
        STOPPED.decide("ours", (names.parse("ftp", ZONE), rrtypes.A))


def test_a_conflict_with_other_content_has_to_be_resolved_again() -> None:
    state = STOPPED.decide("ours", None).add_conflicts([clash("www", theirs=9)])
    assert [each.name for each in state.undecided] == ["www.foo.com."]
    assert [made.owner for made in state.make_decisions()] == [names.parse("api", ZONE)]


def damaged() -> dict[str, bytes]:
    good = msgspec.json.encode(STOPPED.decide("ours", None))
    return {
        "nothing": b"",
        "no JSON": b"\xff{",
        "half of it": good[: len(good) // 2],
        "another version": good.replace(b'"version":1', b'"version":2'),
        "an id that is none": good.replace(b"ab" * 32, b"../../etc/passwd"),
        "a side that is none": good.replace(b'"side":"ours"', b'"side":"mine"'),
        "a type that is none": good.replace(b'"type":"A"', b'"type":"ANY"'),
        "a name that is none": good.replace(b"www.foo", b"www..foo"),
        "another branch": good.replace(b'"branch":"main"', b'"branch":"canary"'),
        "more than anybody writes": good + b" " * sequencer_state.MAX_OCTETS,
    }


@pytest.mark.parametrize("what", damaged())
def test_a_damaged_file_is_refused_and_named(tmp_path: Path, what: str) -> None:
    sequencer_state.write(tmp_path, STOPPED)
    KEY.find_file(tmp_path).write_bytes(damaged()[what])
    with pytest.raises(Invalid, match=os.path.basename(KEY.find_file(tmp_path))):
        sequencer_state.read(tmp_path, KEY)
