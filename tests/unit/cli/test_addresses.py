"""Parsing and formatting of HOST:PORT."""

import pytest

from zonegit.errors import Invalid
from zonegit_cli.parse.addresses import format_address, parse_address


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("127.0.0.1:5353", ("127.0.0.1", 5353)),
        ("127.0.0.1", ("127.0.0.1", 53)),
        ("[::1]:5353", ("::1", 5353)),
        ("[::1]", ("::1", 53)),
        ("localhost:0", ("localhost", 0)),
    ],
)
def test_addresses_are_parsed(text: str, wanted: tuple[str, int]) -> None:
    assert parse_address(text) == wanted


@pytest.mark.parametrize("text", ["", ":53", "::1", "host:", "host:99999", "host:x", "[::1"])
def test_a_malformed_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_address(text)


@pytest.mark.parametrize("address", [("127.0.0.1", 53), ("::1", 5353)])
def test_formatting_is_the_inverse_of_parsing(address: tuple[str, int]) -> None:
    assert parse_address(format_address(*address)) == address
