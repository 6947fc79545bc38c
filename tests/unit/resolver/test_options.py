"""The options of a resolver, and contradictions between them."""

import subprocess
import sys

import pytest
from tests.support.waiting import DEADLINE_S

from zonegit.errors import Invalid
from zonegit.nameserver import acl
from zonegit.nameserver.acl import Address
from zonegit_resolver.__main__ import main
from zonegit_resolver.config import options, serving


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:53", Address("127.0.0.1", 53)),
        ("[::1]:0", Address("::1", 0)),
        ("[2001:DB8::1]:65535", Address("2001:db8::1", 65535)),
        ("0.0.0.0:5353", Address("0.0.0.0", 5353)),
    ],
)
def test_an_address_is_read_and_written(text: str, address: Address) -> None:
    assert acl.parse_address(text) == address
    assert str(address) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "127.0.0.1",
        "::1:53",
        "[127.0.0.1]:53",
        "127.0.0.1:65536",
        "localhost:53",
        ":53",
        "1.2.3.4:٣",
    ],
)
def test_an_invalid_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid address"):
        acl.parse_address(text)


@pytest.mark.parametrize("text", ["192.0.2.1/24", "x", "192.0.2.0/33"])
def test_an_invalid_network_is_refused(text: str) -> None:
    with pytest.raises(Invalid, match="invalid network"):
        acl.parse_network(text)


@pytest.mark.parametrize("text", ["::ffff:192.0.2.0/120", "::ffff:192.0.2.1"])
def test_a_network_without_possible_peers_is_refused(text: str) -> None:
    """A peer with such an address is known by its IPv4 address."""
    with pytest.raises(Invalid, match="an IPv4 network in IPv6 form"):
        acl.parse_network(text)


@pytest.mark.parametrize("name", ["../x", "", "a b"])
def test_an_invalid_name_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="invalid resolver name"):
        options.check_name(name)


def test_a_name_is_made_from_host_and_port() -> None:
    name = options.default_name([Address("127.0.0.1", 5353)])
    assert name.endswith("-5353")
    assert options.check_name(name) == name


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--listen", "nowhere"], "invalid address"),
        (["--canary", "half"], "is not <branch>:<percent>"),
        (["--canary", "main:5"], "is the branch that is served by default"),
        (["--canary", "next:5", "--at", "v1"], "mutually exclusive"),
        (["--config", "/nowhere/at-all.toml"], "cannot read /nowhere/at-all.toml"),
        (["--zone", "a..b"], "is not a domain name"),
        (["--transfer-to", "all"], "invalid network"),
        (["--allow-query", "key:none"], "there is no key none."),
        (["--keys", "/nowhere/at-all"], "cannot read /nowhere/at-all"),
        (["--notify", "192.0.2.1"], "invalid address"),
        (["--max-udp-size", "big"], "is not a number from 512 to 4,096"),
    ],
)
def test_wrong_flags_are_a_usage_error(words: list[str], said: str) -> None:
    command = [sys.executable, "-m", "zonegit_resolver", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 2
    assert said in done.stderr


@pytest.mark.parametrize("name", ["", "a b", ".hidden", "refs", "objects", "x" * 65])
def test_a_name_that_no_subject_can_have_is_refused(name: str) -> None:
    with pytest.raises(Invalid, match="invalid resolver name"):
        options.check_name(name)


def test_every_setting_of_the_file_is_an_option() -> None:
    """The options are read by the names of the settings."""
    settings = {*serving.ZONE_SETTINGS, *serving.SERVER_SETTINGS}
    assert {name.replace("-", "_") for name in settings} <= {each.name for each in main.params}
