"""Operations since a time, with a clock that was set back."""

from tests.support.counting_store import CountingStore
from tests.unit.repo.conftest import TwoOperators
from tests.unit.repo.zone_contents import address
from zonegit.repo.commit.edits import Set
from zonegit.repo.inspect import operation_changes, operations
from zonegit.store.memory import MemoryObjects
from zonegit.store.reader import Reader


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


async def test_operations_name_two_changed_rrsets_and_count_the_rest(foo: TwoOperators) -> None:
    for count in (1, 3, operation_changes.MAX_COUNTED + 1):
        addresses = [address(f"n{number}", f"192.0.2.{count}") for number in range(count)]
        await foo.edit([Set(each) for each in addresses])
    objects = foo.repo.objects
    assert isinstance(objects, CountingStore)
    listed = await operations.list_latest(foo.repo, 20)
    objects.asked = 0
    reader = Reader(objects)
    commits = await operations.read_commits(foo.repo, listed, reader)
    done = await operation_changes.describe_operations(reader, listed, commits)
    assert objects.asked <= 1 + 2  # the commits, and two levels of their trees
    assert [done[each.operation] for each in listed if each.operation in done] == [
        "set n0 A, n1 A and over 98 more: edit",
        "set n0 A, n1 A and 1 more: edit",
        "set n0 A: edit",
        "import",
    ]


async def test_operations_whose_objects_were_lost_have_their_message(foo: TwoOperators) -> None:
    await foo.edit([Set(address("a", "192.0.2.1"))])
    listed = await operations.list_latest(foo.repo, 20)
    commits = await operations.read_commits(foo.repo, listed)
    done = await operation_changes.describe_operations(Reader(MemoryObjects()), listed, commits)
    assert sorted(done.values()) == ["edit", "import"]


async def test_operations_deep_in_a_zone_cost_no_more_requests(foo: TwoOperators) -> None:
    await foo.edit([Set(address("a.b.c.d", "192.0.2.1"))])
    await foo.edit([Set(address("e", "192.0.2.1"))])
    objects = foo.repo.objects
    assert isinstance(objects, CountingStore)
    listed = await operations.list_latest(foo.repo, 20)
    objects.asked = 0
    reader = Reader(objects)
    commits = await operations.read_commits(foo.repo, listed, reader)
    done = await operation_changes.describe_operations(reader, listed, commits)
    assert objects.asked <= 1 + operation_changes.MAX_READS
    assert sorted(done.values()) == ["edit", "import", "set e A: edit"]
