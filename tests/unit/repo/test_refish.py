"""Refish, resolved against a store."""

import pytest

from tests.unit.repo.conftest import ZONE, Shop
from tests.unit.repo.test_commits import address, made
from zonegit.errors import Invalid, NotFound
from zonegit.objects.ids import CommitId
from zonegit.repo import branches, refish, workspace
from zonegit.repo.edits import Set
from zonegit.zone import names


@pytest.fixture
async def history(foo: Shop) -> list[CommitId]:
    """Three commits on main, the oldest first."""
    first = (await workspace.locate(foo.repo)).commit()
    second = made(await foo.edited([Set(address("a", "192.0.2.1"))])).commit
    third = made(await foo.edited([Set(address("b", "192.0.2.2"))])).commit
    return [first, second, third]


async def resolved(shop: Shop, text: str) -> CommitId:
    return (await refish.resolve(shop.repo, text)).commit


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("HEAD", 2),
        ("main", 2),
        ("HEAD~1", 1),
        ("main~2", 0),
        ("main^^", 0),
        ("main^1~1", 0),
        ("foo.com.:main~1", 1),
        ("foo.com.:HEAD", 2),
        ("foo.com./main", 2),
        ("foo.com./main^", 1),
        ("refs/heads/foo.com./main", 2),
    ],
)
async def test_a_refish_names_its_commit(
    foo: Shop, history: list[CommitId], text: str, index: int
) -> None:
    assert await resolved(foo, text) == history[index]


async def test_ids_may_be_whole_or_short(foo: Shop, history: list[CommitId]) -> None:
    for commit in history:
        assert await resolved(foo, commit.hex()) == commit
        assert await resolved(foo, commit.hex()[:8]) == commit
        with pytest.raises(NotFound):
            await resolved(foo, commit.hex()[:7])


async def test_a_word_that_could_mean_two_things_is_an_error_naming_both(
    foo: Shop, history: list[CommitId]
) -> None:
    word = history[0].hex()[:10]
    await branches.create(foo.repo, ZONE, word, history[2])
    with pytest.raises(Invalid, match=f"branch {word} or commit"):
        await resolved(foo, word)


@pytest.mark.usefixtures("history")
async def test_past_the_beginning_is_not_found(foo: Shop) -> None:
    with pytest.raises(NotFound, match="history ends"):
        await resolved(foo, "main~3")
    with pytest.raises(NotFound, match="no parent 2"):
        await resolved(foo, "main^2")


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("text", ["mian", "f" * 64, "bar.org.:main", "foo.com./nope"])
async def test_what_is_not_there_is_not_found(foo: Shop, text: str) -> None:
    with pytest.raises(NotFound):
        await resolved(foo, text)


async def test_a_commit_is_found_in_the_zone_the_command_works_in(foo: Shop) -> None:
    found = await refish.resolve(foo.repo, "HEAD", zone=ZONE, branch="main")
    assert (found.zone, found.branch) == (names.parse("foo.com."), "main")
