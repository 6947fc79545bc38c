"""Users of nats-server in the roles of zonegit."""

import json
from urllib.parse import unquote, urlsplit

import pytest

from zonegit.errors import Conflict, Invalid
from zonegit.wire import bus_users, permissions
from zonegit.wire.permissions import ROLES


def test_an_operator_publishes_below_the_own_token_only() -> None:
    user = bus_users.make_user("Bob", "operator", "secret")
    allowed = user["permissions"]["publish"]["allow"]
    assert allowed == permissions.publish_lines(ROLES["operator"], "=42ob")
    assert "zg.=42ob.refs.move.*.*.>" in allowed


def test_a_resolver_has_the_actor_of_all_resolvers_and_its_own_name() -> None:
    user = bus_users.make_user("ns1.fra", "resolver", "secret")
    assert "zg.served.ns1=2Efra.>" in user["permissions"]["publish"]["allow"]
    assert "_INBOX.resolver.>" in user["permissions"]["subscribe"]["allow"]


def test_a_store_has_the_name_of_its_service() -> None:
    with pytest.raises(Invalid, match="cannot be named"):
        bus_users.make_user("bob", "refs", "secret")


def test_users_are_added_to_a_file_one_by_one() -> None:
    first = bus_users.make_user("refs", "refs", "one")
    second = bus_users.make_user("bob", "reader", "two")
    octets = bus_users.add_user(bus_users.add_user(b"", first), second)
    assert json.loads(octets) == {"authorization": {"users": [first, second]}}
    with pytest.raises(Conflict, match="'bob' already"):
        bus_users.add_user(octets, second)


@pytest.mark.parametrize("octets", [b"listen: 4222", b"[]", b'{"authorization": 1}', b"\xff"])
def test_another_file_is_not_changed(octets: bytes) -> None:
    with pytest.raises(Invalid, match="not a file of users"):
        bus_users.add_user(octets, bus_users.make_user("bob", "reader", "one"))


def test_an_environment_has_the_credentials_in_the_url() -> None:
    user = bus_users.make_user("bob b@x", "operator", bus_users.make_password())
    text = bus_users.format_environment("tls://bus.example.net:4222", user, "operator")
    url = urlsplit(text.splitlines()[0].partition("=")[2])
    assert unquote(url.username or "") == "bob b@x"
    assert url.password == user["password"]
    assert (url.hostname, url.port) == ("bus.example.net", 4222)


@pytest.mark.parametrize("url", ["http://x", "nats://", "nats://a:b@x", "nats://x\nA=b", ""])
def test_a_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match="invalid URL"):
        bus_users.format_environment(url, bus_users.make_user("bob", "reader", "one"), "reader")
