"""The versions of a history that a branch already has."""

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from zonegit.repo import heads
from zonegit.repo.change import import_sources
from zonegit.repo.inspect.log import read_history
from zonegit.zonefile import reader

COMMIT = "0123456789abcdef" * 2 + "01234567"
ids = st.lists(st.sampled_from("abcdef"), max_size=8)


def test_a_source_is_the_last_line_of_a_message():
    source = import_sources.make_git_source(COMMIT)
    message = import_sources.add_source("One\n\nBecause.\n", source)
    assert message == f"One\n\nBecause.\n\nZonegit-Source: git:{COMMIT}"
    assert import_sources.read_source(message) == source
    assert import_sources.read_source(import_sources.add_source("", source)) == source


def test_a_line_that_is_not_the_last_or_has_another_form_is_not_a_source():
    line = f"Zonegit-Source: git:{COMMIT}"
    for message in (f"{line}\n\nmore", f"x {line}", "Zonegit-Source: git:zz", ""):
        assert import_sources.read_source(message) is None
    assert import_sources.read_source(
        f"{line}\n\nZonegit-Source: git:{COMMIT[::-1]}"
    ) == import_sources.make_git_source(COMMIT[::-1])


def once(versions: list[str]) -> list[str]:
    """Return the versions that become commits: those that differ from the preceding one."""
    return [each for each, last in zip(versions, [None, *versions], strict=False) if each != last]


@given(ids, ids)
def test_importing_a_longer_history_again_adds_its_end(first, rest):
    known = import_sources.find_continuation(once(first), [*first, *rest])
    assert once([*first, *rest]) == once([*once(first), *[*first, *rest][known:]])


@given(ids)
def test_importing_the_same_history_again_adds_nothing(versions):
    assert once(versions[import_sources.find_continuation(once(versions), versions) :]) in (
        [],
        once(versions)[-1:],
    )


def test_a_history_that_returns_to_an_earlier_version_is_matched_by_order():
    assert import_sources.find_continuation(["a", "b"], ["a", "b", "a"]) == 2
    assert import_sources.find_continuation(["a", "b", "a"], ["a", "b", "a", "c"]) == 3


def test_an_older_version_imported_alone_is_new():
    assert import_sources.find_continuation(["a", "b"], ["a"]) == 0
    assert import_sources.find_edited_continuation(["a", "b"], ["a"]) == (0, 0)


def test_edits_since_the_import_are_counted_if_two_versions_match():
    assert import_sources.find_edited_continuation(["a", "b", "mine"], ["a", "b", "c"]) == (2, 1)
    assert import_sources.find_edited_continuation(["a", "mine"], ["a", "c"]) == (0, 0)


async def test_a_version_matches_a_commit_with_another_serial(foo: TwoOperators):
    await foo.import_file(FOO.replace(" 7 ", " 5 ").replace("192.0.2.80", "192.0.2.81"))
    at = await heads.find_position(foo.repo, ZONE)
    log = await read_history(foo.repo, at.commit())
    contents = await import_sources.read_content_ids(foo.repo, log, ZONE)
    texts = [FOO.replace("192.0.2.80", "192.0.2.81"), FOO]
    assert contents == [
        import_sources.compute_content_id(reader.read(text.encode(), ZONE).rrsets, ZONE)
        for text in texts
    ]
