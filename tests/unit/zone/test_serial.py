"""Serial number arithmetic (RFC 1982), and the date in a serial."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.zone.serial import HALF, MODULUS, increment, is_later, latest, parse_time

serials = st.integers(0, MODULUS - 1)


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        (1, 0),
        (44, 0),
        (100, 44),
        (HALF - 1, 0),
        (0, MODULUS - 1),
        (44, MODULUS - 100),
        (2018012901, 2018012900),
    ],
)
def test_a_later_serial_is_up_to_half_the_circle_ahead(newer, older):
    """RFC 1982 section 5.1 scaled to 32 bits."""
    assert is_later(newer, older)
    assert not is_later(older, newer)


def test_serials_half_the_circle_apart_have_no_order():
    """RFC 1982 section 3.2 leaves it undefined."""
    assert not is_later(HALF, 0)
    assert not is_later(0, HALF)
    assert latest(0, HALF) == 0
    assert latest(HALF, 0) == HALF


@given(serials)
def test_the_following_serial_is_later_and_the_same_one_is_not(serial):
    assert is_later(increment(serial), serial)
    assert not is_later(serial, serial)


@given(serials, serials)
def test_at_most_one_of_two_serials_is_later_and_the_latest_is_never_earlier(a, b):
    assert not (is_later(a, b) and is_later(b, a))
    assert latest(a, b) in (a, b)
    assert not is_later(a, latest(a, b))


def test_serials_wrap_around():
    assert increment(MODULUS - 1) == 0


@pytest.mark.parametrize(
    ("serial", "at"),
    [
        (2018020100, datetime(2018, 2, 1, tzinfo=UTC)),
        (2018020107, datetime(2018, 2, 1, 0, 7, tzinfo=UTC)),
        (2020022999, datetime(2020, 2, 29, 1, 39, tzinfo=UTC)),
    ],
)
def test_a_serial_of_the_form_yyyymmddnn_has_a_date(serial, at):
    assert parse_time(serial) == at.timestamp()


@pytest.mark.parametrize(
    "serial", [0, 1, 2018130100, 2018023000, 2019022900, 1970010100, 2**32 - 1]
)
def test_other_serials_have_no_date(serial):
    assert parse_time(serial) is None
