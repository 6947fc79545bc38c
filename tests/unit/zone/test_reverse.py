"""The reverse zones of a network."""

from ipaddress import IPv4Address, IPv6Address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.zone import names, reverse


@pytest.mark.parametrize(
    ("text", "first", "last", "count"),
    [
        ("192.0.2.0/24", "2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa.", 1),
        ("192.0.2.77/24", "2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa.", 1),
        ("192.0.2.77", "2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa.", 1),
        ("10.0.0.0/8", "10.in-addr.arpa.", "10.in-addr.arpa.", 1),
        ("10.16.0.0/12", "16.10.in-addr.arpa.", "31.10.in-addr.arpa.", 16),
        ("0.0.0.0/0", "in-addr.arpa.", "in-addr.arpa.", 1),
        ("192.0.2.128/25", "128/25.2.0.192.in-addr.arpa.", "128/25.2.0.192.in-addr.arpa.", 1),
        ("192.0.2.5/32", "5/32.2.0.192.in-addr.arpa.", "5/32.2.0.192.in-addr.arpa.", 1),
        ("2001:db8::/32", "8.b.d.0.1.0.0.2.ip6.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa.", 1),
        ("2001:db8::/31", "8.b.d.0.1.0.0.2.ip6.arpa.", "9.b.d.0.1.0.0.2.ip6.arpa.", 2),
        ("::1/128", f"1.{'0.' * 31}ip6.arpa.", f"1.{'0.' * 31}ip6.arpa.", 1),
    ],
)
def test_a_network_has_zones_at_octets_or_nibbles(
    text: str, first: str, last: str, count: int
) -> None:
    found = reverse.find_reverse_zones(text)
    assert found is not None
    assert (names.text(found.first), names.text(found.last), found.count) == (first, last, count)


@pytest.mark.parametrize("text", ["example.com", "2.0.192.in-addr.arpa", "192.0.2.0/24.", "1", ""])
def test_a_name_is_not_a_network(text: str) -> None:
    assert reverse.find_reverse_zones(text) is None


@given(
    address=st.one_of(
        st.integers(0, 2**32 - 1).map(IPv4Address), st.integers(0, 2**128 - 1).map(IPv6Address)
    ),
    data=st.data(),
)
def test_every_address_of_a_network_is_looked_up_below_its_zones(
    address: IPv4Address | IPv6Address, data: st.DataObject
) -> None:
    longest = 24 if address.version == 4 else 128
    prefix = data.draw(st.integers(0, longest))
    network = ip_network((address, prefix), strict=False)
    found = reverse.find_reverse_zones(str(network))
    assert found is not None
    for end, zone in ((network[0], found.first), (network[-1], found.last)):
        assert names.is_within(names.parse(end.reverse_pointer), zone)
