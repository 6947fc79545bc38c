"""Read the test vectors that fix the stored octets (``tests/data``), and real zones if
available."""

import json
import lzma
import tarfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from zonegit.objects.ids import ObjectId, RawObject, from_hex

DATA = Path(__file__).parents[1] / "data"
REAL = Path(__file__).parents[3] / "shared" / "data"
"""The folder of large real data next to the checkout; only tests that read it may be skipped
without it."""


def load(name: str) -> Any:
    """Read a JSON file of vectors."""
    return json.loads((DATA / name).read_bytes())


def raw(kind: str, object_id: str, payload: str) -> RawObject:
    """Return an object from its hexadecimal form."""
    return RawObject(from_hex(object_id), kind, bytes.fromhex(payload))  # type: ignore[arg-type]


def foo_com() -> list[tuple[str, RawObject]]:
    """Return each object of foo.com with its path in the zone."""
    return [
        ("".join(row["path"]), raw(row["kind"], row["hash"], row["payload"]))
        for row in load("foo.com.objects.json")
    ]


def v03() -> list[RawObject]:
    """Return the objects of a store written by the original implementation."""
    rows = load("v03-store.json")["objects"]
    return [raw(row["Kind"], row["Hash"], row["Payload"]) for row in rows]


def v03_slots() -> dict[str, bytes]:
    """Return the refs of that store, as its slots."""
    return {name: bytes.fromhex(slot) for name, slot in load("v03-store.json")["refs"].items()}


def wide() -> list[dict[str, Any]]:
    """Return wide trees: their root, and the root after one change."""
    rows = load("wide-trees.json")
    return [
        row | {"root": from_hex(row["root"]), "changed_root": from_hex(row["changed_root"])}
        for row in rows
    ]


@cache
def root_zone(serial: int) -> bytes:
    """Return one version of the real root zone; skip the test if the data is absent."""
    archive = REAL / "rootzone-2018.tar.xz"
    if not archive.exists():
        pytest.skip(f"needs the real root zone, {archive.name}, in ../shared/data")
    with lzma.open(archive) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as members:
        for member in members:
            if Path(member.name).name == f"root-{serial}.zone":
                file = members.extractfile(member)
                assert file is not None
                return file.read()
    raise LookupError(serial)


ROOT_TREE = ObjectId(
    bytes.fromhex("4745c3584a55f86be12d0bde93d280d34dd7821f0f29948f63996eafc170e2f8")
)
"""The tree of the root zone with serial 2018012900."""
