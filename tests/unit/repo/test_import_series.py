"""Many versions of a zone become successive commits, and the branch moves once."""

import base64
from collections.abc import Iterator

import msgspec
import pytest

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from zonegit.errors import Conflict, Invalid, Unsafe
from zonegit.history.commit_graph import LoggedCommit
from zonegit.objects import commit_signatures
from zonegit.objects.commit_signatures import GoodSignature, Keyring
from zonegit.objects.ids import CommitId, RawObject
from zonegit.objects.model import Identity
from zonegit.repo import heads, read_zone
from zonegit.repo.change import import_series
from zonegit.repo.change.import_series import ImportedSeries, ImportedVersion
from zonegit.repo.commit import drafts, edits
from zonegit.repo.commit.intent import Intent, OnConflict
from zonegit.repo.inspect import log
from zonegit.store.reader import Reader
from zonegit.zone import names
from zonegit.zone.rrset import rrset
from zonegit.zone.rrtypes import A
from zonegit.zonefile import reader

WHO = Identity("Ada", "ada@example.net", 1_600_000_000)


def version(text: str, number: int = 0) -> ImportedVersion:
    rrsets = reader.read(text.encode(), ZONE).rrsets
    who = msgspec.structs.replace(WHO, time=WHO.time + number)
    return ImportedVersion(f"v{number}", rrsets, f"version {number}", who, who)


def foo_with(serial: int, *lines: str) -> str:
    return FOO.replace(" 7 ", f" {serial} ") + "".join(f"{line}\n" for line in lines)


async def written(operators: TwoOperators, texts: list[str], **how: bool) -> ImportedSeries:
    at = await heads.find_position(operators.repo, ZONE)
    versions = [version(text, number) for number, text in enumerate(texts)]
    intent = Intent("import", "import", imports=True, on_conflict=OnConflict.FAIL, **how)
    return await import_series.import_versions(operators.repo, at, versions, intent)


async def history(operators: TwoOperators) -> list[LoggedCommit]:
    at = await heads.find_position(operators.repo, ZONE)
    found = await log.read_latest(
        operators.repo, Reader(operators.repo.objects), at.commit(), ZONE, 100
    )
    return found[::-1]


async def zone_at(operators: TwoOperators, commit: CommitId) -> dict[edits.RRsetKey, object]:
    reader = Reader(operators.repo.objects)
    tree = (await read_zone.read_commit(reader, commit)).tree
    return {
        (each.owner, each.rdtype): each for each in await read_zone.read_whole_zone(reader, tree)
    }


@pytest.fixture
async def new(operators: TwoOperators) -> TwoOperators:
    """Return foo.com. without a commit."""
    await heads.initialise(operators.repo, ZONE)
    return operators


VERSIONS = [
    foo_with(10),
    foo_with(11, "new A 192.0.2.9", "deep.down.below TXT x"),
    foo_with(12, "new A 192.0.2.10"),
]


async def test_each_version_is_a_commit_on_the_preceding_one(new):
    made = await written(new, VERSIONS)
    found = await history(new)
    assert [each.id for each in found] == [each.commit for each in made.commits]
    for each, text in zip(found, VERSIONS, strict=True):
        assert await zone_at(new, each.id) == version(text).rrsets
    assert [each.commit.message for each in found] == ["version 0", "version 1", "version 2"]


async def test_each_version_has_the_same_tree_as_alone(new):
    await written(new, VERSIONS)
    for each, text in zip(await history(new), VERSIONS, strict=True):
        changes = dict(version(text).rrsets)
        _, alone = await drafts.build_tree(Reader(new.repo.objects), ZONE, None, changes)
        assert each.commit.tree == alone


async def test_a_commit_has_the_dates_of_its_version(new):
    await written(new, VERSIONS)
    found = [(each.commit.author.time, each.commit.committer.time) for each in await history(new)]
    assert found == [(WHO.time + number, WHO.time + number) for number in range(3)]


async def test_the_branch_moves_once_in_one_operation(new):
    made = await written(new, VERSIONS)
    at = await heads.find_position(new.repo, ZONE)
    entries = await new.repo.refs.reflog(at.ref, 10)
    assert [(each.old, each.new) for each in entries] == [(None, made.commits[-1].commit)]


async def test_a_version_equal_to_the_preceding_one_makes_no_commit(new):
    made = await written(new, [VERSIONS[0], VERSIONS[0], VERSIONS[1], VERSIONS[1]])
    assert [each.commit is not None for each in made.added] == [True, False, True, False]
    assert len(await history(new)) == 2


async def test_a_version_that_returns_is_another_commit_with_the_next_serial(new):
    made = await written(new, [VERSIONS[0], VERSIONS[1], VERSIONS[0], VERSIONS[0]])
    assert [each.serial for each in made.added] == [10, 11, 12, 12]
    assert made.added[-1].commit is None


async def test_a_series_continues_at_the_tip(foo):
    before = (await heads.find_position(foo.repo, ZONE)).commit()
    made = await written(foo, [foo_with(7), foo_with(3, "new A 192.0.2.9"), foo_with(20)])
    assert [each.serial for each in made.added] == [7, 8, 20]
    assert made.before == 7
    assert (await history(foo))[0].id == before


async def test_a_series_without_new_versions_moves_nothing(foo):
    made = await written(foo, [foo_with(7), foo_with(6)])
    assert made.moved is None
    assert made.commits == []
    assert len(await history(foo)) == 1


async def test_a_dry_run_stores_and_moves_nothing(foo):
    made = await written(foo, VERSIONS, dry_run=True)
    assert [each.serial for each in made.commits] == [10, 11, 12]
    assert made.moved is None
    ids = [each.commit for each in made.commits if each.commit is not None]
    assert await foo.repo.objects.missing(ids) == set(ids)
    assert len(await history(foo)) == 1


async def test_an_invalid_version_leaves_nothing_visible(foo):
    def versions() -> Iterator[ImportedVersion]:
        yield version(VERSIONS[0])
        raise Invalid("v1:3: unreadable")

    at = await heads.find_position(foo.repo, ZONE)
    with pytest.raises(Invalid, match="v1:3"):
        await import_series.import_versions(foo.repo, at, versions(), Intent("import", "import"))
    assert len(await history(foo)) == 1


async def test_a_series_that_lost_the_race_is_a_conflict(foo):
    at = await heads.find_position(foo.repo, ZONE)
    await foo.edit([edits.Set(rrset(names.parse("x", ZONE), A, 60, [b"\xc0\0\2\1"]))])
    with pytest.raises(Conflict):
        await import_series.import_versions(
            foo.repo, at, [version(VERSIONS[0])], Intent("import", "import")
        )


async def test_every_commit_is_signed_if_the_operator_signs(new):
    key = commit_signatures.parse_signing_key(base64.b64encode(bytes(32)))
    signing = msgspec.structs.replace(new.repo, sign=key.sign)
    at = await heads.find_position(signing, ZONE)
    versions = [version(text, number) for number, text in enumerate(VERSIONS)]
    await import_series.import_versions(
        signing, at, versions, Intent("import", "import", imports=True)
    )
    keyring = Keyring([key.public])
    verdicts = [keyring.verify(each.commit) for each in await history(new)]
    assert verdicts == [GoodSignature(key.public)] * len(VERSIONS)


SIGNED = "@ RRSIG SOA 8 2 300 20300101000000 20200101000000 1 foo.com. AAAA"


async def test_a_signed_zone_keeps_its_serials_and_a_version_that_goes_back_is_named(new):
    with pytest.raises(Unsafe, match=r"v1: .*serial 9 is not later than 10"):
        await written(new, [foo_with(10, SIGNED), foo_with(9, SIGNED, "new A 192.0.2.9")])


async def test_objects_are_stored_at_once_and_read_again_on_demand(new, monkeypatch):
    put = new.repo.objects.put
    batches: list[int] = []

    async def counted(objects: list[RawObject]) -> None:
        batches.append(len(objects))
        await put(objects)

    monkeypatch.setattr(import_series, "BATCH_OCTETS", 1)
    monkeypatch.setattr(new.repo.objects, "put", counted)
    made = await written(new, VERSIONS)
    assert len(batches) >= len(VERSIONS)
    last = made.commits[-1].commit
    assert last is not None
    assert await zone_at(new, last) == version(VERSIONS[2]).rrsets
