"""The files of zones: none has the path of another, of its folder, or of SQLite's files."""

from pathlib import Path

from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.strategies import zone_names

from zonegit.store.sqlite_files import SIDE_FILE_SUFFIXES, UNFINISHED_SUFFIX
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.cache.folder import FILE_ENDINGS, list_zone_files, path_of

FOLDER = Path("cache")
SUFFIXES = (
    "",
    *SIDE_FILE_SUFFIXES,
    UNFINISHED_SUFFIX,
    *(UNFINISHED_SUFFIX + each for each in SIDE_FILE_SUFFIXES),
)
ABOVE_200 = "x" * 33 + r"\032" * 30 + "." + "y" * 63 + "."

labels = st.binary(min_size=1, max_size=63)
long_names = st.lists(labels, max_size=4).map(names.join).filter(lambda name: len(name) <= 255)


def taken(zone: Name) -> set[Path]:
    """Return all paths that the file of a zone needs."""
    path = path_of(zone, FOLDER)
    return {path.with_name(path.name + suffix) for suffix in SUFFIXES}


@given(st.one_of(zone_names, long_names), st.one_of(zone_names, long_names))
@example(names.parse("a."), names.parse("a.-wal."))
@example(names.parse("a-wal."), names.parse("a."))
@example(names.ROOT, names.parse("@."))
@example(names.parse(ABOVE_200), names.parse("z." + ABOVE_200))
@example(names.parse(ABOVE_200), names.parse(ABOVE_200.replace("y" * 63, "y" * 62)))
def test_the_path_of_a_zone_is_neither_that_of_another_zone_nor_a_folder(
    one: Name, other: Name
) -> None:
    folders = {above for zone in (one, other) for above in path_of(zone, FOLDER).parents}
    assert not folders & (taken(one) | taken(other))
    assert one == other or not taken(one) & taken(other)
    assert path_of(one, FOLDER).name.endswith(FILE_ENDINGS)
    assert all(len(path.name) < 256 for path in taken(one))


def test_zone_files_are_listed_and_leftovers_are_deleted(tmp_path: Path) -> None:
    ours = {path_of(names.parse(zone), tmp_path) for zone in (".", "a.", "a-wal.", ABOVE_200)}
    for path in ours:
        path.parent.mkdir(exist_ok=True)
        path.touch()
    for name in ("a.-wal", "a.-shm", "a.-new", "a.-new-journal", "gone.-wal", "gone.-new", "NOTES"):
        (tmp_path / name).touch()
    (tmp_path / "link.").symlink_to(tmp_path / "NOTES")
    assert set(list_zone_files(tmp_path)) == ours
    left = {path.name for path in tmp_path.iterdir() if path not in ours and not path.is_dir()}
    assert left == {"a.-wal", "a.-shm", "NOTES", "link."}
