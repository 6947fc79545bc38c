"""docs/wire.md matches the code in both directions, name by name."""

import re
import types
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest

from zonegit.bus import headers
from zonegit.objects import ids
from zonegit.objects.ids import RawObject
from zonegit.store import basis, recovery, ref_log, ref_names
from zonegit.store import objects as object_store
from zonegit.store import refs as ref_store
from zonegit.store.ref_log import EntryKind
from zonegit.wire import codec, failures, messages, verbs
from zonegit_objectstore import handlers as objectstore
from zonegit_refs import handlers as refs

PAGE = (Path(__file__).parents[3] / "docs" / "wire.md").read_text()
SECTIONS = dict(re.findall(r"^#### (\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
BASES = {messages.Message, messages.Event}


def structs(*modules: types.ModuleType) -> dict[str, type[msgspec.Struct]]:
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, msgspec.Struct)
        if value.__module__ == module.__name__ and value not in BASES
    }


TRAVELLING = structs(messages, object_store, ref_store, ref_log, recovery, basis, ref_names)
del TRAVELLING["Origin"]  # on the bus it is the actor in the subject and a ChangeInfo
for decision in ("AnsweredSerial", "RestoredBranch", "Leave", "Renew", "Doubt"):
    del TRAVELLING[decision]  # values of a decision, which stay in one process


def rows(section: str) -> list[list[str]]:
    """Return the cells of every table row below a heading, without the table head."""
    body = PAGE.partition(f"\n{section}\n")[2]
    body = re.split(r"^#", body, maxsplit=1, flags=re.MULTILINE)[0]
    table = re.findall(r"^\|(?!---)(.*)\|$", body, re.MULTILINE)[1:]
    return [[cell.strip() for cell in row.split("|")] for row in table]


def test_every_message_has_a_section_and_every_section_a_message() -> None:
    assert set(SECTIONS) == {*TRAVELLING, RawObject.__name__}


@pytest.mark.parametrize("name", sorted(TRAVELLING))
def test_a_message_lists_exactly_its_fields(name: str) -> None:
    documented = re.findall(r"^\| `(\w+)` \|", SECTIONS[name], re.MULTILINE)
    assert documented == [field.encode_name for field in msgspec.structs.fields(TRAVELLING[name])]


@pytest.mark.parametrize("name", sorted(TRAVELLING))
def test_a_message_marks_exactly_the_fields_that_may_be_left_out(name: str) -> None:
    documented = re.findall(r"^\| `(\w+)` \| [^|]* = ", SECTIONS[name], re.MULTILINE)
    optional = [f.encode_name for f in msgspec.structs.fields(TRAVELLING[name]) if not f.required]
    assert documented == optional


def test_an_object_travels_with_the_documented_fields() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", SECTIONS["RawObject"], re.MULTILINE)
    assert documented == list(RawObject._fields)
    kinds = next(cells for cells in rows("#### RawObject") if cells[0] == "`kind`")[2]
    assert re.findall(r"`(\w+)`", kinds) == list(get_args(ids.ObjectKind))


def test_every_error_code_is_explained() -> None:
    assert [cells[0].strip("`") for cells in rows("## Errors")] == list(failures.BY_CODE)


def test_every_request_to_resolvers_and_every_call_is_listed_with_existing_messages() -> None:
    section = "### Requests to resolvers, and calls"
    calls = {cells[0].strip("`"): cells[1:] for cells in rows(section)}
    assert len(calls) == 7
    asked = {cell.strip("`") for cells in calls.values() for cell in cells}
    assert asked <= set(TRAVELLING)


@pytest.mark.parametrize(
    ("service", "handlers"), [("objects", objectstore.ObjectHandlers), ("refs", refs.RefHandlers)]
)
def test_a_service_answers_every_verb_of_its_table_with_the_documented_reply(
    service: str, handlers: type[objectstore.ObjectHandlers | refs.RefHandlers]
) -> None:
    endpoints = handlers.__new__(handlers).endpoints()  # no store, because no request is made
    assert {name: each.verb for name, each in endpoints.items()} == verbs.of_service(service)
    for name, each in endpoints.items():
        hints = get_type_hints(each.answer)
        assert (hints["message"], hints["return"]) == (each.verb.message, each.verb.reply), name


def test_every_header_is_explained() -> None:
    documented = [cells[0].strip("`") for cells in rows("### Headers")]
    assert documented == [
        headers.DEADLINE,
        headers.REQUEST_ID,
        headers.ATTEMPT,
        headers.TIMEOUT,
        headers.ON_BEHALF,
        headers.FAILED,
        headers.INTERIM,
    ]


def test_every_kind_of_event_has_a_subject() -> None:
    subjects = [cells[0].strip("`") for cells in rows("### Events")]
    kinds = [match[1] for text in subjects if (match := re.match(r"zg\.events\.(\w+)\.", text))]
    assert kinds == list(get_args(EntryKind))


def test_the_documented_bounds_are_those_of_the_code() -> None:
    documented = {
        cells[0].strip("`"): int(cells[1].replace(",", "")) for cells in rows("## Bounds")
    }
    actual = {
        name: getattr(module, name)
        for module in (codec, ids, messages, ref_names, ref_log)
        for name in vars(module)
        if name.startswith("MAX_") and module.__name__.startswith("zonegit.")
    }
    assert documented == actual
