"""Tips that a ref may have: a resolver can load every tip that passes the rules."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from tests.support.counting_store import CountingStore
from tests.support.earlier_release import accept_any_tip
from tests.support.forge import Forge, entry, label

from zonegit.errors import Invalid, ZonegitError
from zonegit.nameserver.zone.snapshot import empty_snapshot
from zonegit.objects.ids import ObjectId
from zonegit.safety import judgement, tips
from zonegit.safety.reader import MoveReader
from zonegit.store import ref_names
from zonegit.store.memory import MemoryObjects
from zonegit.store.ref_log import Origin
from zonegit.store.refs import Absent, Anything, Exactly
from zonegit.zone import names
from zonegit_refs.keeper import RefKeeper
from zonegit_refs.sql.refs import open_refs
from zonegit_resolver.follow.loader import Loader
from zonegit_resolver.follow.node_cache import NodeCache
from zonegit_resolver.scheduling import Scheduler

FOO = names.parse("foo.com.")
MAIN = ref_names.branch(FOO, "main")
OTHER = ref_names.branch(FOO, "other")

LABELS = ["a", "b", "*"]
MNEMONICS = ["A", "CNAME", "NS", "DNAME", "SOA", "DS", "TXT", "TYPE1", "TYPE9999", "FOO"]
RDATAS = [
    bytes(4), b"\1\2\3", b"\1a\0", b"\1b\0", b"\1x", b"", b"\0\1\x08\2" + bytes(32),
    b"\0\0" + bytes(20),
]  # fmt: skip
OWNERS = ["@", "a", "b", "*", "a.a", "b.a", "elsewhere."]


def origin(*, force: bool = False) -> Origin:
    return Origin("ada", "test", secrets.token_hex(16), force, reason="a test" if force else None)


@st.composite
def blobs(draw: st.DrawFn, forge: Forge, owner: str, mnemonic: str) -> ObjectId:
    """Draw an RRset that mostly matches its place."""
    known = [each for each in MNEMONICS if each != "FOO"]
    held = owner if draw(st.integers(0, 9)) else draw(st.sampled_from(OWNERS))
    rdtype = (
        mnemonic if draw(st.integers(0, 9)) and mnemonic in known else draw(st.sampled_from(known))
    )
    usual = {
        "A": bytes(4), "CNAME": b"\1a\0", "NS": b"\1b\0", "DNAME": b"\1b\0", "TXT": b"\1x",
        "SOA": b"\0\0" + bytes(20), "DS": b"\0\1\x08\2" + bytes(32), "TYPE1": bytes(4),
    }  # fmt: skip
    rdatas = (
        [usual.get(rdtype, b"x")]
        if draw(st.integers(0, 9))
        else draw(st.lists(st.sampled_from(RDATAS), min_size=1, max_size=2, unique=True))
    )
    return forge.blob(held, rdtype, *rdatas)


@st.composite
def trees_of(draw: st.DrawFn, forge: Forge, owner: str, depth: int) -> ObjectId:
    """Draw a tree of a name: roughly a zone's."""
    entries: dict[bytes, ObjectId] = {}
    for name in draw(st.lists(st.sampled_from(LABELS), max_size=2, unique=True)) if depth else ():
        below = name if owner == "@" else f"{name}.{owner}"
        entries[label(name)] = draw(trees_of(forge, below, depth - 1))
    mnemonics = st.sampled_from(["A", "TXT", *MNEMONICS])
    for mnemonic in draw(st.lists(mnemonics, min_size=not entries, max_size=2, unique=True)):
        entries[entry(mnemonic)] = draw(blobs(forge, owner, mnemonic))
    made = [raw.id for raw in forge.objects if raw.kind == "tree"]
    if made and not draw(st.integers(0, 15)):
        entries[label("z")] = draw(st.sampled_from(made))
    if owner == "@":
        entries[entry("SOA")] = forge.soa(draw(st.integers(1, 9)))
    return forge.tree(entries)


async def load(objects: MemoryObjects, commit: ObjectId) -> None:
    loader = Loader(NodeCache(objects), Scheduler())
    await loader.load(commit, empty_snapshot(FOO), None)


@settings(max_examples=400, suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_a_resolver_loads_every_tip_that_refs_accepts(
    data: st.DataObject, tmp_path_factory
) -> None:
    """The tips build on each other, so most of each was accepted before."""

    async def run(commits: list[ObjectId], forge: Forge, path: Path) -> None:
        objects = MemoryObjects()
        objects.put_unchecked(forge.objects)  # Refs must judge them for any content of the store.
        async with open_refs(path / "refs.sqlite3") as tables:
            keeper = RefKeeper(tables, objects, lambda *_: None)
            await keeper.register(FOO, origin())
            for commit in commits:
                try:
                    await keeper.move(MAIN, Anything(), commit, origin(force=True))
                except ZonegitError as error:
                    event(type(error).__name__)
                    continue
                event("accepted")
                await load(objects, commit)

    forge = Forge(FOO)
    commits = [
        forge.commit(data.draw(trees_of(forge, "@", 2)))
        for _ in range(data.draw(st.integers(1, 3)))
    ]
    asyncio.run(run(commits, forge, tmp_path_factory.mktemp("refs")))


# what was accepted before


class TipHarness:
    """A ref store with objects that an earlier release stored, and a tip that it accepted."""

    def __init__(self, keeper: RefKeeper, objects: MemoryObjects) -> None:
        self.keeper = keeper
        self.objects = objects
        self.forge = Forge(FOO)
        self.tip: ObjectId | None = None

    def tree(self, serial: int, hosts: Mapping[str, Mapping[str, ObjectId]]) -> ObjectId:
        """Return a zone with these hosts."""
        below = {
            label(name): self.forge.tree({entry(each): blob for each, blob in rrsets.items()})
            for name, rrsets in hosts.items()
        }
        return self.forge.apex(serial, below)

    async def move(
        self, tree: ObjectId, *parents: ObjectId, ref: ref_names.RefName = MAIN
    ) -> ObjectId:
        """Commit a tree and move a branch there."""
        commit = self.forge.commit(tree, parents)
        self.objects.put_unchecked(self.forge.objects)
        tip = Exactly(self.tip) if self.tip is not None and ref == MAIN else Absent()
        await self.keeper.move(ref, tip, commit, origin(force=True))
        if ref == MAIN:
            self.tip = commit
        return commit


@pytest_asyncio.fixture
async def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TipHarness]:
    async with open_refs(tmp_path / "refs.sqlite3") as tables:
        made = TipHarness(RefKeeper(tables, MemoryObjects(), lambda *_: None), MemoryObjects())
        made.keeper = RefKeeper(tables, made.objects, lambda *_: None)
        await made.keeper.register(FOO, origin())
        yield made


@pytest.fixture
def old(harness: TipHarness) -> dict[str, dict[str, ObjectId]]:
    """Return RRsets that an earlier release accepted: an A of three octets, and a CNAME next to an
    A."""
    forge = harness.forge
    return {
        "short": {"A": forge.blob("short", "A", b"\1\2\3")},
        "both": {
            "A": forge.blob("both", "A", bytes(4)),
            "CNAME": forge.text("both", "CNAME", "www"),
        },
    }


async def accept(harness: TipHarness, tree: ObjectId, *parents: ObjectId) -> ObjectId:
    """Move main as an earlier release did, without a check of the tip."""
    with accept_any_tip():
        return await harness.move(tree, *parents)


async def test_an_accepted_flaw_stays_while_other_records_change(harness: TipHarness, old) -> None:
    first = await accept(harness, harness.tree(1, old))
    www = {"www": {"A": harness.forge.text("www", "A", "192.0.2.1")}}
    with capture_logs() as logs:
        await harness.move(harness.tree(2, {**old, **www}), first)
    assert logs == []
    more = {**old["short"], "TXT": harness.forge.text("short", "TXT", "more")}
    await harness.move(harness.tree(3, {**old, **www, "short": more}), first)


async def test_an_accepted_flaw_may_not_become_worse(harness: TipHarness, old) -> None:
    first = await accept(harness, harness.tree(1, old))
    both = {**old["both"], "TXT": harness.forge.text("both", "TXT", "more")}
    with pytest.raises(Invalid, match=r"a CNAME and other data \(A, TXT\)"):
        await harness.move(harness.tree(2, {**old, "both": both}), first)
    short = {"A": harness.forge.blob("short", "A", b"\1\2\4")}
    with pytest.raises(Invalid, match=r"short.foo.com. A: RDATA"):
        await harness.move(harness.tree(2, {**old, "short": short}), first)


async def test_a_new_zone_may_not_have_a_flaw(harness: TipHarness, old) -> None:
    with pytest.raises(Invalid, match="cannot be moved to this commit"):
        await harness.move(harness.tree(1, old))


async def test_a_reset_to_an_accepted_flaw_is_accepted_with_a_warning(
    harness: TipHarness, old
) -> None:
    """The new commit has the records of an earlier one of the branch."""
    first = await accept(harness, harness.tree(1, old))
    mended = await harness.move(harness.tree(2, {}), first)
    with capture_logs() as logs:
        await harness.move(harness.tree(3, old), first)
    (warning,) = logs
    assert warning["event"] == "tip.admitted-again"
    assert warning["log_level"] == "warning"
    assert any("RDATA" in flaw for flaw in warning["flaws"])
    assert any("CNAME" in flaw for flaw in warning["flaws"])
    with capture_logs() as logs:
        await harness.keeper.move(MAIN, Anything(), mended, origin(force=True))
        await harness.keeper.move(MAIN, Anything(), first, origin(force=True))
    assert [each["event"] for each in logs] == ["tip.admitted-again"]


async def test_another_branch_may_start_from_an_accepted_flaw_or_merge_it(
    harness: TipHarness, old
) -> None:
    first = await accept(harness, harness.tree(1, old))
    await harness.keeper.move(OTHER, Absent(), first, origin())
    await harness.keeper.move(ref_names.tag(FOO, "v1"), Absent(), first, origin())
    third = ref_names.branch(FOO, "third")
    text = harness.forge.text("www", "TXT", "new")
    await harness.move(harness.tree(2, {**old, "www": {"TXT": text}}), first, ref=third)
    mended = await harness.move(harness.tree(3, {}), first)
    await harness.move(harness.tree(4, old), mended, first)


async def test_a_flaw_is_refused_on_a_branch_that_never_had_it(harness: TipHarness, old) -> None:
    await accept(harness, harness.tree(1, old))
    mended = await harness.move(harness.tree(2, {}))
    with pytest.raises(Invalid, match="cannot be moved to this commit"):
        await harness.move(harness.tree(3, old), mended)


async def test_a_tip_after_an_unreadable_tree_is_checked(
    harness: TipHarness,
) -> None:
    """An earlier release accepted a tree with one type twice."""
    forge = harness.forge
    twice = forge.raw("tree", b"\1\2" + b"\1\1A" + bytes(32) + b"\1\5TYPE1" + bytes(32))
    first = await accept(harness, forge.apex(1, {label("x"): twice}))
    www = forge.tree({entry("A"): forge.text("www", "A", "192.0.2.1")})
    await harness.move(forge.apex(2, {label("x"): twice, label("www"): www}), first)
    mended = await harness.move(forge.apex(3, {label("www"): www}), first)
    bad = forge.tree({entry("A"): forge.text("y", "A", "192.0.2.1")})
    with pytest.raises(Invalid, match=r"in place of www\.foo\.com\. A"):
        await harness.move(forge.apex(4, {label("www"): bad}), mended)


async def test_a_change_of_one_record_reads_only_sent_objects() -> None:
    """This holds for a zone of any size."""
    forge = Forge(FOO)
    below = {
        label(f"h{n:04}"): forge.tree({entry("A"): forge.text(f"h{n:04}", "A", "192.0.2.1")})
        for n in range(500)
    }
    before = forge.commit(forge.apex(1, below))
    old = len(forge.objects)
    changed = forge.tree({entry("A"): forge.text("h0250", "A", "192.0.2.2")})
    after = forge.commit(forge.apex(2, {**below, label("h0250"): changed}), [before])
    store = CountingStore()
    await store.put(forge.objects)
    by_id = {raw.id: raw for raw in forge.objects}
    roots = {raw.id for raw in forge.objects[old - 2 : old]}
    seen = {raw.id for raw in forge.objects[old:]} | roots | {below[label("h0250")]}
    reading = MoveReader(store, {each: by_id[each] for each in seen})
    candidate = await judgement.read_candidate(reading, MAIN, after)
    assert await tips.check_tip(reading, MAIN, candidate, before, _never) == []
    assert store.asked == 0


async def _never(commits: object) -> list[ObjectId]:
    raise AssertionError("nothing depends on it")
