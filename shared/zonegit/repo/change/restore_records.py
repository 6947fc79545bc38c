"""Restore the records of one name, or one of its RRsets, from another commit."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.objects.ids import CommitId, short
from zonegit.repo import read_zone
from zonegit.repo.commit import change_plan, drafts, edits
from zonegit.repo.commit.change_plan import ChangePlanner
from zonegit.repo.commit.drafts import CommitBase, PlannedChange
from zonegit.repo.commit.edits import Delete, RRsetEdit, Set
from zonegit.repo.commit.replay import Footprint
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, format_key

RESTORE_DELETES: Final = "restore-deletes"
"""The rule of the note that the name or the RRset did not exist at the commit."""


def plan_restore(
    source: CommitId, owner: Name, rdtype: int | None, apex: Name, *, respell: bool = False
) -> ChangePlanner:
    """Return a plan that gives a name the RRsets, or one of them, that it has in a commit.

    RRsets that the name does not have in that commit are deleted. The SOA of the apex stays,
    because its serial must not decrease (RFC 1982). The result has to pass the same checks as an
    edit that states these RRsets.

    Args:
        source: the commit.
        owner: the name.
        rdtype: only the RRset of this type; None for all.
        apex: the zone.
        respell: store another spelling of records that exist.

    Raises:
        Invalid: it is the SOA of the apex. The plan raises it if the commit belongs to another
            zone, or if the result would break a rule of DNS.
        NotFound: raised by the plan if there is nothing to restore in either commit.
    """
    if (owner, rdtype) == (apex, rrtypes.SOA):
        raise Invalid(
            f"the SOA of {names.text(apex)} is not restored: its serial must not decrease",
            hint="zonegit show @ SOA REFISH prints it; zonegit set @ SOA changes its fields",
        )

    async def plan(reader: Reader, tip: CommitBase) -> PlannedChange:
        tree = (await drafts.read_state(reader, source, apex)).tree
        found = [
            (await read_zone.read_rrsets_at(reader, each, [owner], apex))[owner]
            for each in (tip.tree, tree)
        ]
        now, past = (_select(each, owner, rdtype, apex) for each in found)
        if not now and not past:
            raise NotFound(
                f"there is no {_describe(owner, rdtype)}, neither now nor at {short(source)}",
                hint=f"zonegit log -- {names.text(owner)} lists the commits that changed the name",
            )
        present = {owner: found[0]}
        changes = edits.apply(_make_edits(now, past, owner), present, apex, respell=respell)
        needed = change_plan.drop_respelled(changes, present, respell=respell)
        notes = () if past else (_note_deletion(owner, rdtype, source),)
        return msgspec.structs.replace(
            needed, findings=(*needed.findings, *notes), footprint=footprint
        )

    footprint = Footprint(owners={owner}) if rdtype is None else Footprint(whole={(owner, rdtype)})
    return plan


def _select(
    rrsets: Mapping[int, RRset], owner: Name, rdtype: int | None, apex: Name
) -> dict[int, RRset]:
    """Return the RRsets that are restored."""
    return {
        each: rrset
        for each, rrset in rrsets.items()
        if rdtype in (None, each) and (owner, each) != (apex, rrtypes.SOA)
    }


def _make_edits(
    now: Mapping[int, RRset], past: Mapping[int, RRset], owner: Name
) -> Iterable[RRsetEdit]:
    yield from (Delete(owner, rdtype) for rdtype in sorted(now.keys() - past.keys()))
    yield from (Set(past[rdtype]) for rdtype in sorted(past))


def _note_deletion(owner: Name, rdtype: int | None, source: CommitId) -> Finding:
    message = f"{_describe(owner, rdtype)} did not exist at {short(source)}, so it is deleted"
    return Finding(RESTORE_DELETES, "note", message, owner, rdtype)


def _describe(owner: Name, rdtype: int | None) -> str:
    return names.text(owner) if rdtype is None else format_key(owner, rdtype)
