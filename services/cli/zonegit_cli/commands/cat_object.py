"""zonegit cat-object: print a stored object, decoded."""

from typing import Any, assert_never

import click
import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.objects.codec import decode
from zonegit.objects.ids import HEX_ID, ObjectId, ObjectKind, RawObject, from_hex, short
from zonegit.objects.model import RRSET, Blob, Commit, Doc, Index, Object, Symref, Tag, Tree
from zonegit.repo import refish
from zonegit.repo.repo import Repo
from zonegit.views.rrset import make_rrset
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.rrset import rdata_to_text
from zonegit.zonefile.writer import write_record_head
from zonegit_cli import options
from zonegit_cli.session import Session


@options.session_command("cat-object")
@click.argument("text", metavar="ID")
@options.zone_options
async def command(session: Session, text: str, zone: Name | None, branch: str | None) -> None:
    """Print the object ID. The id may be abbreviated to 8 digits, or be a refish.

    \b
    zonegit cat-object HEAD
    zonegit cat-object HEAD^{tree}
    """
    async with session.connect() as repo:
        object_id = await _find(repo, text, zone, branch)
        raw = (await repo.objects.get([object_id]))[object_id]
    value = decode(raw)
    data = {"id": raw.id.hex(), "kind": raw.kind, "octets": len(raw.payload), **_to_json(value)}
    session.output.print_result(data, _format_lines(raw, value), paged=True)


async def _find(repo: Repo, text: str, zone: Name | None, branch: str | None) -> ObjectId:
    if HEX_ID.fullmatch(text):
        return from_hex(text)
    if len(text) >= refish.MIN_SHORT_ID and set(text) <= set("0123456789abcdef"):
        return _require_one(text, await repo.objects.find(text))
    return await refish.resolve_id(repo, text, zone=zone, branch=branch)


def _require_one(text: str, found: list[tuple[ObjectId, ObjectKind]]) -> ObjectId:
    if not found:
        raise NotFound(f"no object with an id that begins with {text}")
    if len(found) > 1:
        shown = ", ".join(f"{kind} {short(object_id)}" for object_id, kind in found)
        raise Invalid(f"{text} could mean {shown}", hint="give more digits")
    return found[0][0]


def _to_json(value: Object) -> dict[str, Any]:
    match value:
        case Blob(rrset):
            return msgspec.structs.asdict(make_rrset(rrset))
        case Tree(entries):
            return {
                "entries": [
                    {"key": _format_key(key), "id": at.hex()} for key, at in entries.items()
                ]
            }
        case Index(height, rows):
            listed = [
                {"to": _format_key(k), "entries": below, "id": at.hex()} for k, below, at in rows
            ]
            return {"height": height, "rows": listed}
        case Commit():
            return {
                "tree": value.tree.hex(),
                "parents": [parent.hex() for parent in value.parents],
                "message": value.message,
            }
        case Tag(target, name):
            return {"object": target.hex(), "tag": name, "message": value.message}
        case Symref(target):
            return {"target": target}
        case Doc(fields):
            return {"fields": {key: _to_json_value(field) for key, field in fields.items()}}
        case _:
            assert_never(value)


def _to_json_value(value: Any) -> Any:
    """Convert a field of a doc to values that JSON has."""
    match value:
        case bytes():
            return value.hex()
        case dict():
            return {str(key): _to_json_value(each) for key, each in value.items()}
        case list():
            return [_to_json_value(each) for each in value]
        case _:
            return value


def _format_lines(raw: RawObject, value: Object) -> list[str]:
    head = click.style(f"{raw.kind} {raw.id.hex()}", fg="yellow")
    match value:
        case Blob(rrset):
            texts = [rdata_to_text(rrset.rdtype, rdata) for rdata in rrset.rdatas]
            return [head, *(f"{write_record_head(rrset)} {text}" for text in texts)]
        case Tree(entries):
            return [head, *(f"{at.hex()}  {_format_key(key)}" for key, at in entries.items())]
        case Index(_, rows):
            shown = (
                f"{at.hex()}  {below} entries to {_format_key(key)}" for key, below, at in rows
            )
            return [head, *shown]
        case Doc(fields):
            return [head, *(f"{key}: {_to_json_value(field)}" for key, field in fields.items())]
        case _:
            return [head, *raw.payload.decode().splitlines()]


def _format_key(key: bytes) -> str:
    """Return an entry's key as text: ``A``, or ``www/`` for the subtree of a label."""
    if key[0] == RRSET:
        return key[1:].decode()
    return names.text(names.join([key[1:]]))[:-1] + "/"
