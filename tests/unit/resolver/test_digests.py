"""The digest of a branch equals that of its stored RRsets, after any writes."""

import sqlite3
from contextlib import closing
from sqlite3 import Connection

from hypothesis import given
from hypothesis import strategies as st

from zonegit.objects.codec import encode
from zonegit.objects.ids import compute_id
from zonegit.objects.model import Blob
from zonegit.store import digests
from zonegit.zone import names, rrtypes
from zonegit.zone.rrset import rdata_from_text, rrset
from zonegit_resolver.cache import sqlite
from zonegit_resolver.cache.sqlite import CachedRow, CachedTip, Write

FOO = names.parse("foo.com.")


def row(host: int, octet: int | None) -> CachedRow:
    """Return the row of a host's address; None for a deletion."""
    path = (b"h%d" % host,)
    if octet is None:
        return CachedRow(path, rrtypes.A, None)
    rdata = rdata_from_text(rrtypes.A, f"192.0.2.{octet}")
    value = rrset(names.below(FOO, path), rrtypes.A, 300, [rdata])
    return CachedRow(path, rrtypes.A, encode(Blob(value)))


ROWS = st.lists(st.builds(row, st.integers(0, 5), st.none() | st.integers(0, 3)), max_size=8)
KEYS = st.sampled_from([(FOO, "main"), (FOO, "next")])
WRITES = st.lists(st.tuples(KEYS, ROWS, st.sampled_from(["whole", "staged", "change", "gone"])))


@given(WRITES)
def test_the_digest_matches_the_stored_rows(
    steps: list[tuple[sqlite.CacheKey, list[CachedRow], str]],
) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for statement in sqlite.SCHEMA:
            connection.execute(statement)
        held: set[sqlite.CacheKey] = set()
        for number, (key, rows, how) in enumerate(steps):
            write = _write(connection, key, rows, how if key in held else "whole", number)
            sqlite.write_branches(connection, [write], lambda connection: None)
            held = held - {key} if write.tip is None else held | {key}
            assert {(tip.zone, tip.branch) for tip, _ in sqlite.read_tips(connection)} == held
            for tip, total in sqlite.read_tips(connection):
                branch = sqlite.read_branch(connection, tip, total)
                assert branch.total == digests.sum_hashes(
                    object_id for _, _, object_id, _ in branch.page
                )


def _write(
    connection: Connection, key: sqlite.CacheKey, rows: list[CachedRow], how: str, number: int
) -> Write:
    commit = compute_id("commit", b"%d" % number)
    tip = CachedTip(*key, commit, commit, "e", number, 1.5)
    if how == "gone":
        return Write(key, None)
    if how == "change":
        return Write(key, tip, rows, replaces=False)
    there = list({each.path: each for each in rows if each.blob is not None}.values())
    total = digests.sum_hashes(each.blob.id for each in there if each.blob is not None)
    if how == "whole":
        return Write(key, tip, there, total=total)
    free = sqlite.allocate_stage(connection)
    sqlite.add_rows(connection, FOO, free, there[:3])
    return Write(key, tip, there[3:], staged=free, total=total)
