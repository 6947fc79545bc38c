"""Times in a refish: the forms that operators type, and the commit of each."""

import time
from collections.abc import Iterator

import msgspec
import pytest

from tests.support.counting_store import CountingStore
from tests.support.graphs import chain
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed, tip
from zonegit.errors import Invalid, NotFound
from zonegit.objects.ids import CommitId
from zonegit.repo import heads, read_zone, refish, refish_time
from zonegit.repo.change import branches, tags
from zonegit.repo.commit.edits import Set
from zonegit.repo.inspect import compare
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.store.ref_log import Ago, At, Back, When
from zonegit.store.refs import Absent
from zonegit.zone import names, rrtypes

MADE = 1_795_232_912
"""The time of every commit in a operators."""

START = MADE + 100.0


@pytest.fixture
async def history(operators: TwoOperators) -> list[CommitId]:
    """Make three commits on main of foo.com., a minute between their moves, and a minute until
    now."""
    operators.clock.now = START
    await heads.initialise(operators.repo, ZONE)
    made = [check_committed(await operators.import_file(FOO)).commit]
    for number in (1, 2):
        operators.clock.now = START + 60 * number
        made.append(
            check_committed(await operators.edit([Set(address("api", f"192.0.2.{number}"))])).commit
        )
    operators.clock.now = START + 180
    return made


async def resolved(operators: TwoOperators, text: str) -> CommitId:
    return (await refish.resolve(operators.repo, text)).commit


@pytest.fixture
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Use a time zone with winter time one hour ahead of UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "CET-1")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("berlin")
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("now", Ago(0)),
        ("yesterday", Ago(86_400)),
        ("1.second.ago", Ago(1)),
        ("10.minutes.ago", Ago(600)),
        ("10 minutes ago", Ago(600)),
        ("1.hour.ago", Ago(3_600)),
        ("2.Days.Ago", Ago(2 * 86_400)),
        (" 3 weeks  ago ", Ago(21 * 86_400)),
        ("0", Back(0)),
        ("12", Back(12)),
        ("1970-01-01T00:00Z", At(0)),
        ("2026-11-20T14:00Z", At(1_795_183_200)),
        ("2026-11-20T15:00:30+01:00", At(1_795_183_230)),
        ("2026-11-20 15:00", At(1_795_183_200)),
        ("2026-11-20", At(1_795_129_200)),
    ],
)
def test_a_time_may_be_words_a_date_or_a_number_of_moves(text: str, wanted: When) -> None:
    assert refish_time.parse_when(text) == wanted


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("@{0}", 2),
        ("main@{1}", 1),
        ("HEAD@{2}", 0),
        ("@{now}", 2),
        ("@{61.seconds.ago}", 1),
        ("main@{2.minutes.ago}", 1),
        ("foo.com.:main@{121.seconds.ago}", 0),
        ("foo.com.:@{3.minutes.ago}", 0),
        ("foo.com./main@{0}~1", 1),
        ("@{1}^", 0),
    ],
)
async def test_an_earlier_state_of_a_branch_is_found_by_the_clock_of_refs(
    operators: TwoOperators, history: list[CommitId], text: str, index: int
) -> None:
    assert await resolved(operators, text) == history[index]
    assert operators.noted == []


async def test_a_time_equal_to_that_of_a_move_is_after_the_move(
    operators: TwoOperators, history: list[CommitId]
) -> None:
    stood = await operators.repo.refs.at(ref_names.branch(ZONE, "main"), At(START + 60))
    assert stood.entry.new == history[1]


async def test_an_absolute_name_is_shown_at_an_earlier_time(
    operators: TwoOperators, history: list[CommitId]
) -> None:
    """Return the RRset of ``zonegit show api.foo.com. A @{61.seconds.ago}``."""
    reader = Reader(operators.repo.objects)
    at = await refish.resolve(operators.repo, "@{61.seconds.ago}")
    tree = (await read_zone.read_commit(reader, at.commit)).tree
    owner = names.parse("api.foo.com.", at.zone)
    found = await read_zone.read_rrset(reader, tree, owner, rrtypes.A, at.zone)
    assert found.rdatas == address("api", "192.0.2.1").rdatas


async def test_a_range_may_have_times_on_both_sides(
    operators: TwoOperators, history: list[CommitId]
) -> None:
    reader = Reader(operators.repo.objects)
    sides = await compare.resolve_sides(operators.repo, reader, ["main@{3.minutes.ago}..@{1}"])
    assert (sides.old, sides.new) == (history[0], history[1])
    sides = await compare.resolve_sides(operators.repo, reader, ["@{2}..."])
    assert (sides.old, sides.new) == (history[0], history[2])


async def test_a_clock_set_back_hides_no_later_move(
    operators: TwoOperators, history: list[CommitId]
) -> None:
    operators.clock.now = START + 30
    last = check_committed(await operators.edit([Set(address("api", "192.0.2.9"))])).commit
    operators.clock.now = START + 300
    assert await resolved(operators, "@{now}") == last
    assert await resolved(operators, "@{250.seconds.ago}") == last
    assert await resolved(operators, "@{290.seconds.ago}") == history[0]


async def test_before_its_first_entry_the_dates_of_commits_decide_with_a_note(
    operators: TwoOperators,
) -> None:
    operators.clock.now = START
    await operators.repo.refs.register(ZONE, operators.repo.origin("init"))
    graph = chain(200)
    await operators.repo.objects.put(graph.objects())
    main = ref_names.branch(ZONE, "main")
    await operators.repo.refs.move(main, Absent(), graph.ids[-1], operators.repo.origin("migrate"))
    times = [commit.committer.time for commit in graph.commits]
    for number in (0, 99, 199):
        found = await refish_time.find_commit(
            operators.repo, Reader(operators.repo.objects), main, At(float(times[number]))
        )
        assert found == graph.ids[number]
    assert all("using the dates of its commits" in text for text in operators.noted)
    assert len(operators.noted) == 3
    with pytest.raises(NotFound, match=graph.ids[0].hex()[:12]):
        await refish_time.find_commit(
            operators.repo, Reader(operators.repo.objects), main, At(times[0] - 1.0)
        )


async def test_a_long_history_is_searched_in_few_round_trips(
    operators: TwoOperators,
) -> None:
    store = CountingStore()
    graph = chain(1_001)
    await store.put(graph.objects())
    repo = msgspec.structs.replace(operators.repo, objects=store)
    await operators.repo.objects.put(graph.objects())
    await operators.repo.refs.register(ZONE, operators.repo.origin("init"))
    main = ref_names.branch(ZONE, "main")
    await operators.repo.refs.move(main, Absent(), graph.ids[-1], operators.repo.origin("migrate"))
    oldest = float(graph.commits[0].committer.time)
    assert await refish_time.find_commit(repo, Reader(store), main, At(oldest)) == graph.ids[0]
    assert store.asked <= 8


async def test_a_deleted_branch_still_has_earlier_states(
    operators: TwoOperators, history: list[CommitId]
) -> None:
    await branches.create(operators.repo, ZONE, "canary", history[1])
    operators.clock.now = START + 240
    await branches.delete(operators.repo, ZONE, "canary")
    operators.clock.now = START + 300
    assert await resolved(operators, "canary@{90.seconds.ago}") == history[1]
    assert await resolved(operators, "canary@{1}") == history[1]
    with pytest.raises(NotFound, match="alice had deleted it") as gone:
        await resolved(operators, "canary@{30.seconds.ago}")
    assert history[1].hex()[:12] in (gone.value.hint or "")


async def test_a_move_before_the_first_is_not_found(
    operators: TwoOperators, history: list[CommitId]
) -> None:
    with pytest.raises(NotFound, match="has moved 3 times"):
        await resolved(operators, "main@{3}")


async def test_only_branches_have_earlier_states(
    operators: TwoOperators, history: list[CommitId]
) -> None:
    await tags.create(operators.repo, ZONE, "v1", history[0], "released")
    for text in ("v1@{1}", f"{history[0].hex()}@{{1}}", "refs/tags/foo.com./v1@{yesterday}"):
        with pytest.raises(Invalid, match="is not a branch"):
            await resolved(operators, text)
    with pytest.raises(NotFound, match="not a branch, tag or commit"):
        await resolved(operators, "mian@{1}")
    assert await tip(operators) == history[2]
