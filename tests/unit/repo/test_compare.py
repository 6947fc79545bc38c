"""The two commits of a comparison, and their difference."""

import pytest

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address
from zonegit.errors import Invalid, NotFound
from zonegit.objects.ids import CommitId
from zonegit.repo.change import branches
from zonegit.repo.commit.edits import Delete, Set
from zonegit.repo.inspect import compare
from zonegit.repo.inspect.compare import Comparison
from zonegit.store.reader import Reader
from zonegit.zone import names
from zonegit.zone.names import Name

OTHER = names.parse("other.example.")


async def compare_sides(
    operators: TwoOperators, *words: str, owners: tuple[Name, ...] = ()
) -> Comparison:
    reader = Reader(operators.repo.objects)
    return await compare.compare(
        reader, await compare.resolve_sides(operators.repo, reader, words), owners
    )


def told(found: Comparison) -> list[str]:
    return [names.text(delta.owner) for delta in found.deltas]


@pytest.fixture
async def parted(foo: TwoOperators) -> TwoOperators:
    """Create branches that diverged: ``main`` gained a, ``canary`` gained b."""
    where = await compare.resolve_sides(foo.repo, Reader(foo.repo.objects), [])
    await branches.create(foo.repo, ZONE, "canary", where.new)
    await foo.edit([Set(address("a", "192.0.2.1"))])
    await foo.edit([Set(address("b", "192.0.2.2"))], "canary")
    return foo


async def test_without_arguments_the_last_commit_is_compared(parted: TwoOperators) -> None:
    found = await compare_sides(parted)
    assert told(found) == ["a.foo.com."]
    assert (found.old.serial, found.new.serial) == (7, 8)


async def test_the_first_commit_is_compared_with_an_empty_zone(foo: TwoOperators) -> None:
    found = await compare_sides(foo)
    assert found.old.commit is None
    assert len(found.deltas) == 5


async def test_one_commit_is_compared_with_head(parted: TwoOperators) -> None:
    found = await compare_sides(parted, "canary")
    assert [(delta.old is None) for delta in found.deltas] == [True, False]


async def test_two_arguments_and_a_range_with_two_dots_mean_the_same(parted: TwoOperators) -> None:
    two = await compare_sides(parted, "main", "canary")
    assert told(two) == ["a.foo.com.", "b.foo.com."]
    assert await compare_sides(parted, "main..canary") == two
    assert await compare_sides(parted, "..canary") == two


async def test_three_dots_compare_with_the_merge_base(parted: TwoOperators) -> None:
    assert told(await compare_sides(parted, "main...canary")) == ["b.foo.com."]
    assert told(await compare_sides(parted, "canary...")) == ["a.foo.com."]


async def test_names_limit_a_comparison(parted: TwoOperators) -> None:
    only = names.parse("b.foo.com.")
    assert told(await compare_sides(parted, "main..canary", owners=(only,))) == ["b.foo.com."]
    with pytest.raises(Invalid, match="not within"):
        await compare_sides(parted, "main..canary", owners=(OTHER,))


async def test_a_changed_serial_is_not_a_difference(parted: TwoOperators) -> None:
    await parted.edit([Delete(names.parse("a.foo.com."))])
    found = await compare_sides(parted, "HEAD~2..HEAD")
    assert found.deltas == []
    assert (found.old.serial, found.new.serial) == (7, 9)


async def test_commits_of_two_zones_are_not_compared(parted: TwoOperators) -> None:
    await parted.repo.refs.register(OTHER, parted.repo.origin("zone add"))
    await parted.import_file(FOO.replace("foo.com", "other.example"), OTHER)
    with pytest.raises(Invalid, match="cannot be compared"):
        await compare_sides(parted, "main", "other.example.:main")
    reader = Reader(parted.repo.objects)
    other: CommitId = (await compare.resolve_sides(parted.repo, reader, [], zone=OTHER)).new
    with pytest.raises(Invalid, match=r"is a commit of other\.example\."):
        await compare_sides(parted, other.hex())


async def test_unrelated_histories_cannot_be_compared_with_three_dots(parted: TwoOperators) -> None:
    await parted.repo.refs.register(OTHER, parted.repo.origin("zone add"))
    await parted.import_file(FOO.replace("ns1", "ns9"), OTHER)
    reader = Reader(parted.repo.objects)
    other = (await compare.resolve_sides(parted.repo, reader, [], zone=OTHER)).new
    with pytest.raises(NotFound, match="no commit in common"):
        await compare_sides(parted, f"main...{other.hex()}")


@pytest.mark.parametrize("words", [("a....b",), ("main..canary..main",), ("main~x..",)])
async def test_an_invalid_range_is_refused(parted: TwoOperators, words: tuple[str, ...]) -> None:
    with pytest.raises((Invalid, NotFound)):
        await compare_sides(parted, *words)
