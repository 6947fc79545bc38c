"""Moves that the state of a ref permits, with literals."""

import pytest

from zonegit.errors import Invalid
from zonegit.objects.ids import ObjectId
from zonegit.safety import moves
from zonegit.safety.moves import MAX_REFS
from zonegit.store import ref_names
from zonegit.store.basis import RefState, ServedTree
from zonegit.zone import names

ZONE = names.parse("foo.com.")
MAIN = ref_names.branch(ZONE, "main")
TIP = ObjectId(b"\1" * 32)
NEW = ObjectId(b"\2" * 32)
TREE = ServedTree(1, ObjectId(b"\3" * 32))


def test_the_number_of_refs_of_a_zone_is_bounded() -> None:
    full = RefState(True, None, refs=MAX_REFS)
    with pytest.raises(Invalid, match="2000 branches and tags"):
        moves.check_new(MAIN, full, NEW, TREE, force=True)
    with pytest.raises(Invalid):
        moves.check_new(ref_names.tag(ZONE, "v1"), full, NEW, None, force=False)


def test_an_existing_ref_can_be_moved_and_deleted_in_a_full_zone() -> None:
    moves.check_new(MAIN, RefState(True, TIP, refs=MAX_REFS), NEW, TREE, force=False)
    moves.check_new(MAIN, RefState(True, TIP, refs=MAX_REFS), None, None, force=False)


def test_a_commit_that_the_branch_already_has_is_not_checked() -> None:
    served_later = RefState(True, TIP, ServedTree(9, TREE.tree))
    moves.check_new(MAIN, served_later, TIP, TREE, force=False)
