"""Encoding and decoding of objects: exact in one direction, strict in the other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support import strategies

from zonegit.errors import Corrupt, Invalid
from zonegit.objects import tree_codec
from zonegit.objects.codec import MAX_DOC, decode, encode, list_links
from zonegit.objects.ids import (
    MAX_PAYLOAD,
    CommitId,
    ObjectId,
    RawObject,
    compute_id,
    create_object,
    from_hex,
    verify,
)
from zonegit.objects.model import Blob, Commit, Doc, Identity, Symref, Tag, Tree
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import rrset

KINDS = ("blob", "tree", "commit", "tag", "symref", "doc")
WHO = Identity("root", "root@vm", 1795232912)
TREE = ObjectId(b"\1" * 32)
COMMIT = CommitId(ObjectId(b"\2" * 32))


@given(strategies.objects)
def test_an_encoded_object_decodes_to_the_same_value(value):
    raw = encode(value)
    assert decode(raw) == value
    assert verify(raw) is raw


@given(st.sampled_from(KINDS), st.binary(max_size=200))
def test_arbitrary_octets_are_corrupt_or_canonical(kind, payload):
    raw = RawObject(compute_id(kind, payload), kind, payload)
    try:
        value = decode(raw)
    except Corrupt:
        return
    assert encode(value) == raw


def test_a_corrupt_object_is_named():
    raw = create_object("tree", b"\7")
    with pytest.raises(Corrupt, match=raw.id.hex()) as failure:
        decode(raw)
    assert failure.value.details == {"object": raw.id.hex()}


@given(strategies.objects, st.data())
def test_damaged_objects_are_corrupt_or_canonical(value, data):
    raw = encode(value)
    damaged = bytearray(raw.payload)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(damaged)))
        damaged[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    payload = bytes(damaged)
    try:
        found = decode(RawObject(raw.id, raw.kind, payload))
    except Corrupt:
        return
    assert encode(found).payload == payload


def test_an_object_whose_octets_do_not_hash_to_its_id_is_corrupt():
    raw = create_object("symref", b"refs/heads/foo.com./main")
    with pytest.raises(Corrupt, match=raw.id.hex()):
        verify(raw._replace(payload=b"refs/heads/foo.com./evil"))
    with pytest.raises(Corrupt):
        verify(raw._replace(kind="doc"))


def test_an_object_beyond_the_bound_is_neither_encoded_nor_decoded():
    with pytest.raises(Invalid, match="larger than 524288"):
        create_object("blob", bytes(MAX_PAYLOAD + 1))
    payload = bytes(MAX_PAYLOAD + 1)
    with pytest.raises(Corrupt, match="larger than 524288"):
        verify(RawObject(compute_id("blob", payload), "blob", payload))


def test_an_unknown_kind_is_corrupt():
    with pytest.raises(Corrupt, match="unknown kind"):
        decode(RawObject(TREE, "gift", b""))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "ab", "AB" * 32, "gg" * 32, "ab" * 33, "ab" * 31 + "é" * 2])
def test_an_id_is_64_lower_case_hex_digits(text):
    with pytest.raises(Invalid):
        from_hex(text)


# blobs


def test_an_rrset_of_a_type_without_mnemonic_is_stored():
    value = rrset(names.parse("foo.com."), 65400, 300, [b"\1", b"\2"])
    assert decode(encode(Blob(value))) == Blob(value)


def test_the_owner_of_a_blob_may_have_255_octets():
    for owner in ((b"\x3f" + b"a" * 63) * 3 + b"\x3d" + b"b" * 61 + b"\0", b"\1a" * 127 + b"\0"):
        value = decode(create_object("blob", _blob(owner=owner)))
        assert isinstance(value, Blob)
        assert value.rrset.owner == owner


def _blob(**changes: object) -> bytes:
    fields = {
        "version": b"\1",
        "owner": b"\3www\0",
        "head": b"\0\1\0\1\0\0\1\x2c",
        "count": b"\0\2",
        "rdatas": b"\0\4\1\1\1\1\0\4\2\2\2\2",
    }
    return b"".join((fields | changes).values())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (_blob(version=b"\2"), "version"),
        (_blob(owner=b"\3wWw\0"), "lower case"),
        (_blob(owner=b"\xc0\x0c"), "owner name"),
        (_blob(owner=b"\x3f" + b"a" * 63 + b"\x40" + b"b" * 64 + b"\0"), "domain name"),
        (_blob(owner=(b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"b" * 62 + b"\0"), "255"),
        (_blob(owner=b"\1a" * 128 + b"\0"), "255"),
        (_blob(head=b"\0\1", count=b"", rdatas=b""), "header"),
        (_blob(rdatas=b""), "last record"),
        (_blob(rdatas=b"\0\4\2\2\2\2\0\4\1\1\1\1"), "sorted"),
        (_blob(rdatas=b"\0\4\2\2\2\2\0\4\2\2\2\2"), "distinct"),
        (_blob(rdatas=b"\0\4\1\1\1\1\0\4\2\2\2\2\0"), "length"),
        (_blob(rdatas=b"\0\4\1\1\1\1\0\x09\2\2\2\2"), "length"),
        (_blob(count=b"\0\0", rdatas=b""), "count"),
        (_blob(head=b"\0\1\0\xff\0\0\1\x2c"), "type 255"),
        (b"\1\3www", "owner"),
        (b"", "version"),
    ],
)
def test_a_malformed_blob_is_corrupt_with_a_reason(payload, reason):
    with pytest.raises(Corrupt, match=reason):
        decode(create_object("blob", payload))


# trees


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\1",
        b"\1\0",
        b"\3\1",
        b"\1\2\0\1b" + TREE + b"\0\1a" + TREE,
        b"\1\2\0\1a" + TREE + b"\0\1a" + TREE,
        b"\1\1\0\1A" + TREE,
        b"\1\1\0\0" + TREE,
        b"\1\1\0\x40" + b"a" * 64 + TREE,
        b"\1\1\1\1a" + TREE,
        b"\1\1\2\1A" + TREE,
        b"\1\x81\0\0\1a" + TREE,
        b"\1\1\0\1a" + TREE[:-1],
        b"\1\1\0\1a" + TREE + b"\0",
        b"\1\xff\xff\xff\xff\xff\xff\xff\xff\1",
        b"\2\0\1\0\1a\1" + TREE,
        b"\2\x09\1\0\1a\1" + TREE,
    ],
)
def test_a_malformed_tree_is_corrupt(payload):
    with pytest.raises(Corrupt):
        decode(create_object("tree", payload))


def test_the_entries_of_a_tree_are_stored_sorted():
    entries = {b"\1NS": TREE, b"\0www": COMMIT, b"\1A": TREE, b"\0api": COMMIT}
    tree = decode(create_object("tree", tree_codec.encode_leaf(entries)))
    assert isinstance(tree, Tree)
    assert list(tree.entries) == [b"\0api", b"\0www", b"\1A", b"\1NS"]


# commits and tags


def _commit(headers: str = "", message: str = "hello\n") -> bytes:
    return (
        f"version 1\ntree {TREE.hex()}\nauthor r <r@h> 1 +0000\ncommitter r <r@h> 1 +0000\n"
        f"{headers}\n{message}"
    ).encode()


@pytest.mark.parametrize(
    "headers", ["future yes\n", "future yes\nfuture again\n", "selector a\nfuture \n"]
)
def test_headers_of_a_later_release_keep_their_place(headers):
    payload = _commit(headers)
    assert encode(decode(create_object("commit", payload))).payload == payload
    first = payload.replace(b"version 1\n", b"version 1\nfuture first\n")
    assert encode(decode(create_object("commit", first))).payload == first


@pytest.mark.parametrize(
    ("message", "stored"),
    [("", b""), ("one", b"one\n"), ("one\n\n\n", b"one\n"), ("a\n\nb", b"a\n\nb\n")],
)
def test_a_message_ends_in_exactly_one_line_end_unless_empty(message, stored):
    payload = encode(Commit(TREE, (), WHO, WHO, message)).payload
    assert payload.partition(b"\n\n")[2] == stored


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"version 1\n",
        b"version 2" + _commit()[9:],
        _commit(message="two\n\n"),
        _commit(message="no line end"),
        _commit("parent xyz\n"),
        _commit("signature rsa:AAAA\n"),
        _commit("selector a\nselector b\n"),
        _commit(f"parent {TREE.hex()}\n"),
        _commit("headerwithoutvalue\n"),
        _commit().replace(b"r@h> 1 ", b"r@h> 01 "),
        _commit().replace(b"r@h> 1 ", b"r@h> -1 "),
        _commit().replace(b"author", b"writer"),
        _commit() + b"\xff",
    ],
)
def test_a_malformed_commit_is_corrupt(payload):
    with pytest.raises(Corrupt):
        decode(create_object("commit", payload))


def test_a_commit_has_at_most_two_parents():
    with pytest.raises(Invalid, match="at most 2"):
        encode(Commit(TREE, (COMMIT,) * 3, WHO, WHO, "octopus"))


@pytest.mark.parametrize(
    "commit",
    [
        Commit(TREE, (), Identity("a\nparent", "b", 1), WHO, ""),
        Commit(TREE, (), Identity("a <b>", "b", 1), WHO, ""),
        Commit(TREE, (), WHO, WHO, "", selector="x\ntree 00"),
        Commit(TREE, (), WHO, WHO, "", signature="x\n"),
    ],
)
def test_no_field_can_inject_a_header(commit):
    with pytest.raises(Invalid):
        encode(commit)


def test_a_tag_names_only_a_commit():
    payload = encode(Tag(COMMIT, "v1", WHO, "first")).payload
    assert b"\ntype commit\n" in payload
    with pytest.raises(Corrupt):
        decode(create_object("tag", payload.replace(b"type commit", b"type tree")))


# symrefs and docs


def test_a_symref_holds_a_zone_of_any_length():
    zone = names.join([b"\xff" * 63] * 3 + [b"\xff" * 61])
    assert len(zone) == 255
    target = f"refs/heads/{names.text(zone)}/main"
    assert decode(encode(Symref(target))) == Symref(target)


@pytest.mark.parametrize("payload", [b"", b"\xff", b"a" * 2_049])
def test_a_malformed_symref_is_corrupt(payload):
    with pytest.raises(Corrupt):
        decode(create_object("symref", payload))


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x01",
        b"\x82\xa1b\x01\xa1a\x01",
        b"\x81\xa1a\xcc\x01",
        b"\x82\xa1a\x01\xa1a\x01",
        b"\x81\x01\x01",
        b"\x81\xa1\xff\x01",
        b"\x81\xa1a\x81\x01\x01",
        b"\x91" * 60_000,
    ],
)
def test_a_doc_that_is_not_canonical_msgpack_is_corrupt(payload):
    with pytest.raises(Corrupt):
        decode(create_object("doc", payload))


def test_a_doc_has_at_most_64_kib():
    with pytest.raises(Invalid, match="65536"):
        encode(Doc({"type": "x", "text": "a" * MAX_DOC}))


# links


def test_an_object_links_to_objects_that_must_be_stored_first():
    commit = Commit(TREE, (COMMIT,), WHO, WHO, "")
    assert list(list_links(commit)) == [TREE, COMMIT]
    assert list(list_links(Tag(COMMIT, "v1", WHO, ""))) == [COMMIT]
    assert list(list_links(Tree({b"\1A": TREE, b"\1NS": COMMIT}))) == [TREE, COMMIT]
    assert list(list_links(Doc({"parent": TREE, "type": "x"}))) == [TREE]
    assert list(list_links(Doc({"parent": None}))) == []
    assert list(list_links(Symref("HEAD"))) == []
    assert list(list_links(Blob(rrset(names.ROOT, rrtypes.A, 1, [b"1234"])))) == []
