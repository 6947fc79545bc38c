"""Check a zone that is not stored, as the first commit of a new zone would be checked.

No store and no bus are needed. The checks are those of the command that commits
(``repo.commit.drafts``), followed by those of the ref store (``safety.judgement``).
"""

from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Commit, Identity
from zonegit.repo.commit import change_plan, drafts
from zonegit.repo.commit.change_findings import ChangeFindings
from zonegit.repo.commit.drafts import CommitBase
from zonegit.safety import judgement
from zonegit.safety.moves import MoveRequest
from zonegit.safety.reader import MoveReader
from zonegit.store import ref_names
from zonegit.store.basis import USUAL, Basis, RefState
from zonegit.store.memory import MemoryObjects
from zonegit.store.reader import Reader
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.store.refs import Absent
from zonegit.zone import rrtypes
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, parse_soa

AUTHOR: Final = Identity("zonegit", "zonegit@invalid", 0, "+0000")
"""The author of the commit, which is neither stored nor shown."""


class CheckedZone(msgspec.Struct, frozen=True):
    """A zone that can be imported.

    Attributes:
        serial: the serial of its SOA.
        findings: the findings that the import would report.
    """

    serial: int
    findings: tuple[Finding, ...]


async def check_new_zone(
    apex: Name, rrsets: Collection[RRset], found: Sequence[Finding] = ()
) -> CheckedZone:
    """Check that an import of RRsets into a new zone would be accepted.

    Args:
        apex: the zone's name.
        rrsets: all RRsets of the zone; one is the SOA of the apex.
        found: findings about the file, which name the place of an RRset in it.

    Raises:
        Invalid: the import would be refused.
    """
    store, tip = MemoryObjects(), CommitBase()
    reader = Reader(store)
    plan = change_plan.add_findings(change_plan.plan_replacement(rrsets, apex), found)
    planned = await plan(reader, tip)
    assert planned is not None
    changes = planned.changes
    await drafts.check_changes(store, reader, apex, tip, planned)
    objects, tree = await drafts.build_tree(reader, apex, None, changes)
    commit = encode(Commit(tree, (), author=AUTHOR, committer=AUTHOR, message=""))
    known = {raw.id: raw for raw in [*objects, commit]}
    main = ref_names.branch(apex, DEFAULT_BRANCH)
    request = MoveRequest(main, Absent(), CommitId(commit.id), registers=True)
    await judgement.judge(MoveReader(store, known), request, _read_new_basis)
    soa = changes[apex, rrtypes.SOA]
    assert soa is not None
    about = ChangeFindings(reader, apex, soa, None, tree, changes, planned.added)
    return CheckedZone(parse_soa(soa).serial, (*planned.findings, *await about.run()))


async def _read_new_basis(_commits: Collection[ObjectId]) -> Basis:
    """Return the basis of the first move of a branch in a zone that does not exist yet."""
    return Basis(RefState(is_registered=False, tip=None, is_new=True), USUAL)
