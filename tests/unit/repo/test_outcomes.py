"""The summary of a commit: its added and removed records, if they are few."""

from collections.abc import Collection, Mapping

import click
import msgspec

from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed
from zonegit.errors import Unavailable
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.repo.commit import diff
from zonegit.repo.commit.edits import Delete, Set
from zonegit.repo.commit.outcomes import Committed
from zonegit.store.memory import MemoryObjects
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import RRset, rrset
from zonegit_cli.render import outcomes

WWW = names.parse("www", ZONE)


async def summary(operators: TwoOperators, made: Committed) -> list[str]:
    return [
        click.unstyle(line) for line in list(await outcomes.format_lines(operators.repo, made))[1:]
    ]


def text(*strings: str) -> RRset:
    rdatas = [bytes([len(each)]) + each.encode() for each in strings]
    return rrset(names.parse("txt", ZONE), rrtypes.TXT, 300, rdatas)


async def test_each_added_or_removed_record_is_a_line(foo: TwoOperators) -> None:
    made = check_committed(await foo.edit([Set(address("api", "192.0.2.81")), Delete(WWW)]))
    assert await summary(foo, made) == [
        "  - api.foo.com. 300 IN A 192.0.2.80",
        "  + api.foo.com. 300 IN A 192.0.2.81",
        "  - www.foo.com. 300 IN CNAME api.foo.com.",
    ]


async def test_many_added_records_are_counted(foo: TwoOperators) -> None:
    made = check_committed(await foo.edit([Set(text(*(f"{n:02}" for n in range(25))))]))
    shown = await summary(foo, made)
    assert len(shown) == outcomes.MAX_ADDED + 1
    assert shown[-1] == "  also: 5 records added"


async def test_many_removed_records_are_counted(foo: TwoOperators) -> None:
    await foo.edit([Set(text(*(f"{n:02}" for n in range(60))))])
    made = check_committed(await foo.edit([Delete(names.parse("txt", ZONE))]))
    shown = await summary(foo, made)
    assert len(shown) == outcomes.MAX_REMOVED + 1
    assert shown[-1] == "  also: 10 records removed"


async def test_many_new_rrsets_are_counted(foo: TwoOperators) -> None:
    many = [Set(address(f"h{number:02}", "192.0.2.1")) for number in range(12)]
    shown = await summary(foo, check_committed(await foo.edit(many)))
    assert len(shown) == outcomes.MAX_RRSETS + 1
    assert shown[-1] == "  also: 2 RRsets added"


async def test_many_new_rrsets_hide_no_removal(foo: TwoOperators) -> None:
    many = [Set(address(f"h{number:02}", "192.0.2.1")) for number in range(12)]
    made = check_committed(await foo.edit([*many, Set(address("api", "192.0.2.81")), Delete(WWW)]))
    shown = await summary(foo, made)
    assert "  - api.foo.com. 300 IN A 192.0.2.80" in shown
    assert shown[-2:] == [
        "  - www.foo.com. 300 IN CNAME api.foo.com.",
        "  also: 4 RRsets added",
    ]


async def test_rrsets_that_are_not_shown_are_counted_by_what_happened_to_them(
    foo: TwoOperators,
) -> None:
    number = outcomes.MAX_REMOVING
    owners = [f"h{each:03}" for each in range(number + 2)]
    await foo.edit([Set(address(owner, "192.0.2.1")) for owner in owners])
    made = check_committed(
        await foo.edit(
            [
                *(Delete(names.parse(owner, ZONE)) for owner in owners[:-1]),
                Set(address(owners[-1], "192.0.2.2")),
                Set(address("z", "192.0.2.3")),
            ],
            force=True,
            reason="test",
        )
    )
    shown = await summary(foo, made)
    assert len(shown) == number + 1
    assert all(line.startswith("  - h") for line in shown[:-1])
    assert shown[-1] == "  also: 1 RRset deleted, 1 RRset changed, 1 RRset added"


async def test_a_long_record_is_shortened(foo: TwoOperators) -> None:
    (line,) = await summary(foo, check_committed(await foo.edit([Set(text("x" * 250))])))
    assert line.endswith("...")
    assert len(line) < 250


async def test_showing_a_commit_of_one_record_needs_no_further_reads(
    foo: TwoOperators,
) -> None:
    made = check_committed(await foo.edit([Set(address("api", "192.0.2.81"))]))
    asked = foo.repo.objects.asked  # type: ignore[attr-defined]
    await summary(foo, made)
    document = await outcomes.make_document(foo.repo, made, dry_run=False)
    assert document.changes is not None
    assert len(document.changes) == 1
    assert foo.repo.objects.asked == asked  # type: ignore[attr-defined]


class UnansweringStore(MemoryObjects):
    """A store that no longer answers."""

    async def get(self, ids: Collection[ObjectId]) -> Mapping[ObjectId, RawObject]:
        raise Unavailable("no answer")


async def test_a_commit_succeeds_even_if_its_change_cannot_be_read(foo: TwoOperators) -> None:
    made = check_committed(await foo.edit([Set(address("api", "192.0.2.81"))]))
    unread = diff.TreePair(ZONE, made.trees.old, made.trees.new, Reader(UnansweringStore()))
    made = msgspec.structs.replace(made, trees=unread)
    document = await outcomes.make_document(foo.repo, made, dry_run=False)
    assert (document.committed, document.changes) == (True, None)
    assert await summary(foo, made) == ["  1 RRset changed"]
    assert [each.endswith("no answer") for each in foo.noted] == [True, True]
