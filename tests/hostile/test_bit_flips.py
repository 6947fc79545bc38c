"""Flipped bits in stored files: answers are right, or the damage is reported.

Each flip is made in a copy of the files of a small installation; then all possible requests are
made. A reply that differs from the earlier one is a failure, unless the damage was reported: as an
error, by the check of the store, or in the log of a resolver that dropped and refetched invalid
data. Any exception except zonegit's own is a failure, too.

``BIT_FLIPS`` is the number of flips; ``make flips`` tries 1,000. The position depends only on the
number of the flip, so a failure can be reproduced.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest_asyncio
import structlog
from tests.support.nats import nats_server
from tests.support.waiting import open_in_task
from tests.unit.resolver.backend import Backend, run_backend, run_resolver

from zonegit.errors import ZonegitError
from zonegit.nameserver.zone.snapshot import iter_rrsets
from zonegit.objects.codec import encode
from zonegit.objects.ids import ObjectId
from zonegit.objects.model import Symref
from zonegit.store import ref_names
from zonegit.store.memory import MemoryObjects
from zonegit.store.ref_log import Back, Origin
from zonegit.zone import names
from zonegit_objectstore.sql.objects import open_objects
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql.refs import SqlRefs, open_refs
from zonegit_resolver.cache.cache import open_cache
from zonegit_resolver.scheduling import Scheduler

FLIPS = int(os.environ.get("BIT_FLIPS", "150"))
ZONES = ("foo.com.", "bar.example.", "1.168.192.in-addr.arpa.")
HOSTS = "".join(f"h{number} 300 A 192.0.2.{number}\n" for number in range(1, 60))

Replies = Mapping[str, object]
"""What was answered to each question: a reply, or the code of an error."""


@dataclass(frozen=True)
class ServiceFiles:
    """The files of one service; ``ask`` makes all requests to a copy of its folder."""

    folder: Path
    ask: Callable[[Path], Awaitable[Replies]]
    replies: Replies

    def files(self) -> list[Path]:
        """Return the stored files, except those that are not read."""
        every = (path for path in self.folder.rglob("*") if path.is_file())
        found = (path for path in every if path.stat().st_size)
        return sorted(path.relative_to(self.folder) for path in found)


async def reply_to(question: Awaitable[object]) -> object:
    """Return a reply in a form that can be compared, or the code of the error."""
    try:
        return msgspec.msgpack.encode(await question)
    except ZonegitError as error:
        return error.code


async def ask_objects(folder: Path) -> Replies:
    replies: dict[str, object] = {}
    async with open_objects(folder / "objects.sqlite3") as store:
        replies["list"] = await reply_to(store.list_page())
        listed = [object_id for object_id, _ in OBJECTS]
        for object_id, kind in OBJECTS:
            replies[f"get {object_id.hex()}"] = await reply_to(store.get_page([object_id], None))
            replies[f"find {object_id.hex()}"] = await reply_to(store.find(object_id.hex()[:12]))
            if kind == "commit":
                replies[f"history {object_id.hex()}"] = await reply_to(_past(store, object_id))
            replies[f"outline {object_id.hex()}"] = await reply_to(_outline(store, object_id))
        replies["installation"] = await reply_to(store.installation())
        replies["missing"] = await reply_to(_missing(store, listed))
    return replies


OBJECTS: list[tuple[ObjectId, str]] = []
"""What the object store of the installation holds."""


async def _past(store, tip: ObjectId) -> list[str]:
    """Return all ancestors of a tip, sorted, because more than one order is right."""
    return sorted(dated.raw.id.hex() for dated in await store.history([tip], 100))


async def _outline(store, object_id: ObjectId) -> object:
    return (await store.outlines([object_id]))[object_id]


async def _missing(store, ids: list[ObjectId]) -> list[str]:
    return sorted(each.hex() for each in await store.missing(ids))


async def ask_refs(folder: Path) -> Replies:
    async with open_refs(folder / "refs.sqlite3") as refs:
        keeper = RefKeeper(refs, MemoryObjects(), lambda objects, entries: None)
        replies: dict[str, object] = {
            "snapshot": await reply_to(_snapshot(keeper)),
            "since": await reply_to(keeper.since(refs.epoch, 0)),
            "where": await reply_to(keeper.where("ada")),
            "operations": await reply_to(keeper.operations(100)),
            "recovery": await reply_to(_recovery(refs)),
        }
        for zone in map(names.parse, ZONES):
            replies[f"zone {zone!r}"] = await reply_to(keeper.zone(zone, "ada"))
            replies[f"operations {zone!r}"] = await reply_to(keeper.operations(100, zone=zone))
            for ref in (ref_names.branch(zone, "main"), ref_names.marker(zone)):
                replies[f"reflog {ref.path()}"] = await reply_to(keeper.reflog(ref, 100))
                replies[f"back {ref.path()}"] = await reply_to(keeper.at(ref, Back(1)))
            replies[f"state {zone!r}"] = await reply_to(refs.state(ref_names.branch(zone, "main")))
        replies["undoable"] = await reply_to(keeper.operation("ada", None, redo=False))
        if DAMAGED_REFS in replies.values() or await _check(refs):
            return {**replies, "check": DAMAGED_REFS}
    return replies


DAMAGED_REFS = "corrupt"


async def _snapshot(keeper: RefKeeper) -> object:
    return msgspec.structs.replace(await keeper.snapshot(), start="")


async def _recovery(refs: SqlRefs) -> object:
    return msgspec.structs.replace(await refs.recovery(), doubted=[])


async def _check(refs: SqlRefs) -> list[str]:
    """Return the findings of the background check."""
    found = await refs.check_file()
    after, has_more = 0, True
    while has_more:
        page = await refs.check_log(after)
        found += page.damage
        after, has_more = page.last, page.has_more
    return found


async def ask_cache(folder: Path) -> Replies:
    replies: dict[str, object] = {}
    with structlog.testing.capture_logs() as logs:
        async with open_cache(folder, Scheduler()) as known:
            async for zone, branch, position, compiled, seen in known.load():
                rrsets = sorted(repr(held.rrset) for held in iter_rrsets(compiled.snapshot))
                values = (position, compiled.commit, compiled.tree, rrsets)
                replies[f"content {zone!r} {branch}"] = repr(values)
                replies[f"seen {zone!r} {branch}"] = seen
                chain = known.journal.find_deltas((zone, branch), compiled.commit, 7)
                replies[f"journal {zone!r}"] = repr(chain) if chain else DROPPED
                for serial in range(5, 12):
                    replies[f"base {zone!r} {serial}"] = known.lineage.is_base(zone, serial)
            replies["followed"] = repr(known.notes.followed)
            replies["answered"] = repr(known.notes.list_answered(None, None, 100))
    if any(each["event"] in ("last-known.dropped", "journal.dropped") for each in logs):
        replies["dropped"] = DROPPED
    return replies


DROPPED = "dropped"
REPORTED = {"corrupt", "invalid", "unavailable", "not-found", DROPPED}


def judge(kept: ServiceFiles, replies: Replies) -> str:
    """Return the outcome of a flip.

    Raises:
        AssertionError: a reply is wrong, and nothing was reported.
    """
    was_reported = any(
        isinstance(value, str) and value in REPORTED and kept.replies.get(key) != value
        for key, value in replies.items()
    )
    wrong = {
        key: value
        for key, value in kept.replies.items()
        if replies.get(key) != value and replies.get(key) not in REPORTED
    }
    # An object and a zone in a cache are right or missing, even after another report.
    certain = {key for key in wrong if key.startswith(("get ", "content ")) and key in replies}
    assert was_reported or not wrong, wrong
    assert not certain, {key: replies[key] for key in certain}
    if not wrong and not was_reported:
        return "harmless"
    return "reported"


async def write_installation(url: str, folder: Path) -> None:
    """Write the files of two stores and of a resolver's cache, and end all processes."""
    async with (
        open_in_task(run_backend(url, folder)) as backend,
        run_resolver(url, folder) as running,
    ):
        for zone in ZONES:
            await backend.commit(zone, HOSTS + f"www 300 A 192.0.2.{len(zone)}\n")
            await running.wait_for_text(f"NOERROR 192.0.2.{len(zone)}", f"www.{zone}")
            for octet in (201, 202):
                done = await backend.commit(zone, f"{HOSTS}www 300 A 192.0.2.{octet}\n")
                await running.wait_for_text(f"NOERROR 192.0.2.{octet}", f"www.{zone}")
        await backend.branch(ZONES[-1], "next", done.commit)
        there = await backend.commit(ZONES[-1], HOSTS, branch="next")
        await backend.merge(ZONES[-1], there.commit)
        await running.wait_for_text("NXDOMAIN", f"www.{ZONES[-1]}")
        await _point(backend)


async def _point(backend: Backend) -> None:
    """Set Ada's HEAD, and no other actor's."""
    zone = names.parse("foo.com.")
    branch = ref_names.branch(zone, "main")
    await backend.repo.objects.put([encode(Symref(branch.path()))])
    head = ref_names.own_head("ada")
    await backend.repo.refs.point(head, branch, Origin("ada", "switch", "5" * 32))


@asynccontextmanager
async def flip_bit(kept: ServiceFiles, number: int, scratch: Path) -> AsyncIterator[str]:
    """Copy the files, flip one bit, and yield a description of the flip."""
    chance = random.Random(number)
    files = kept.files()
    sizes = [(kept.folder / path).stat().st_size for path in files]
    (path,) = chance.choices(files, sizes)
    shutil.rmtree(scratch, ignore_errors=True)
    shutil.copytree(kept.folder, scratch)
    octets = bytearray((scratch / path).read_bytes())
    at, bit = chance.randrange(len(octets)), chance.randrange(8)
    octets[at] ^= 1 << bit
    (scratch / path).write_bytes(octets)
    yield f"flip {number}: {path}, octet {at}, bit {bit}"


@pytest_asyncio.fixture
async def all_kept(tmp_path: Path) -> dict[str, ServiceFiles]:
    """Return the files of each service with its replies before any damage."""
    folder = tmp_path / "whole"
    folder.mkdir()
    with nats_server() as url:
        await write_installation(url, folder)
    async with open_objects(folder / "objects.sqlite3") as store:
        OBJECTS[:] = await store.list_page()
    parts = {}
    for name, files, ask in (
        ("objects", "objects.sqlite3", ask_objects),
        ("refs", "refs.sqlite3", ask_refs),
    ):
        (tmp_path / name).mkdir()
        shutil.copy(folder / files, tmp_path / name / files)
        parts[name] = (tmp_path / name, ask)
    parts["cache"] = (folder / "resolvers" / "r", ask_cache)
    found = {}
    for name, (where, ask) in parts.items():
        shutil.copytree(where, tmp_path / "scratch")
        found[name] = ServiceFiles(where, ask, await ask(tmp_path / "scratch"))
        shutil.rmtree(tmp_path / "scratch")
    return found


async def test_a_flipped_bit_is_harmless_healed_or_reported(
    all_kept: dict[str, ServiceFiles], tmp_path: Path
) -> None:
    outcomes: Counter[tuple[str, str]] = Counter()
    failures = []
    for number in range(FLIPS):
        name = ("objects", "refs", "cache")[number % 3]
        kept = all_kept[name]
        async with flip_bit(kept, number, tmp_path / "scratch") as flip:
            try:
                outcome = judge(kept, await kept.ask(tmp_path / "scratch"))
            except ZonegitError:
                outcome = "not opened"
            except AssertionError as error:
                failures.append((flip, str(error)[:2_000]))
                outcome = "wrong"
            except Exception as error:
                failures.append((flip, repr(error)))
                outcome = "exception"
        outcomes[name, outcome] += 1
    for (name, outcome), count in sorted(outcomes.items()):
        print(f"{name}: {count} {outcome}")
    assert not failures
    assert {name for name, outcome in outcomes if outcome != "harmless"} == set(all_kept)
