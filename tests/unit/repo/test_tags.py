"""Annotated tags: an object with tagger, commit and message, and a ref to it."""

import msgspec
import pytest

from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import tip
from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.objects.codec import decode
from zonegit.objects.model import Tag
from zonegit.repo import heads, refish
from zonegit.repo.change import tags
from zonegit.store import ref_names
from zonegit.store.refs import Absent
from zonegit.zone import names

BAR = names.parse("bar.org.")


async def test_a_tag_has_tagger_commit_and_message(foo: TwoOperators) -> None:
    commit = await tip(foo)
    made = await tags.create(foo.repo, ZONE, "v1", commit, "as agreed\n\nwith everybody")
    tag = decode((await foo.repo.objects.get([made]))[made])
    assert tag == Tag(commit, "v1", foo.repo.now(), "as agreed\n\nwith everybody")
    (listed,) = await tags.list_tags(foo.repo, ZONE)
    assert listed == tags.ListedTag("v1", commit, tag, "as agreed")
    assert (await refish.resolve(foo.repo, "v1", zone=ZONE)).commit == commit


async def test_tags_are_listed_by_name_and_lightweight_ones_with_the_subject_of_their_commit(
    foo: TwoOperators,
) -> None:
    commit = await tip(foo)
    bare = ref_names.tag(ZONE, "bare")
    await foo.repo.refs.move(bare, Absent(), commit, foo.repo.origin("tag"))
    await tags.create(foo.repo, ZONE, "a", commit, "first")
    found = await tags.list_tags(foo.repo, ZONE)
    assert [(each.name, each.commit, each.subject) for each in found] == [
        ("a", commit, "first"),
        ("bare", commit, "import"),
    ]
    assert found[1].tag is None


async def test_moving_a_tag_needs_force(foo: TwoOperators) -> None:
    first = await tip(foo)
    await tags.create(foo.repo, ZONE, "v1", first, "first")
    await foo.import_file(FOO.replace("admin 7", "admin 8").replace(".80", ".81"))
    later = await tip(foo)
    with pytest.raises(Conflict, match="'v1' already"):
        await tags.create(foo.repo, ZONE, "v1", later, "moved")
    assert (await refish.resolve(foo.repo, "v1", zone=ZONE)).commit == first
    await tags.create(foo.repo, ZONE, "v1", later, "moved", force=True)
    assert (await refish.resolve(foo.repo, "v1", zone=ZONE)).commit == later


async def test_deleting_a_tag_returns_its_commit(foo: TwoOperators) -> None:
    commit = await tip(foo)
    await tags.create(foo.repo, ZONE, "v1", commit, "first")
    assert await tags.delete(foo.repo, ZONE, "v1") == commit
    assert await tags.list_tags(foo.repo, ZONE) == []
    with pytest.raises(NotFound, match="no tag 'v1'"):
        await tags.delete(foo.repo, ZONE, "v1")


async def test_a_commit_of_another_zone_is_not_tagged(foo: TwoOperators) -> None:
    commit = await tip(foo)
    await heads.initialise(foo.repo, BAR)
    with pytest.raises(Invalid, match=r"does not belong to zone bar\.org\."):
        await tags.create(foo.repo, BAR, "v1", commit, "stolen")
    assert await tags.list_tags(foo.repo, BAR) == []


@pytest.mark.parametrize("name", ["a..b", "HEAD", "-d", "v1.", ""])
async def test_an_invalid_tag_name_is_refused(foo: TwoOperators, name: str) -> None:
    with pytest.raises(Invalid):
        await tags.create(foo.repo, ZONE, name, await tip(foo), "first")


async def test_an_operator_who_signs_also_signs_tags(foo: TwoOperators) -> None:
    signed: list[bytes] = []

    def sign(payload: bytes) -> str:
        signed.append(payload)
        return "A" * 86 + "=="

    repo = msgspec.structs.replace(foo.repo, sign=sign)
    made = await tags.create(repo, ZONE, "v1", await tip(foo), "first")
    tag = decode((await repo.objects.get([made]))[made])
    assert isinstance(tag, Tag)
    assert tag.signature == "A" * 86 + "=="
    assert b"signature" not in signed[0]
