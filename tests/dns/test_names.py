"""Unusual names: the root, nested zones, binary labels, and names of the maximum length."""

import dns.message
import dns.name
from tests.dns.local_server import World, flags, rcode, records


def test_the_root_zone_is_served_like_any_other() -> None:
    world = World(
        {
            ".": """
            . 86400 SOA a.root. b.root. 1 2 3 4 300
            . 518400 NS a.root.
            com. 172800 NS a.gtld.net.
            net. 172800 NS a.gtld.net.
            a.gtld.net. 172800 A 192.0.2.30
            """
        }
    )
    assert records(world.ask(".", "NS").answer) == [". 518400 NS a.root."]
    assert not world.ask(".", "A").answer
    reply = world.ask("www.example.com.")
    assert "AA" not in flags(reply)
    assert records(reply.authority) == ["com. 172800 NS a.gtld.net."]
    assert records(reply.additional) == ["a.gtld.net. 172800 A 192.0.2.30"]
    reply = world.ask("no.such.tld.")
    assert rcode(reply) == "NXDOMAIN"
    assert reply.authority[0].name == dns.name.root


def test_the_closest_zone_answers() -> None:
    world = World(
        {
            "example.com.": "www.sub 300 A 192.0.2.1\nwww 300 A 192.0.2.2",
            "sub.example.com.": "www 300 A 192.0.2.3",
        }
    )
    assert records(world.ask("www.sub.example.com.").answer)[0].endswith("192.0.2.3")
    assert records(world.ask("www.example.com.").answer)[0].endswith("192.0.2.2")


def test_the_parent_zone_answers_again_when_the_child_is_gone() -> None:
    world = World({"a.": "x.b 300 A 192.0.2.1", "b.a.": "x 300 A 192.0.2.2"})
    assert records(world.ask("x.b.a.").answer)[0].endswith("192.0.2.2")
    world.zones.replace(dns.name.from_text("b.a.").to_wire(), None)
    assert records(world.ask("x.b.a.").answer)[0].endswith("192.0.2.1")


def test_the_name_of_a_zone_may_be_a_single_label() -> None:
    assert rcode(World({"com.": "www 300 A 192.0.2.1"}).ask("www.com.")) == "NOERROR"


def test_a_zone_name_may_hold_a_slash() -> None:
    """RFC 2317."""
    world = World({"0/25.2.0.192.in-addr.arpa.": "1 300 PTR host.example."})
    assert records(world.ask("1.0/25.2.0.192.in-addr.arpa.", "PTR").answer)


def test_labels_may_hold_any_octet() -> None:
    """RFC 2181 section 11: including zeros and dots; only ASCII letters have case."""
    world = World({"foo.com.": "\\000\\001\\046\\255 300 A 192.0.2.1\n\\193 300 A 192.0.2.2"})
    assert rcode(world.ask("\\000\\001\\.\\255.foo.com.")) == "NOERROR"
    assert rcode(world.ask("\\000\\001\\.\\254.foo.com.")) == "NXDOMAIN"
    assert rcode(world.ask("\\225.foo.com.")) == "NXDOMAIN"


def test_a_zero_octet_in_a_label_does_not_end_the_name() -> None:
    world = World({"foo.com.": "www 300 A 192.0.2.1"})
    tricky = dns.name.Name([b"a\3foo\3com\0b", b"org", b""])
    assert rcode(world.ask(tricky)) == "REFUSED"
    inside = dns.name.Name([b"\0", b"www", b"foo", b"com", b""])
    assert rcode(world.ask(inside)) == "NXDOMAIN"


def test_the_longest_name_is_answered() -> None:
    """RFC 1035 section 2.3.4: 255 octets."""
    longest = ".".join(["x" * 63, "y" * 63, "z" * 63, "w" * 53, "foo.com."])
    assert len(dns.name.from_text(longest).to_wire()) == 255
    world = World({"foo.com.": f"{longest} 300 A 192.0.2.1"})
    assert len(world.ask(longest).answer) == 1
    assert rcode(world.ask(longest.replace("xx", "yy", 1))) == "NXDOMAIN"


def test_a_zone_may_have_the_longest_name() -> None:
    longest = ".".join(["x" * 63, "y" * 63, "z" * 63, "w" * 61, ""])
    reply = World({longest: "@ 300 A 192.0.2.1"}).ask(longest)
    assert len(reply.answer) == 1


def test_a_name_of_127_labels_is_answered() -> None:
    deep = "a." * 127
    world = World({"a.": "*.a 300 A 192.0.2.1"})
    assert len(world.ask(deep).answer) == 1


def test_a_longer_name_is_a_format_error() -> None:
    """RFC 1035 section 2.3.4."""
    world = World({".": "* 300 A 192.0.2.1"})
    wire = bytearray(dns.message.make_query(".", "A").to_wire())
    wire[12:13] = b"\x3f" + b"x" * 63 + (b"\x3f" + b"x" * 63) * 3 + b"\0"
    octets = world.exchange(bytes(wire))
    assert octets is not None
    assert octets[3] & 0xF == 1
