"""The choice of the ref store to follow, after another one, or an earlier part of its log."""

import pytest

from zonegit.store.installation import FollowedEnd, FollowVerdict, accepts_installation, judge
from zonegit.store.ref_log import PastEpoch
from zonegit.store.refs import RefsSnapshot

A, B = "a" * 16, "b" * 16
HELD = FollowedEnd(A, "e2", 20, ("e1",))


def log(
    epoch: str,
    sequence: int,
    *past: PastEpoch,
    installation: str = A,
    replaces: tuple[str, ...] = (),
) -> RefsSnapshot:
    return RefsSnapshot(
        epoch, sequence, [], past=list(past), installation=installation, replaces=list(replaces)
    )


E1 = PastEpoch("e1", 10, recovered=True)


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (log("e2", 20, E1), FollowVerdict.CONTINUES),
        (log("e2", 25, E1), FollowVerdict.CONTINUES),
        (log("e2", 19, E1), FollowVerdict.WENT_BACK),
        # An epoch that another host began when it took over has all rows, or is not followed.
        (log("e3", 20, PastEpoch("e2", 20, recovered=False), E1), FollowVerdict.CONTINUES),
        (log("e3", 99, PastEpoch("e2", 19, recovered=False), E1), FollowVerdict.WENT_BACK),
        # A recovery says that rows are lost.
        (log("e3", 15, PastEpoch("e2", 15, recovered=True), E1), FollowVerdict.CONTINUES),
        # A later recovery makes good for an epoch that lost rows without saying so.
        (
            log(
                "e4",
                99,
                PastEpoch("e3", 30, recovered=True),
                PastEpoch("e2", 19, recovered=False),
                E1,
            ),
            FollowVerdict.CONTINUES,
        ),
        # Several epochs later, each of which has all rows.
        (
            log(
                "e4",
                99,
                PastEpoch("e3", 30, recovered=False),
                PastEpoch("e2", 20, recovered=False),
                E1,
            ),
            FollowVerdict.CONTINUES,
        ),
        # A backup from before the recovery that began the epoch held.
        (log("e1", 99), FollowVerdict.WENT_BACK),
        # Such a backup, recovered while no resolver was there to be asked.
        (log("e5", 12, PastEpoch("e1", 9, recovered=True)), FollowVerdict.CONTINUES),
        (log("e5", 12, PastEpoch("e1", 9, recovered=False)), FollowVerdict.WENT_BACK),
        # Epochs that have nothing in common.
        (log("x", 99), FollowVerdict.WENT_BACK),
        (log("x", 99, PastEpoch("y", 50, recovered=True)), FollowVerdict.WENT_BACK),
        (log("x", 99, replaces=("e2",)), FollowVerdict.REPLACES),
        # Another installation with any epochs.
        (log("x", 99, installation=B), FollowVerdict.FOREIGN),
        (log("e2", 99, E1, installation=B), FollowVerdict.FOREIGN),
        (log("x", 0, installation=B, replaces=(A,)), FollowVerdict.REPLACES),
        (log("x", 0, installation=B, replaces=("c" * 16,)), FollowVerdict.FOREIGN),
        # A ref store of an earlier release has no id, but it has epochs.
        (log("e2", 21, installation=""), FollowVerdict.CONTINUES),
        (log("x", 99, installation=""), FollowVerdict.WENT_BACK),
    ],
)
def test_a_log_is_followed_if_it_has_the_held_rows_or_declares_them_lost(
    found: RefsSnapshot, verdict: FollowVerdict
) -> None:
    assert judge(HELD, found) is verdict


def test_any_first_log_is_followed() -> None:
    assert judge(FollowedEnd("", "", 0, ()), log("x", 3)) is FollowVerdict.CONTINUES


def test_a_cache_of_an_earlier_release_knows_its_log_by_the_epoch() -> None:
    """It has no id yet, but it does not follow an empty store."""
    held = HELD._replace(installation="")
    assert judge(held, log("e2", 21, E1)) is FollowVerdict.CONTINUES
    assert judge(held, log("x", 0, installation=B)) is FollowVerdict.WENT_BACK
    assert judge(held, log("x", 0, installation=B, replaces=("e2",))) is FollowVerdict.REPLACES


def test_an_installation_is_known_by_its_id_or_named_as_replaced() -> None:
    assert accepts_installation("", B, ())
    assert accepts_installation(A, A, ())
    assert accepts_installation(A, "", ())
    assert accepts_installation(A, B, (A,))
    assert not accepts_installation(A, B, ())
