"""Signatures of commits when they are made, and of tips afterwards."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.zone_contents import address, check_committed
from zonegit.errors import Conflict, Invalid, Unsafe
from zonegit.objects.commit_signatures import GoodSignature, Keyring, SigningKey, Unsigned
from zonegit.objects.ids import CommitId, RawObject
from zonegit.objects.model import Commit
from zonegit.repo import heads, read_zone, refish
from zonegit.repo.change import branches, sign
from zonegit.repo.change.sign import SignedBranch
from zonegit.repo.commit import change_plan, commit_loop
from zonegit.repo.commit.edits import Set
from zonegit.repo.commit.intent import Intent
from zonegit.repo.commit.outcomes import Committed
from zonegit.store.reader import Reader
from zonegit.zone.rrset import RRset

ALICE = SigningKey(bytes(32))
BOB = SigningKey(bytes(31) + b"\1")
KEYRING = Keyring([ALICE.public])


async def read(operators: TwoOperators, commit: CommitId) -> Commit:
    return await read_zone.read_commit(Reader(operators.repo.objects), commit)


async def edited_by(operators: TwoOperators, key: SigningKey, value: RRset) -> Committed:
    repo = msgspec.structs.replace(operators.repo, sign=key.sign)
    position = await heads.find_position(repo, ZONE)
    plan = change_plan.plan_edits([Set(value)], ZONE)
    return check_committed(await commit_loop.commit(repo, position, plan, Intent("edit", "set")))


async def signed(
    operators: TwoOperators, text: str = "HEAD", key: SigningKey = ALICE, *, force: bool = False
) -> SignedBranch:
    at = await refish.resolve(operators.repo, text)
    return await sign.sign_tip(operators.repo, at, key.sign, force=force)


async def test_a_commit_is_signed_when_it_is_made(foo: TwoOperators) -> None:
    done = await edited_by(foo, ALICE, address("a", "192.0.2.1"))
    assert KEYRING.verify(await read(foo, done.commit)) == GoodSignature(ALICE.public)


async def test_a_tip_signed_afterwards_differs_only_in_its_signature(
    foo: TwoOperators,
) -> None:
    first = await heads.find_position(foo.repo)
    done = await signed(foo)
    now = await heads.find_position(foo.repo)
    before, after = await read(foo, first.commit()), await read(foo, now.commit())
    assert (done.old, done.commit) == (first.commit(), now.commit())
    assert KEYRING.verify(before) == Unsigned()
    assert KEYRING.verify(after) == GoodSignature(ALICE.public)
    assert msgspec.structs.replace(after, signature=None) == before
    assert now.tip is not None
    assert now.tip.serial == 7


async def test_a_branch_continues_from_its_signed_tip(foo: TwoOperators) -> None:
    done = await signed(foo)
    edit = check_committed(await foo.edit([Set(address("a", "192.0.2.1"))]))
    assert (edit.parent, edit.serial) == (done.commit, 8)


async def test_signing_again_with_the_same_key_moves_nothing(foo: TwoOperators) -> None:
    done = await signed(foo)
    assert await signed(foo) == SignedBranch("main", done.commit, done.commit, None)


async def test_replacing_the_signature_of_another_key_needs_force(foo: TwoOperators) -> None:
    await signed(foo, key=BOB)
    with pytest.raises(Unsafe, match="another key"):
        await signed(foo)
    done = await signed(foo, force=True)
    assert KEYRING.verify(await read(foo, done.commit)) == GoodSignature(ALICE.public)


async def test_a_commit_with_children_cannot_be_signed(foo: TwoOperators) -> None:
    await foo.edit([Set(address("a", "192.0.2.1"))])
    before = await heads.find_position(foo.repo)
    with pytest.raises(Invalid, match="rewrite every commit"):
        await signed(foo, "HEAD~1")
    assert await heads.find_position(foo.repo) == before


async def test_only_the_named_one_of_two_branches_at_a_commit_moves(foo: TwoOperators) -> None:
    tip = (await heads.find_position(foo.repo)).commit()
    await branches.create(foo.repo, ZONE, "canary", tip)
    with pytest.raises(Invalid, match="canary and main"):
        await signed(foo, tip.hex())
    done = await signed(foo, "canary")
    assert done.branch == "canary"
    assert (await heads.find_position(foo.repo, ZONE, "main")).commit() == tip
    assert (await heads.find_position(foo.repo, ZONE, "canary")).commit() == done.commit


async def test_signing_a_commit_by_id_moves_its_only_branch(foo: TwoOperators) -> None:
    tip = (await heads.find_position(foo.repo)).commit()
    assert (await signed(foo, tip.hex()[:12])).branch == "main"


class OvertakenObjects:
    """An object store; another client commits just before the branch is moved."""

    def __init__(self, operators: TwoOperators) -> None:
        self._operators = operators

    def __getattr__(self, name: str) -> Any:
        return getattr(self._operators.repo.objects, name)

    async def put(self, objects: Sequence[RawObject]) -> None:
        await self._operators.repo.objects.put(objects)
        await self._operators.edit([Set(address("a", "192.0.2.1"))])


async def test_a_branch_that_moved_concurrently_is_not_moved(foo: TwoOperators) -> None:
    at = await refish.resolve(foo.repo, "HEAD")
    repo = msgspec.structs.replace(foo.repo, objects=OvertakenObjects(foo))
    with pytest.raises(Conflict):
        await sign.sign_tip(repo, at, ALICE.sign)
    tip = await heads.find_position(foo.repo)
    assert (await read(foo, tip.commit())).parents == (at.commit,)
