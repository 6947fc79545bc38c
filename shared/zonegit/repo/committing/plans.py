"""What a commit is to change, worked out on whatever tip it finds: so it can be replayed."""

from collections.abc import Awaitable, Callable, Collection, Sequence

import msgspec

from zonegit.history import trees
from zonegit.objects import asks
from zonegit.objects.canonical import encode
from zonegit.objects.ids import ObjectId, RawObject
from zonegit.objects.model import Blob
from zonegit.repo.committing import diffs, edits
from zonegit.repo.committing.diffs import Delta
from zonegit.repo.committing.drafts import Planned, State
from zonegit.repo.committing.edits import Edit
from zonegit.repo.finding import browse
from zonegit.store.protocols import ObjectStore
from zonegit.store.reading import Reader
from zonegit.zone import names
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset

Plan = Callable[[Reader, State], Awaitable[Planned | None]]
"""Works out what to commit on a tip; None: nothing."""


def plan_edits(todo: Collection[Edit], apex: Name) -> Plan:
    """A plan that applies edits to whatever the tip holds at their owners."""

    async def plan(reader: Reader, tip: State) -> Planned:
        owners = {edits.owner(edit) for edit in todo}
        present = await browse.rrsets_at(reader, tip.tree, owners, apex)
        changes = edits.apply(todo, present, apex)
        return Planned(changes, {key for key in changes if key[1] not in present[key[0]]})

    return plan


def add_findings(plan: Plan, findings: Sequence[Finding]) -> Plan:
    """Return a plan whose commit also has ``findings``, which are known before it is made."""
    if not findings:
        return plan

    async def with_findings(reader: Reader, tip: State) -> Planned:
        planned = await plan(reader, tip) or Planned({})
        return msgspec.structs.replace(planned, findings=(*findings, *planned.findings))

    return with_findings


def planned(deltas: Collection[Delta]) -> Planned:
    """All that differs, from the old state to the new one."""
    added = {(each.owner, each.rdtype) for each in deltas if each.old is None}
    return Planned(diffs.forward(deltas), added)


def plan_replacement(
    rrsets: Collection[RRset], apex: Name, renew: ObjectStore | None = None
) -> Plan:
    """A plan that makes the zone equal ``rrsets``; equal subtrees are never read. ``renew`` is a
    store that is given every object again, what it holds already too: that repairs what rotted."""
    wanted = {(rrset.owner, rrset.rdtype): rrset for rrset in rrsets}

    async def plan(reader: Reader, tip: State) -> Planned:
        if tip.tree is None:
            return Planned(dict(wanted), wanted.keys())
        objects, made = build(rrsets, apex)
        if renew is not None:
            await renew.put(objects)
        reader.learn(objects)
        found = await reader.answer(trees.changes(tip.tree, made))
        was = {(names.below(apex, each.path), each.rdtype): each.old for each in found}
        added = {key for key, old in was.items() if old is None}
        return Planned({key: wanted.get(key) for key in was}, added)

    return plan


def build(rrsets: Collection[RRset], apex: Name) -> tuple[list[RawObject], ObjectId | None]:
    """The blobs and trees of a whole zone, and its tree's id, None of one without records."""
    objects = [encode(Blob(rrset)) for rrset in rrsets]
    placed = {
        (names.path(rrset.owner, apex), rrset.rdtype): raw.id
        for rrset, raw in zip(rrsets, objects, strict=True)
    }
    return objects, asks.run(trees.update(None, placed, objects), {})
