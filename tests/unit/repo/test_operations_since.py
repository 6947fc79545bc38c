"""Operations since a time, with a clock that was set back."""

from tests.unit.repo.conftest import TwoOperators
from tests.unit.repo.zone_contents import address
from zonegit.repo.commit.edits import Set
from zonegit.repo.inspect import operations


async def test_a_clock_that_was_set_back_hides_no_operation(foo: TwoOperators) -> None:
    for number, time in enumerate((5_000_000.0, 5_001_000.0, 5_000_400.0, 5_002_000.0), start=1):
        foo.clock.now = time
        await foo.edit([Set(address("a", f"192.0.2.{number}"))])
    found = await operations.list_latest(foo.repo, 100, since=5_000_500.0)
    assert [each.entries[0].time for each in found][:2] == [5_002_000.0, 5_001_000.0]
    assert 5_000_400.0 not in [each.entries[0].time for each in found]


async def test_commits_are_read_in_two_batches(foo: TwoOperators) -> None:
    for number in range(1, 6):
        await foo.edit([Set(address("a", f"192.0.2.{number}"))])
    listed = await operations.list_latest(foo.repo, 100)
    found = await operations.read_commits(foo.repo, listed)
    subjects = [found[each].subject for each in map(operations.find_new_commit, listed) if each]
    assert subjects == [*["edit"] * 5, "import"]
