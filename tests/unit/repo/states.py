"""Short ways to say what a zone holds, for tests of what changes it."""

from tests.unit.repo.conftest import ZONE, Shop
from zonegit.objects.ids import CommitId
from zonegit.repo import heads, read_zone
from zonegit.repo.commit.commit_loop import Committed, Outcome
from zonegit.store.reader import Reader
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_from_text, rdata_to_text, rrset


def address(owner: str, text: str) -> RRset:
    """An RRset of one address, TTL 300."""
    rdata = rdata_from_text(rrtypes.A, text)
    return rrset(names.parse(owner, ZONE), rrtypes.A, 300, [rdata])


def committed(outcome: Outcome) -> Committed:
    """It moved the branch."""
    assert isinstance(outcome, Committed), outcome
    return outcome


async def tip(shop: Shop, branch: str = "main") -> CommitId:
    """Where a branch of foo.com. stands."""
    return (await heads.find_position(shop.repo, ZONE, branch)).commit()


async def zone_at(shop: Shop, commit: CommitId) -> dict[tuple[Name, int], RRset]:
    """All that a commit holds."""
    reader = Reader(shop.repo.objects)
    tree = (await read_zone.read_commit(reader, commit)).tree
    return {
        (each.owner, each.rdtype): each for each in await read_zone.read_whole_zone(reader, tree)
    }


async def addresses(shop: Shop, commit: CommitId, owner: str) -> list[str]:
    """The A records of a name at a commit."""
    found = (await zone_at(shop, commit))[names.parse(owner, ZONE), rrtypes.A]
    return [rdata_to_text(rrtypes.A, rdata) for rdata in found.rdatas]
