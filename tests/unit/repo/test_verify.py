"""Verification of a commit, a signed tag, and all ancestors of a commit."""

import msgspec
import pytest

from tests.unit.repo.conftest import ZONE, TwoOperators
from tests.unit.repo.test_sign import ALICE, BOB, edited_by
from tests.unit.repo.zone_contents import address
from zonegit.objects import commit_signatures
from zonegit.objects.codec import encode
from zonegit.objects.commit_signatures import (
    GoodSignature,
    Keyring,
    SigningKey,
    UnknownKey,
    Unsigned,
)
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Commit, Tag
from zonegit.repo import heads, read_zone, refish
from zonegit.repo.inspect import verify
from zonegit.repo.inspect.verify import VerifyReport
from zonegit.store import ref_names
from zonegit.store.reader import Reader
from zonegit.store.refs import Absent

BOTH = Keyring([ALICE.public, BOB.public])


async def verify_commit(
    operators: TwoOperators, text: str = "HEAD", keyring: Keyring = BOTH, *, chain: bool = False
) -> VerifyReport:
    return await verify.verify(
        operators.repo, await refish.resolve(operators.repo, text), keyring, chain=chain
    )


@pytest.fixture
async def history(foo: TwoOperators) -> list[CommitId]:
    """Make a first commit unsigned, then one of Alice and two of Bob."""
    ids = [(await heads.find_position(foo.repo)).commit()]
    for number, key in enumerate((ALICE, BOB, BOB)):
        done = await edited_by(foo, key, address(f"n{number}", "192.0.2.1"))
        ids.append(done.commit)
    return ids


async def test_a_commit_is_verified_without_its_ancestors(
    foo: TwoOperators, history: list[CommitId]
) -> None:
    report = await verify_commit(foo)
    assert (report.named.id, report.named.verdict) == (history[-1], GoodSignature(BOB.public))
    assert (report.count, report.good, report.failed) == (1, {BOB.public: 1}, [])


async def test_a_chain_is_counted_by_key_and_failures_have_a_reason(
    foo: TwoOperators, history: list[CommitId]
) -> None:
    report = await verify_commit(foo, chain=True)
    assert report.good == {ALICE.public: 1, BOB.public: 2}
    assert [(each.id, each.verdict) for each in report.failed] == [(history[0], Unsigned())]
    assert (report.count, report.unsigned) == (4, 1)
    narrow = await verify_commit(foo, keyring=Keyring([BOB.public]), chain=True)
    failed = [(each.id, each.verdict) for each in narrow.failed]
    assert failed == [(history[1], UnknownKey()), (history[0], Unsigned())]


async def test_a_chain_includes_every_parent_and_each_commit_once(
    foo: TwoOperators, history: list[CommitId]
) -> None:
    tip = await read_zone.read_commit(Reader(foo.repo.objects), history[-1])
    side = await put(foo, tip, (history[0],), BOB)
    merge = await put(foo, tip, (history[-1], side), ALICE)
    report = await verify_commit(foo, merge.hex(), chain=True)
    assert report.good == {ALICE.public: 2, BOB.public: 3}
    assert (report.count, report.named.id) == (6, merge)


async def put(
    operators: TwoOperators, like: Commit, parents: tuple[CommitId, ...], key: SigningKey
) -> CommitId:
    made = msgspec.structs.replace(like, parents=parents, signature=None)
    signed = msgspec.structs.replace(
        made, signature=key.sign(commit_signatures.extract_signed_payload(made))
    )
    await operators.repo.objects.put([encode(signed)])
    return CommitId(encode(signed).id)


async def test_progress_is_reported_batch_by_batch(
    foo: TwoOperators, history: list[CommitId]
) -> None:
    tip = await read_zone.read_commit(Reader(foo.repo.objects), history[-1])
    last = history[-1]
    for _ in range(verify.VERIFY_BATCH):
        last = await put(foo, tip, (last,), ALICE)
    heard: list[int] = []
    at = await refish.resolve(foo.repo, last.hex())
    await verify.verify(foo.repo, at, BOTH, chain=True, progress=heard.append)
    assert heard == [verify.VERIFY_BATCH, verify.VERIFY_BATCH + len(history)]


async def test_content_without_a_trusted_signature_fails(
    foo: TwoOperators, history: list[CommitId]
) -> None:
    """A signature copied to another commit is not valid there."""
    tip = await read_zone.read_commit(Reader(foo.repo.objects), history[-1])
    moved = encode(msgspec.structs.replace(tip, message="something else"))
    await foo.repo.objects.put([moved])
    report = await verify_commit(foo, moved.id.hex())
    assert [each.verdict for each in report.failed] == [UnknownKey()]


async def tagged(operators: TwoOperators, commit: CommitId, key: SigningKey | None) -> ObjectId:
    tag = Tag(commit, "v1", operators.repo.now(), "released")
    if key is not None:
        tag = msgspec.structs.replace(
            tag, signature=key.sign(commit_signatures.extract_signed_payload(tag))
        )
    raw = encode(tag)
    await operators.repo.objects.put([raw])
    await operators.repo.refs.move(
        ref_names.tag(ZONE, "v1"), Absent(), raw.id, operators.repo.origin("tag")
    )
    return raw.id


async def test_the_signature_of_a_signed_tag_counts(
    foo: TwoOperators, history: list[CommitId]
) -> None:
    tag = await tagged(foo, history[0], ALICE)
    report = await verify_commit(foo, "v1")
    assert (report.named.id, report.named.verdict) == (tag, GoodSignature(ALICE.public))
    chained = await verify_commit(foo, "v1", chain=True)
    assert chained.good == {ALICE.public: 1}
    assert [each.id for each in chained.failed] == [history[0]]


async def test_for_an_unsigned_tag_the_signature_of_the_commit_counts(
    foo: TwoOperators, history: list[CommitId]
) -> None:
    await tagged(foo, history[1], None)
    report = await verify_commit(foo, "v1")
    assert (report.named.id, report.named.verdict) == (history[1], GoodSignature(ALICE.public))
