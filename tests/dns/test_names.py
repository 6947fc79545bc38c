"""Unusual names: the root, nested zones, binary labels, and names of the maximum length."""

import dns.message
import dns.name
from tests.dns.local_server import LocalServer, flags, format_records, rcode


def test_the_root_zone_is_served_like_any_other() -> None:
    server = LocalServer(
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
    assert format_records(server.ask(".", "NS").answer) == [". 518400 NS a.root."]
    assert not server.ask(".", "A").answer
    reply = server.ask("www.example.com.")
    assert "AA" not in flags(reply)
    assert format_records(reply.authority) == ["com. 172800 NS a.gtld.net."]
    assert format_records(reply.additional) == ["a.gtld.net. 172800 A 192.0.2.30"]
    reply = server.ask("no.such.tld.")
    assert rcode(reply) == "NXDOMAIN"
    assert reply.authority[0].name == dns.name.root


def test_the_closest_zone_answers() -> None:
    server = LocalServer(
        {
            "example.com.": "www.sub 300 A 192.0.2.1\nwww 300 A 192.0.2.2",
            "sub.example.com.": "www 300 A 192.0.2.3",
        }
    )
    assert format_records(server.ask("www.sub.example.com.").answer)[0].endswith("192.0.2.3")
    assert format_records(server.ask("www.example.com.").answer)[0].endswith("192.0.2.2")


def test_the_parent_zone_answers_again_when_the_child_is_gone() -> None:
    server = LocalServer({"a.": "x.b 300 A 192.0.2.1", "b.a.": "x 300 A 192.0.2.2"})
    assert format_records(server.ask("x.b.a.").answer)[0].endswith("192.0.2.2")
    server.zones.replace(dns.name.from_text("b.a.").to_wire(), None)
    assert format_records(server.ask("x.b.a.").answer)[0].endswith("192.0.2.1")


def test_the_name_of_a_zone_may_be_a_single_label() -> None:
    assert rcode(LocalServer({"com.": "www 300 A 192.0.2.1"}).ask("www.com.")) == "NOERROR"


def test_a_zone_name_may_hold_a_slash() -> None:
    """RFC 2317."""
    server = LocalServer({"0/25.2.0.192.in-addr.arpa.": "1 300 PTR host.example."})
    assert format_records(server.ask("1.0/25.2.0.192.in-addr.arpa.", "PTR").answer)


def test_labels_may_hold_any_octet() -> None:
    """RFC 2181 section 11: including zeros and dots; only ASCII letters have case."""
    server = LocalServer(
        {"foo.com.": "\\000\\001\\046\\255 300 A 192.0.2.1\n\\193 300 A 192.0.2.2"}
    )
    assert rcode(server.ask("\\000\\001\\.\\255.foo.com.")) == "NOERROR"
    assert rcode(server.ask("\\000\\001\\.\\254.foo.com.")) == "NXDOMAIN"
    assert rcode(server.ask("\\225.foo.com.")) == "NXDOMAIN"


def test_a_zero_octet_in_a_label_does_not_end_the_name() -> None:
    server = LocalServer({"foo.com.": "www 300 A 192.0.2.1"})
    tricky = dns.name.Name([b"a\3foo\3com\0b", b"org", b""])
    assert rcode(server.ask(tricky)) == "REFUSED"
    inside = dns.name.Name([b"\0", b"www", b"foo", b"com", b""])
    assert rcode(server.ask(inside)) == "NXDOMAIN"


def test_the_longest_name_is_answered() -> None:
    """RFC 1035 section 2.3.4: 255 octets."""
    longest = ".".join(["x" * 63, "y" * 63, "z" * 63, "w" * 53, "foo.com."])
    assert len(dns.name.from_text(longest).to_wire()) == 255
    server = LocalServer({"foo.com.": f"{longest} 300 A 192.0.2.1"})
    assert len(server.ask(longest).answer) == 1
    assert rcode(server.ask(longest.replace("xx", "yy", 1))) == "NXDOMAIN"


def test_a_zone_may_have_the_longest_name() -> None:
    longest = ".".join(["x" * 63, "y" * 63, "z" * 63, "w" * 61, ""])
    reply = LocalServer({longest: "@ 300 A 192.0.2.1"}).ask(longest)
    assert len(reply.answer) == 1


def test_a_name_of_127_labels_is_answered() -> None:
    deep = "a." * 127
    server = LocalServer({"a.": "*.a 300 A 192.0.2.1"})
    assert len(server.ask(deep).answer) == 1


def test_a_longer_name_is_a_format_error() -> None:
    """RFC 1035 section 2.3.4."""
    server = LocalServer({".": "* 300 A 192.0.2.1"})
    wire = bytearray(dns.message.make_query(".", "A").to_wire())
    wire[12:13] = b"\x3f" + b"x" * 63 + (b"\x3f" + b"x" * 63) * 3 + b"\0"
    octets = server.exchange(bytes(wire))
    assert octets is not None
    assert octets[3] & 0xF == 1
