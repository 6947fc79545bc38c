"""Where an operator stands: HEADs of their own, the default one, --zone and --branch."""

import pytest

from tests.unit.repo.conftest import ZONE, Shop
from zonegit.errors import Conflict, NotFound
from zonegit.repo.finding import heads
from zonegit.repo.pointing import branches
from zonegit.zone import names

BAR = names.parse("bar.org.")


async def test_the_first_zone_becomes_everybodys_default(shop: Shop) -> None:
    assert await heads.initialise(shop.repo, ZONE)
    assert (await heads.locate(shop.other)).zone == ZONE


async def test_a_later_init_moves_its_operators_own_head_only(foo: Shop) -> None:
    assert not await heads.initialise(foo.repo, BAR)
    assert (await heads.locate(foo.repo)).zone == BAR
    assert (await heads.locate(foo.other)).zone == ZONE


async def test_a_zone_is_registered_once(foo: Shop) -> None:
    with pytest.raises(Conflict):
        await heads.initialise(foo.repo, ZONE)


async def test_adding_a_zone_moves_nobody(foo: Shop) -> None:
    await foo.repo.refs.register(BAR, foo.repo.origin("zone add"))
    assert (await heads.locate(foo.repo)).zone == ZONE


async def test_a_zone_option_moves_nothing(foo: Shop) -> None:
    await foo.repo.refs.register(BAR, foo.repo.origin("zone add"))
    assert (await heads.locate(foo.repo, BAR)).zone == BAR
    assert (await heads.locate(foo.repo)).zone == ZONE


async def test_the_branch_last_checked_out_is_remembered_for_each_zone(foo: Shop) -> None:
    tip = (await heads.locate(foo.repo)).commit()
    await branches.create(foo.repo, ZONE, "canary", tip)
    await branches.checkout(foo.repo, ZONE, "canary")
    await heads.initialise(foo.repo, BAR)
    assert (await heads.locate(foo.repo, ZONE)).branch == "canary"
    assert (await heads.locate(foo.other, ZONE)).branch == "main"
    assert await branches.switch(foo.repo, ZONE, default=False) == "canary"


async def test_a_zone_that_was_removed_begins_on_main_again(foo: Shop) -> None:
    await branches.create(foo.repo, ZONE, "canary", (await heads.locate(foo.repo)).commit())
    await branches.checkout(foo.repo, ZONE, "canary")
    await foo.repo.refs.unregister(ZONE, foo.repo.origin("zone remove", force=True))
    await foo.repo.refs.register(ZONE, foo.repo.origin("zone add"))
    assert await branches.switch(foo.repo, ZONE, default=False) == "main"


async def test_of_several_branches_without_main_none_is_guessed(foo: Shop) -> None:
    tip = (await heads.locate(foo.repo)).commit()
    for name in ("east", "west"):
        await branches.create(foo.repo, ZONE, name, tip)
    await branches.delete(foo.repo, ZONE, "main", force=True)
    with pytest.raises(NotFound, match="which one is meant") as caught:
        await heads.locate(foo.other, ZONE)
    assert caught.value.hint == "--branch takes one of east, west"
    await branches.delete(foo.repo, ZONE, "west")
    assert (await heads.locate(foo.other, ZONE)).branch == "east"


async def test_an_unknown_branch_names_those_there_are(foo: Shop) -> None:
    with pytest.raises(NotFound, match="has no branch 'mian'") as caught:
        await heads.locate(foo.repo, ZONE, "mian")
    assert caught.value.hint is not None
    assert "main" in caught.value.hint


async def test_a_head_into_a_removed_zone_is_not_found_with_a_hint(foo: Shop) -> None:
    await foo.repo.refs.unregister(ZONE, foo.repo.origin("zone remove", force=True))
    with pytest.raises(NotFound, match="removed") as caught:
        await heads.locate(foo.repo)
    assert caught.value.hint == "go to another: zonegit zone switch ZONE"


async def test_without_any_zone_the_hint_is_init(shop: Shop) -> None:
    with pytest.raises(NotFound) as caught:
        await heads.locate(shop.repo)
    assert caught.value.hint == "make one: zonegit init example.com"


async def test_zones_of_every_shape_are_imported_and_found(shop: Shop) -> None:
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61]) + "."
    for text in (".", "com.", "0/25.2.0.192.in-addr.arpa.", longest, "sub.foo.com.", "foo.com."):
        zone = names.parse(text)
        await heads.initialise(shop.repo, zone)
        soa = ". . 1 7200 3600 1209600 300"
        await shop.imported(f"@ 300 IN SOA {soa}\n@ 300 IN NS .\n", zone)
        position = await heads.locate(shop.repo)
        assert (position.zone, position.tip is not None) == (zone, True)


async def test_deleting_a_branch_that_is_checked_out_leaves_a_head_without_commit(
    foo: Shop,
) -> None:
    tip = (await heads.locate(foo.repo)).commit()
    await branches.create(foo.repo, ZONE, "canary", tip)
    await branches.checkout(foo.repo, ZONE, "canary")
    await branches.delete(foo.repo, ZONE, "canary", force=True)
    position = await heads.locate(foo.repo)
    with pytest.raises(NotFound, match="canary"):
        position.commit()
