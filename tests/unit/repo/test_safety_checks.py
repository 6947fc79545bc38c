"""Large removals from a zone are refused, and checks of small changes are cheap."""

from typing import Any

import msgspec
import pytest

from tests.support.counting_store import CountingStore
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed
from zonegit.errors import Unsafe
from zonegit.repo import heads
from zonegit.repo.change import branches, merge, reset
from zonegit.repo.commit.edits import Delete, Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.heads import BranchPosition
from zonegit.store.ref_log import Moved
from zonegit.store.refs import RefStore
from zonegit.zone import names


def hosts(count: int) -> str:
    """Return a zone with so many more addresses."""
    return FOO + "".join(f"h{number:05d} IN A 192.0.2.9\n" for number in range(count))


class ReadCounter:
    """A ref store; ``asked`` has the number of reads of the object store for each move."""

    def __init__(self, refs: RefStore, objects: CountingStore) -> None:
        self._refs = refs
        self._objects = objects
        self.asked: list[int] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._refs, name)

    async def move(self, *arguments: Any, **named: Any) -> Moved:
        before = self._objects.asked
        moved = await self._refs.move(*arguments, **named)
        self.asked.append(self._objects.asked - before)
        return moved


@pytest.mark.parametrize("count", [20, 2_100, 3_000])
async def test_a_small_commit_is_sent_with_all_objects_for_its_check(
    foo: TwoOperators, count: int
) -> None:
    await foo.import_file(hosts(count))
    assert isinstance(foo.repo.objects, CountingStore)
    refs = ReadCounter(foo.repo.refs, foo.repo.objects)
    watched = TwoOperators(msgspec.structs.replace(foo.repo, refs=refs), foo.other)
    check_committed(await watched.edit([Set(address("h00007", "192.0.2.8"))]))
    check_committed(await watched.edit([Delete(names.parse("h00019", ZONE))]))
    assert refs.asked == [0, 0]


async def thinned_out(operators: TwoOperators) -> BranchPosition:
    """Create main with twenty hosts, and a branch forced to have none; return main's position."""
    await operators.import_file(hosts(20))
    here = await heads.find_position(operators.repo)
    await branches.create(operators.repo, ZONE, "thin", here.commit())
    gone = [Delete(names.parse(f"h{number:05d}", ZONE)) for number in range(20)]
    with pytest.raises(Unsafe, match="20 of its 25 RRsets"):
        await operators.edit(gone, "thin")
    with pytest.raises(Unsafe) as unexplained:
        await operators.edit(gone, "thin", force=True)
    assert "is not enough" in str(unexplained.value.hint)
    await operators.edit(gone, "thin", force=True, reason="a test")
    return here


async def test_a_merge_is_checked_like_a_commit(foo: TwoOperators) -> None:
    here = await thinned_out(foo)
    thin = (await heads.find_position(foo.repo, ZONE, "thin")).commit()
    with pytest.raises(Unsafe, match="20 of its 25 RRsets"):
        await merge.merge(foo.repo, here, thin, Intent("m", "merge"))
    forced = Intent("m", "merge", force=True, reason="a test")
    assert check_committed(await merge.merge(foo.repo, here, thin, forced)).commit == thin


async def test_a_reset_is_checked_like_a_commit(foo: TwoOperators) -> None:
    before = (await heads.find_position(foo.repo)).commit()
    await foo.import_file(hosts(20))
    here = await heads.find_position(foo.repo)
    with pytest.raises(Unsafe, match="20 of its 25 RRsets"):
        await reset.reset(foo.repo, here, before, Intent("r", "reset"), exact=False)
    forced = Intent("r", "reset", force=True, reason="a test")
    assert await reset.reset(foo.repo, here, before, forced, exact=True)
