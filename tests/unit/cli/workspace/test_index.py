"""The index of a workspace is encoded, decoded and validated."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.strategies import commit_ids, ids, zone_names

from zonegit.errors import Invalid, NotFound
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.zone import names
from zonegit_cli.workspace import index, working_tree
from zonegit_cli.workspace.confined_dir import FileStamp
from zonegit_cli.workspace.index import IndexEntry, SeenContent, WorkspaceIndex, decode, encode

ENTRY = IndexEntry(
    names.parse("example.com."), "com/example/db.zone", "main", "main",
    CommitId(ObjectId(bytes(32))), ObjectId(bytes(32)), None,
)  # fmt: skip

_seen = st.builds(
    SeenContent, st.binary(min_size=32, max_size=32),
    st.builds(FileStamp, *(st.integers(0, (1 << 63) - 1) for _ in range(4))),
)  # fmt: skip
_entries = st.lists(
    st.builds(
        IndexEntry, zone_names, st.from_regex(r"[a-z\\]{1,9}/[a-z]{1,9}\.zone", fullmatch=True),
        st.none() | st.just("main"), st.text(), commit_ids, ids, st.none() | _seen, st.booleans(),
    ),
    max_size=4, unique_by=(lambda each: each.zone, lambda each: each.path),
)  # fmt: skip


@given(st.builds(WorkspaceIndex, scheme=st.sampled_from(["golang", "flat"]), entries=_entries))
def test_an_index_is_decoded_as_it_was_encoded(kept: WorkspaceIndex) -> None:
    assert decode(encode(kept)) == kept


@given(
    st.binary(max_size=200) | st.binary(max_size=40).map(lambda end: encode(WorkspaceIndex()) + end)
)
def test_octets_that_are_not_an_index_are_refused(octets: bytes) -> None:
    try:
        found = decode(octets)
    except Invalid:
        return
    assert found.version == index.VERSION


@pytest.mark.parametrize(
    "path",
    ["../db.zone", "/etc/passwd", "com/../../db.zone", "", ".zonegit/index", "com/.x/db.zone",
     "a\0", "x" * 256],
)  # fmt: skip
def test_an_entry_may_not_lead_out_of_the_folder_nor_into_that_of_the_index(path: str) -> None:
    hostile = {**msgspec.to_builtins(ENTRY, builtin_types=(bytes,)), "path": path}
    octets = msgspec.msgpack.encode({"version": 1, "entries": [hostile]})
    with pytest.raises(Invalid):
        decode(octets)


@pytest.mark.parametrize(
    "wrong",
    [
        {"zone": b"\x07EXAMPLE\0"},
        {"zone": b"no name"},
        {"commit": b"short"},
        {"tree": b""},
        {"branch": 7},
        {"seen": {"sha256": b"", "stamp": {}}},
    ],
)
def test_a_mistyped_entry_is_refused(wrong: dict[str, object]) -> None:
    hostile = {**msgspec.to_builtins(ENTRY, builtin_types=(bytes,)), **wrong}
    with pytest.raises(Invalid):
        decode(msgspec.msgpack.encode({"version": 1, "entries": [hostile]}))


def test_two_entries_of_one_zone_or_path_are_refused() -> None:
    other = msgspec.structs.replace(ENTRY, zone=names.parse("example.net."))
    for entries in ([ENTRY, ENTRY], [ENTRY, other]):
        with pytest.raises(Invalid, match="the same"):
            WorkspaceIndex(entries=entries)


def test_an_unknown_scheme_is_refused() -> None:
    with pytest.raises(Invalid, match="scheme"):
        decode(msgspec.msgpack.encode({"version": 1, "scheme": "unique"}))


def test_an_index_of_another_version_is_refused_with_its_version() -> None:
    with pytest.raises(Invalid, match="unknown version 2"):
        decode(msgspec.msgpack.encode({"version": 2, "entries": "otherwise"}))


def test_a_workspace_is_found_from_any_folder_in_it(tmp_path: Path) -> None:
    with working_tree.open_or_create(tmp_path / "zones", WorkspaceIndex()):
        pass
    below = tmp_path / "zones" / "com" / "example"
    below.mkdir(parents=True)
    assert working_tree.find(below) == working_tree.find(tmp_path / "zones") == tmp_path / "zones"
    with pytest.raises(NotFound, match="not in a workspace"):
        working_tree.find(tmp_path)
