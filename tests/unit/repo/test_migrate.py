"""A dump of a v0.3 store is verified, and passed on as a whole."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.support import vectors
from zonegit.errors import Corrupt, Invalid
from zonegit.objects.codec import decode, list_links
from zonegit.repo.change import migrate
from zonegit.store.memory import MemoryObjects
from zonegit.zone import names

Dumped = dict[str, Any]


def written(dump: Dumped) -> bytes:
    return json.dumps(dump).encode()


def changed(change: Callable[[Dumped], object]) -> bytes:
    dump = vectors.load("v03-store.json")
    change(dump)
    return written(dump)


async def test_a_real_dump_is_read_children_first() -> None:
    dump = migrate.read(written(vectors.load("v03-store.json")), "store.json")
    assert dump.legacy.zone == names.parse("foo.com.")
    assert dump.slots == vectors.v03_slots()
    assert set(dump.objects) == set(vectors.v03())
    seen = set()
    for raw in dump.objects:
        assert seen.issuperset(list_links(decode(raw)))
        seen.add(raw.id)
    await MemoryObjects().put(dump.objects)


def test_a_missing_object_is_named_with_the_object_that_links_to_it() -> None:
    def lose_a_blob(dump: Dumped) -> None:
        dump["objects"] = [row for row in dump["objects"] if not row["Hash"].startswith("07792559")]

    with pytest.raises(Invalid, match=r"tree 16bd730f70c5 names 07792559f278") as caught:
        migrate.read(changed(lose_a_blob), "store.json")
    assert caught.value.message.startswith("store.json: ")


def test_a_ref_to_a_missing_object_is_named() -> None:
    dump = vectors.load("v03-store.json") | {"objects": []}
    with pytest.raises(Invalid, match="refs/heads/canary names 62b53eb0ef57"):
        migrate.read(written(dump), "store.json")


def test_a_damaged_object_is_corrupt() -> None:
    def rot(dump: Dumped) -> None:
        dump["objects"][0]["Payload"] = "00"

    with pytest.raises(Corrupt, match="07792559f27842db8e915d10"):
        migrate.read(changed(rot), "store.json")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda dump: dump.pop("refs"), "refs"),
        (lambda dump: dump["refs"].update(HEAD="00"), r"store of v0\.3"),
        (lambda dump: dump["refs"].pop("refs/zonegit/zone"), "refs/zonegit/zone"),
        (lambda dump: dump["objects"][0].update(Kind="elephant"), "elephant"),
        (lambda dump: dump["objects"][0].update(Hash="abc"), "abc"),
        (lambda dump: dump["objects"][0].update(Payload="0g"), r"store of v0\.3"),
        (lambda dump: dump["objects"][0].update(Payload="00" * 524_289), r"store of v0\.3"),
        (lambda dump: dump["objects"].append(7), r"store of v0\.3"),
        (
            lambda dump: dump["refs"].update({f"refs/heads/b{n}": "0" * 64 for n in range(2_000)}),
            r"store of v0\.3",
        ),
    ],
)
def test_a_malformed_dump_is_refused(change: Callable[[Dumped], object], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        migrate.read(changed(change), "store.json")


@pytest.mark.parametrize("octets", [b"", b"\xff", b"[" * 100_000, b"null", b'{"refs": "\\ud800"}'])
def test_a_file_that_is_not_a_dump_is_refused(octets: bytes) -> None:
    with pytest.raises(Invalid, match=r"store of v0\.3"):
        migrate.read(octets, "store.json")
