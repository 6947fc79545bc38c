"""The current branch of an operator: own HEADs, the default HEAD, --zone and --branch."""

import msgspec
import pytest

from tests.support.zone_removal import remove_zone
from tests.unit.repo.conftest import FOO, ZONE, TwoOperators
from tests.unit.repo.zone_contents import tip
from zonegit.errors import Conflict, NotFound
from zonegit.repo import heads, refish
from zonegit.repo.change import branches
from zonegit.repo.repo import PositionDefaults
from zonegit.zone import names
from zonegit.zone.names import Name

BAR = names.parse("bar.org.")


async def test_the_first_zone_becomes_the_default_of_all_operators(operators: TwoOperators) -> None:
    assert await heads.initialise(operators.repo, ZONE)
    assert (await heads.find_position(operators.other)).zone == ZONE


async def test_a_later_init_moves_only_the_head_of_its_operator(foo: TwoOperators) -> None:
    assert not await heads.initialise(foo.repo, BAR)
    assert (await heads.find_position(foo.repo)).zone == BAR
    assert (await heads.find_position(foo.other)).zone == ZONE


async def test_a_second_registration_of_a_zone_is_a_conflict(foo: TwoOperators) -> None:
    with pytest.raises(Conflict):
        await heads.initialise(foo.repo, ZONE)


async def test_adding_a_zone_moves_no_head(foo: TwoOperators) -> None:
    await foo.repo.refs.register(BAR, foo.repo.origin("zone add"))
    assert (await heads.find_position(foo.repo)).zone == ZONE


async def test_a_zone_option_moves_no_head(foo: TwoOperators) -> None:
    await foo.repo.refs.register(BAR, foo.repo.origin("zone add"))
    assert (await heads.find_position(foo.repo, BAR)).zone == BAR
    assert (await heads.find_position(foo.repo)).zone == ZONE


async def test_the_branch_last_checked_out_is_remembered_for_each_zone(foo: TwoOperators) -> None:
    tip = (await heads.find_position(foo.repo)).commit()
    await branches.create(foo.repo, ZONE, "canary", tip)
    await branches.checkout(foo.repo, ZONE, "canary")
    await heads.initialise(foo.repo, BAR)
    assert (await heads.find_position(foo.repo, ZONE)).branch == "canary"
    assert (await heads.find_position(foo.other, ZONE)).branch == "main"
    assert await branches.switch(foo.repo, ZONE, default=False) == "canary"


async def test_a_zone_that_was_removed_begins_on_main_again(foo: TwoOperators) -> None:
    await branches.create(foo.repo, ZONE, "canary", (await heads.find_position(foo.repo)).commit())
    await branches.checkout(foo.repo, ZONE, "canary")
    await remove_zone(foo.repo.refs, ZONE, foo.repo.origin("zone remove", force=True))
    await foo.repo.refs.register(ZONE, foo.repo.origin("zone add"))
    assert await branches.switch(foo.repo, ZONE, default=False) == "main"


async def test_without_main_one_of_several_branches_must_be_named(foo: TwoOperators) -> None:
    tip = (await heads.find_position(foo.repo)).commit()
    for name in ("east", "west"):
        await branches.create(foo.repo, ZONE, name, tip)
    await branches.delete(foo.repo, ZONE, "main", force=True)
    with pytest.raises(NotFound, match="name a branch") as caught:
        await heads.find_position(foo.other, ZONE)
    assert caught.value.hint == "use --branch with one of east, west"
    await branches.delete(foo.repo, ZONE, "west")
    assert (await heads.find_position(foo.other, ZONE)).branch == "east"


async def test_the_error_about_an_unknown_branch_names_the_existing_ones(foo: TwoOperators) -> None:
    with pytest.raises(NotFound, match="has no branch 'mian'") as caught:
        await heads.find_position(foo.repo, ZONE, "mian")
    assert caught.value.hint is not None
    assert "main" in caught.value.hint


async def test_a_head_into_a_removed_zone_is_not_found_with_a_hint(foo: TwoOperators) -> None:
    await remove_zone(foo.repo.refs, ZONE, foo.repo.origin("zone remove", force=True))
    with pytest.raises(NotFound, match="removed") as caught:
        await heads.find_position(foo.repo)
    assert caught.value.hint == "switch to another: zonegit zone switch ZONE"


async def test_without_a_head_the_hint_names_switch_and_init(operators: TwoOperators) -> None:
    await operators.repo.refs.register(OTHER, operators.repo.origin("zone add"))
    with pytest.raises(NotFound, match="HEAD is not in a zone yet") as caught:
        await heads.find_position(operators.repo)
    assert "zonegit zone switch ZONE" in str(caught.value.hint)
    assert "zonegit init ZONE" in str(caught.value.hint)


async def test_zones_of_every_shape_are_imported_and_found(operators: TwoOperators) -> None:
    longest = ".".join(["a" * 63, "b" * 63, "c" * 63, "d" * 61]) + "."
    for text in (".", "com.", "0/25.2.0.192.in-addr.arpa.", longest, "sub.foo.com.", "foo.com."):
        zone = names.parse(text)
        await heads.initialise(operators.repo, zone)
        soa = ". . 1 7200 3600 1209600 300"
        await operators.import_file(f"@ 300 IN SOA {soa}\n@ 300 IN NS .\n", zone)
        position = await heads.find_position(operators.repo)
        assert (position.zone, position.tip is not None) == (zone, True)


async def test_deleting_a_branch_that_is_checked_out_leaves_a_head_without_commit(
    foo: TwoOperators,
) -> None:
    tip = (await heads.find_position(foo.repo)).commit()
    await branches.create(foo.repo, ZONE, "canary", tip)
    await branches.checkout(foo.repo, ZONE, "canary")
    await branches.delete(foo.repo, ZONE, "canary", force=True)
    position = await heads.find_position(foo.repo)
    with pytest.raises(NotFound, match="canary"):
        position.commit()


OTHER = names.parse("other.test.")


@pytest.mark.parametrize(
    ("option", "settings", "expected"),
    [
        ((None, None), (None, None), (ZONE, "main")),
        ((None, None), (None, "canary"), (ZONE, "canary")),
        ((None, None), (OTHER, None), (OTHER, "staging")),
        ((None, None), (OTHER, "main"), (OTHER, "main")),
        ((ZONE, None), (OTHER, None), (ZONE, "main")),
        ((ZONE, None), (OTHER, "canary"), (ZONE, "canary")),
        ((None, "main"), (OTHER, "staging"), (OTHER, "main")),
        ((ZONE, "main"), (OTHER, "staging"), (ZONE, "main")),
    ],
)
async def test_an_option_overrides_settings_and_settings_override_head(
    foo: TwoOperators,
    option: tuple[Name | None, str | None],
    settings: tuple[Name | None, str | None],
    expected: tuple[Name, str],
) -> None:
    await branches.create(foo.repo, ZONE, "canary", await tip(foo))
    await foo.repo.refs.register(OTHER, foo.repo.origin("zone add"))
    await foo.import_file(FOO.replace("foo.com", "other.test"), OTHER)
    for branch in ("main", "staging"):
        if branch != "main":
            commit = (await heads.find_position(foo.repo, OTHER, "main")).commit()
            await branches.create(foo.repo, OTHER, branch, commit)
        await branches.checkout(foo.repo, OTHER, branch)
    await branches.checkout(foo.repo, ZONE, "main")
    default = PositionDefaults(*settings, "ZONEGIT_ZONE", "ZONEGIT_BRANCH")
    repo = msgspec.structs.replace(foo.repo, default=default)
    at = await heads.find_position(repo, *option)
    assert (at.zone, at.branch) == expected
    assert await heads.find_zone(repo, option[0]) == expected[0]
    found = await refish.resolve(repo, "HEAD", zone=option[0], branch=option[1])
    assert (found.zone, found.branch) == expected


async def test_an_error_about_a_value_names_its_setting(foo: TwoOperators) -> None:
    default = PositionDefaults(OTHER, "nope", "ZONEGIT_ZONE", "default-branch in .zonegit.toml")
    repo = msgspec.structs.replace(foo.repo, default=default)
    with pytest.raises(NotFound) as refused:
        await heads.find_position(repo)
    both = "set by ZONEGIT_ZONE and default-branch in .zonegit.toml"
    assert str(refused.value.hint).startswith(both)
    with pytest.raises(NotFound) as refused:
        await heads.find_position(repo, ZONE)
    assert str(refused.value.hint).startswith("set by default-branch in .zonegit.toml")
