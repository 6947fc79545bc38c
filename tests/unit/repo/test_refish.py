"""Resolution of refishes in a store."""

import msgspec
import pytest

from tests.support.counting_store import CountingStore
from tests.support.graphs import chain
from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed
from zonegit.errors import Invalid, NotFound
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId
from zonegit.objects.model import Tag
from zonegit.repo import heads, read_zone, refish
from zonegit.repo.change import branches
from zonegit.repo.commit.edits import Set
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.store.refs import Absent
from zonegit.zone import names


@pytest.fixture
async def history(foo: TwoOperators) -> list[CommitId]:
    """Return three commits on main, the oldest first."""
    first = (await heads.find_position(foo.repo)).commit()
    second = check_committed(await foo.edit([Set(address("a", "192.0.2.1"))])).commit
    third = check_committed(await foo.edit([Set(address("b", "192.0.2.2"))])).commit
    return [first, second, third]


async def resolved(operators: TwoOperators, text: str) -> CommitId:
    return (await refish.resolve(operators.repo, text)).commit


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
    foo: TwoOperators, history: list[CommitId], text: str, index: int
) -> None:
    assert await resolved(foo, text) == history[index]


async def test_ids_may_be_complete_or_shortened(foo: TwoOperators, history: list[CommitId]) -> None:
    for commit in history:
        assert await resolved(foo, commit.hex()) == commit
        assert await resolved(foo, commit.hex()[:8]) == commit
        with pytest.raises(NotFound):
            await resolved(foo, commit.hex()[:7])


async def test_an_ambiguous_word_is_an_error_that_names_both_meanings(
    foo: TwoOperators, history: list[CommitId]
) -> None:
    word = history[0].hex()[:10]
    await branches.create(foo.repo, ZONE, word, history[2])
    with pytest.raises(Invalid, match=f"branch {word} or commit"):
        await resolved(foo, word)


@pytest.mark.usefixtures("history")
async def test_a_commit_before_the_first_is_not_found(foo: TwoOperators) -> None:
    with pytest.raises(NotFound, match="history ends"):
        await resolved(foo, "main~3")
    with pytest.raises(NotFound, match="no parent 2"):
        await resolved(foo, "main^2")


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("text", ["mian", "f" * 64, "bar.org.:main", "foo.com./nope"])
async def test_an_unknown_refish_is_not_found(foo: TwoOperators, text: str) -> None:
    with pytest.raises(NotFound):
        await resolved(foo, text)


async def test_a_commit_is_found_in_the_zone_of_the_command(foo: TwoOperators) -> None:
    found = await refish.resolve(foo.repo, "HEAD", zone=ZONE, branch="main")
    assert (found.zone, found.branch) == (names.parse("foo.com."), "main")


async def test_an_annotated_tag_is_resolved_to_its_commit_and_returned(
    foo: TwoOperators, history: list[CommitId]
) -> None:
    tag = encode(Tag(history[1], "v1", foo.repo.now(), "released"))
    await foo.repo.objects.put([tag])
    await foo.repo.refs.move(ref_names.tag(ZONE, "v1"), Absent(), tag.id, foo.repo.origin("tag"))
    for text in ("v1", "refs/tags/foo.com./v1", tag.id.hex()):
        found = await refish.resolve(foo.repo, text)
        assert (found.commit, found.branch, found.tag) == (history[1], None, tag.id)
    assert (await refish.resolve(foo.repo, "v1~1")).tag is None
    assert (await refish.resolve(foo.repo, "main")).tag is None


async def test_a_tree_is_not_a_commit_but_has_an_id(
    foo: TwoOperators, history: list[CommitId]
) -> None:
    with pytest.raises(Invalid, match="names a tree"):
        await refish.resolve(foo.repo, "main^{tree}")
    commit = await read_zone.read_commit(Reader(foo.repo.objects), history[1])
    assert await refish.resolve_id(foo.repo, "main~1^{tree}") == commit.tree
    assert await refish.resolve_id(foo.repo, "main~1") == history[1]


async def test_a_thousand_steps_back_need_few_round_trips(foo: TwoOperators) -> None:
    store = CountingStore()
    repo = msgspec.structs.replace(foo.repo, objects=store)
    graph = chain(1_001)
    await store.put(graph.objects())
    found = await refish.resolve(repo, f"{graph.ids[-1].hex()}~1000")
    assert found.commit == graph.ids[0]
    assert store.asked <= 8
