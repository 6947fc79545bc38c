"""Pauses between attempts."""

from zonegit.back_off import BackOff


def test_a_pause_doubles_up_to_the_maximum_and_starts_again_after_a_success() -> None:
    back_off = BackOff(0.1, 0.5)
    pauses = []
    for _ in range(4):
        pauses.append(back_off.pause_s)
        back_off.grow()
    assert pauses == [0.1, 0.2, 0.4, 0.5]
    back_off.reset()
    assert back_off.pause_s == 0.1
