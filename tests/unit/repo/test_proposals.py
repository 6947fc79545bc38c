"""Proposals: a branch, its changes, and whether it merges."""

import msgspec
import pytest

from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, tip
from zonegit.errors import Conflict
from zonegit.repo import heads
from zonegit.repo.change import proposals
from zonegit.repo.change.proposals import Review
from zonegit.repo.commit.conflicts import Conflicted
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.outcomes import Preview
from zonegit.zone import names


async def review(operators: TwoOperators, name: str) -> Review:
    into = await heads.find_position(operators.repo, ZONE, "main")
    return await proposals.review(operators.repo, into, await tip(operators, name))


@pytest.fixture
async def proposed(foo: TwoOperators) -> TwoOperators:
    """Create the proposal new-mail with one commit that gives mail an address."""
    await proposals.propose(foo.repo, ZONE, "new-mail", await tip(foo, "main"))
    await foo.edit([Set(address("mail", "192.0.2.26"))], "new-mail")
    return foo


async def test_the_head_of_the_proposer_is_the_proposal(proposed: TwoOperators) -> None:
    assert (await heads.find_position(proposed.repo)).branch == "new-mail"
    assert (await heads.find_position(proposed.other)).branch == "main"


async def test_a_proposal_with_an_existing_name_is_a_conflict(proposed: TwoOperators) -> None:
    with pytest.raises(Conflict, match="has a branch 'new-mail' already"):
        await proposals.propose(proposed.repo, ZONE, "new-mail", await tip(proposed, "main"))


async def test_a_review_shows_the_changes_of_the_proposal_and_not_those_of_main(
    proposed: TwoOperators,
) -> None:
    await proposed.edit([Set(address("api", "192.0.2.81"))], "main")
    found = await review(proposed, "new-mail")
    assert [each.commit.message for each in found.commits] == ["edit"]
    assert [names.text(delta.owner) for delta in found.deltas] == ["mail.foo.com."]
    assert isinstance(found.outcome, Preview)


async def test_a_review_names_the_conflicting_rrsets(proposed: TwoOperators) -> None:
    other = msgspec.structs.replace(address("mail", "192.0.2.27"), ttl=60)
    await proposed.edit([Set(other)], "main")
    before = await tip(proposed, "main")
    found = await review(proposed, "new-mail")
    assert isinstance(found.outcome, Conflicted)
    assert [clash.reason for clash in found.outcome.clashes] == ["added with two TTLs"]
    assert await tip(proposed, "main") == before
