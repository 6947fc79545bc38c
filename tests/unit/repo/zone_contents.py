"""Helpers to read and describe the contents of a zone in tests."""

from tests.unit.repo.conftest import ZONE, TwoOperators
from zonegit.objects.ids import CommitId
from zonegit.repo import heads, read_zone
from zonegit.repo.commit.outcomes import Committed, Outcome
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_from_text, rdata_to_text, rrset


def address(owner: str, text: str) -> RRset:
    """Return an RRset of one address, TTL 300."""
    rdata = rdata_from_text(rrtypes.A, text)
    return rrset(names.parse(owner, ZONE), rrtypes.A, 300, [rdata])


def check_committed(outcome: Outcome) -> Committed:
    """Check that the branch moved, and return the outcome."""
    assert isinstance(outcome, Committed), outcome
    return outcome


async def tip(operators: TwoOperators, branch: str = "main") -> CommitId:
    """Return the tip of a branch of foo.com."""
    return (await heads.find_position(operators.repo, ZONE, branch)).commit()


async def zone_at(operators: TwoOperators, commit: CommitId) -> dict[tuple[Name, int], RRset]:
    """Return all RRsets of a commit."""
    reader = Reader(operators.repo.objects)
    tree = (await read_zone.read_commit(reader, commit)).tree
    return {
        (each.owner, each.rdtype): each for each in await read_zone.read_whole_zone(reader, tree)
    }


async def addresses(operators: TwoOperators, commit: CommitId, owner: str) -> list[str]:
    """Return the A records of a name at a commit."""
    found = (await zone_at(operators, commit))[names.parse(owner, ZONE), rrtypes.A]
    return [rdata_to_text(rrtypes.A, rdata) for rdata in found.rdatas]
