"""The zone of a master file."""

import pytest

from zonegit.zone import names
from zonegit.zone.lint.apex import find_apex

SOA = "SOA ns1 admin 1 7200 3600 1209600 300\n"


@pytest.mark.parametrize(
    "text",
    [
        f"foo.com. {SOA}",
        f"FOO.com. 3600 IN {SOA}",
        f"$TTL 1h\n; a comment\n$ORIGIN foo.com.\n@ IN {SOA}",
        f"$ORIGIN com.\nfoo 300 {SOA}",
        f"$ORIGIN com.\n$ORIGIN foo\n@ {SOA}",
        f"foo.com. 300 NS ns1\n  300 {SOA}",
        "foo.com. IN SOA ns1 admin (\n 1 7200\n3600 1209600 300 )\n",
    ],
)
def test_the_owner_of_the_soa_is_the_zone(text: str) -> None:
    assert find_apex(text.encode(), "db") == names.parse("foo.com.")


@pytest.mark.parametrize(
    "text", [f"@ {SOA}", f"foo.com {SOA}", f"$ORIGIN foo.com\n@ {SOA}", "www.foo.com. A 1\n", ""]
)
def test_a_file_without_an_absolute_apex_has_no_known_zone(text: str) -> None:
    assert find_apex(text.encode(), "db") is None
