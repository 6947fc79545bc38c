"""Messages: typed, bounded, and tolerant of fields of later releases."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit import errors
from zonegit.errors import Conflict, Internal, Invalid, NotFound, Unsafe, ZonegitError
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Symref
from zonegit.store import ref_names
from zonegit.store.ref_log import LogEntry, LogPage
from zonegit.store.refs import Absent, Anything, Exactly
from zonegit.wire import codec, failures, messages
from zonegit.wire.messages import ChangeInfo, FailureReply, FindObjects, GetObjects, Move, RefEvent
from zonegit.zone import names

ID = ObjectId(b"\1" * 32)
WHY = ChangeInfo(command="set", operation="0123456789abcdef")
ENTRY = LogEntry(
    sequence=7,
    kind="moved",
    ref=ref_names.branch(names.parse("foo.com."), "main"),
    old=None,
    new=ID,
    serial=1,
    actor="alice",
    time=1.5,
    command="import",
    operation="0123456789abcdef",
)
ALL = [
    kind
    for kind in vars(messages).values()
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
]


@pytest.mark.parametrize(
    "message",
    [
        GetObjects(ids=[ID]),
        Move(expected=Absent(), new=ID, why=WHY, objects=[encode(Symref("HEAD"))]),
        Move(expected=Exactly(ID), new=None, why=WHY),
        Move(expected=Anything(), new=ID, why=WHY),
        RefEvent(epoch="e", entry=ENTRY),
        LogPage("e", 9, [ENTRY]),
    ],
)
def test_a_message_decodes_as_it_was_encoded(message):
    assert codec.decode(codec.encode(message), type(message)) == message


def test_fields_of_a_later_release_are_ignored():
    octets = msgspec.msgpack.encode({"prefix": "abcd", "novelty": [1, 2]})
    assert codec.decode(octets, FindObjects) == FindObjects(prefix="abcd")


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({}, FindObjects),
        ({"prefix": 7}, FindObjects),
        ({"prefix": "abc"}, FindObjects),
        ({"prefix": "abcd\n"}, FindObjects),
        ({"prefix": "ABCD"}, FindObjects),
        ({"ids": [b"short"]}, GetObjects),
        ({"ids": [bytes(32)] * (messages.MAX_IDS + 1)}, GetObjects),
        ({"reason": "x", "operation": "short"}, ChangeInfo),
        ({"expected": {"type": "hopefully"}, "new": bytes(32), "why": {}}, Move),
        ([], FindObjects),
    ],
)
def test_missing_mistyped_and_oversized_fields_are_refused(fields, kind):
    with pytest.raises(Invalid, match=kind.__name__):
        codec.decode(msgspec.msgpack.encode(fields), kind)


@given(st.sampled_from(ALL), st.binary(max_size=100))
def test_arbitrary_octets_are_a_message_or_invalid(kind, octets):
    try:
        codec.decode(octets, kind)
    except Invalid:
        return


@pytest.mark.parametrize("octets", [b"\x91" * 100_000, b"\x81\xa6prefix\xa4\xff\xfe\xfd\xfc"])
def test_nesting_and_bad_text_are_invalid(octets):
    with pytest.raises(Invalid):
        codec.decode(octets, FindObjects)


def test_a_message_beyond_the_bound_is_neither_encoded_nor_decoded():
    with pytest.raises(Invalid, match="too large"):
        codec.encode(FailureReply(code="internal", message="x" * codec.MAX_MESSAGE))
    with pytest.raises(Invalid, match="too large"):
        codec.decode(bytes(codec.MAX_MESSAGE + 1), FailureReply)


def test_an_argument_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(Invalid, match="is not valid UTF-8"):
        codec.encode(
            FailureReply(code="internal", message=b"caf\xe9".decode(errors="surrogateescape"))
        )


@pytest.mark.parametrize("family", failures.BY_CODE.values())
def test_an_error_has_the_same_type_after_the_wire(family: type[ZonegitError]):
    sent = family("what happened", hint="what to do", tip="abc")
    received = failures.to_error(
        codec.decode(codec.encode(failures.to_message(sent)), FailureReply)
    )
    assert type(received) is family
    assert (received.message, received.hint) == ("what happened", "what to do")
    assert received.details == {"tip": "abc"}


def test_every_error_class_has_its_own_code():
    families = {each for each in _subclasses(ZonegitError) if each.__module__ == errors.__name__}
    assert {each.code: each for each in families} == failures.BY_CODE
    assert {Conflict, NotFound, Unsafe} < families


def _subclasses(kind):
    for each in kind.__subclasses__():
        yield each
        yield from _subclasses(each)


def test_an_error_of_a_later_release_is_internal():
    found = failures.to_error(FailureReply(code="novel", message="m"))
    assert isinstance(found, Internal)


@pytest.mark.parametrize("started", [-1.0, 1e300, float("nan"), float("inf")])
def test_a_time_without_a_date_is_refused(started):
    fields = {"store": "refs", "instance": "i", "started": started, "installation": ""}
    with pytest.raises(Invalid, match="started"):
        codec.decode(msgspec.msgpack.encode(fields), messages.Presence)
