"""The targets of fuzzing: functions that fail if a law is broken, and inputs to start with.

Each takes octets from outside. A documented error of the function under test is right, any other
exception is a failure.
"""

import json
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.tsig
import msgspec
from tests.support import hostile_queries

from zonegit.errors import Corrupt, Invalid
from zonegit.nameserver.message import query, tsig
from zonegit.objects import codec as object_codec
from zonegit.objects.ids import create_object
from zonegit.wire import codec, messages
from zonegit.zone import names
from zonegit.zonefile import reader, writer

DATA = Path(__file__).parents[1] / "data"
CORPUS = Path(__file__).parent / "corpus"
"""Inputs that are kept, a folder for each target."""

ZONE = names.parse("foo.com.")
KINDS = ("blob", "tree", "commit", "tag", "symref", "doc")
MESSAGES = sorted(
    (
        kind
        for kind in vars(messages).values()
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    ),
    key=lambda kind: kind.__name__,
)
SERVERS = hostile_queries.make_servers()
QUERY = dns.message.make_query("www.foo.com.", "A", id=1).to_wire()


@dataclass(frozen=True)
class FuzzTarget:
    """A target; ``seeds`` are ordinary inputs, ``octets`` is the maximum length of an input."""

    examine: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    octets: int


def examine_query(data: bytes) -> None:
    """Check an answer. The first octet selects the server and the transport; the rest is the
    message."""
    if data:
        hostile_queries.check_reply(
            SERVERS[data[0] & 1], data[1:], hostile_queries.MAX_SIZES[data[0] >> 1 & 1]
        )


def seed_queries() -> Iterator[bytes]:
    for octets in hostile_queries.make_queries().values():
        yield from (bytes([how]) + octets for how in range(4))


def examine_object(data: bytes) -> None:
    """Check that a decoded object encodes to the same octets. The first octet is the kind."""
    if data:
        kind = KINDS[data[0] % len(KINDS)]
        raw = create_object(kind, data[1:])
        try:
            value = object_codec.decode(raw)
        except Corrupt:
            return
        assert object_codec.encode(value) == raw
        assert all(len(link) == 32 for link in object_codec.list_links(value))


def seed_objects() -> Iterator[bytes]:
    for file in ("foo.com.objects.json", "canary.json", "wide-trees.json"):
        for kind, payload in _stored(json.loads((DATA / file).read_text())):
            yield bytes([KINDS.index(kind)]) + payload


def _stored(found: object) -> Iterator[tuple[str, bytes]]:
    """Return every object in a file of vectors."""
    if isinstance(found, dict):
        kind, payload = found.get("kind"), found.get("payload")
        if kind in KINDS and isinstance(payload, str):
            yield kind, bytes.fromhex(payload)
        found = list(found.values())
    if isinstance(found, list):
        for each in found:
            yield from _stored(each)


def examine_message(data: bytes) -> None:
    """Check that a decoded message is the same after sending it again. The first octet is its
    type."""
    if data:
        kind = MESSAGES[data[0] % len(MESSAGES)]
        try:
            message = codec.decode(data[1:], kind)
        except Invalid:
            return
        assert codec.encode(codec.decode(codec.encode(message), kind)) == codec.encode(message)


def seed_messages() -> Iterator[bytes]:
    """Return a map for each message with a plain value in every field."""
    for number, kind in enumerate(MESSAGES):
        fields = {field.encode_name: _plain(field.type) for field in msgspec.structs.fields(kind)}
        yield bytes([number]) + msgspec.msgpack.encode(fields)


def _plain(kind: object) -> object:
    text = str(kind)
    if "bytes" in text or "Id" in text:
        return bytes(32)
    if "list" in text.lower() or "tuple" in text:
        return []
    if "dict" in text:
        return {}
    return 1 if "int" in text else 1.5 if "float" in text else "main"


def examine_zone_file(data: bytes) -> None:
    """Check that a parsed file, once written, parses to the same RRsets."""
    try:
        found = reader.read(data, ZONE, whole=False)
    except Invalid:
        return
    text = "\n".join(line.rstrip("\n") for line in writer.write(found.rrsets.values(), ZONE))
    assert reader.read(text.encode(), ZONE, whole=False).rrsets == found.rrsets


def seed_zone_files() -> Iterator[bytes]:
    whole = (DATA / "foo.com.zone").read_bytes()
    yield whole
    yield from (line + b"\n" for line in whole.splitlines() if line.strip())
    yield b'$TTL 1h\n$ORIGIN a\n$GENERATE 1-3 h$ A 192.0.2.$\nx 60 TXT ( "a;b" ; c\n \\100 )\n'
    yield b"x 60 TYPE65534 \\# 3 01 02 03\n@ 60 HTTPS 1 . alpn=h2 port=53\n"
    yield b"@ 60 SOA a b ( 1 2h 3m 4 5 )\n 60 LOC 52 14 05 N 00 08 50 E 0.29m\n"


def examine_tsig(data: bytes) -> None:
    """Check that no reply is signed, and that each belongs to its query.

    The octets are the TSIG record of a query, and all that follows it. The secret is unknown.
    """
    wire = QUERY[:10] + struct.pack("!H", 1) + QUERY[12:] + data
    parsed = query.parse(wire)
    if parsed is not None:
        keys = {hostile_queries.KEY.name: hostile_queries.KEY}
        who = tsig.verify(wire, parsed, keys, lambda: hostile_queries.NOW)
        assert not isinstance(who, tsig.Signer)
    hostile_queries.check_reply(SERVERS[0], wire, query.STREAM)


def seed_signatures() -> Iterator[bytes]:
    for name in (hostile_queries.KEY.primitive.name, "other."):
        signed = dns.message.make_query("www.foo.com.", "A", id=1)
        signed.use_tsig(dns.tsig.Key(name, b"not the secret", dns.tsig.HMAC_SHA256))
        yield signed.to_wire()[len(QUERY) :]


TARGETS = {
    "query": FuzzTarget(examine_query, seed_queries, 1_024),
    "object": FuzzTarget(examine_object, seed_objects, 4_096),
    "message": FuzzTarget(examine_message, seed_messages, 4_096),
    "zonefile": FuzzTarget(examine_zone_file, seed_zone_files, 2_048),
    "tsig": FuzzTarget(examine_tsig, seed_signatures, 512),
}


def read_corpus(target: str) -> list[Path]:
    """Return the inputs of the corpus for a target."""
    return sorted((CORPUS / target).iterdir())
