"""Draw random values of DNS and of the object model with Hypothesis."""

from functools import cache

from hypothesis import strategies as st

from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import (
    Blob,
    Commit,
    Doc,
    Identity,
    Index,
    IndexRow,
    Symref,
    Tag,
    Tree,
    rrset_key,
    subtree_key,
)
from zonegit.zone import names, rdata, rrtypes
from zonegit.zone.rrset import MAX_TTL, rrset

labels = st.one_of(
    st.text("abcxyz019-_*", min_size=1, max_size=8).map(str.encode),
    st.binary(min_size=1, max_size=12),
    st.binary(min_size=63, max_size=63),
).map(bytes.lower)
"""Any octets; dots, escapes and all."""

paths = st.lists(labels, max_size=3).map(tuple)
zone_names = st.lists(labels, max_size=3).map(names.join)

APEX = names.parse("foo.com.")
owners = paths.map(lambda path: names.below(APEX, path))

storable_types = st.one_of(
    st.sampled_from(sorted(rrtypes.MNEMONICS)),
    st.integers(1, 65_535).filter(rrtypes.can_be_stored),
)
ttls = st.integers(0, MAX_TTL)

_strings = st.binary(max_size=40).map(lambda octets: bytes((len(octets),)) + octets)
_wire_names = st.lists(st.binary(min_size=1, max_size=12), max_size=3).map(
    lambda parts: b"".join(bytes((len(part),)) + part for part in parts) + b"\0"
)
_fields = st.one_of(
    st.binary(max_size=30), st.just(b"\0\0"), st.just(b"\0\1"), _strings, _wire_names
)
rdata_like = st.lists(_fields, max_size=5).map(b"".join)


def well_formed(rdtype: int, octets: bytes) -> bytes | None:
    """Return RDATA as it is stored; None if the octets are not valid for the type."""
    try:
        rdata.check(rdtype, octets)
    except ValueError:
        return None
    return octets


@st.composite
def rdatas_of(draw: st.DrawFn, rdtype: int) -> bytes:
    """Draw RDATA of this type; return a fixed one if no draw is valid."""
    for _ in range(8):
        found = well_formed(rdtype, draw(rdata_like))
        if found is not None:
            return found
    return plain(rdtype)


@cache
def plain(rdtype: int) -> bytes:
    """Return zeros as RDATA of this type, or a sample if zeros are not valid."""
    if rdtype in _SAMPLES:
        return _SAMPLES[rdtype]
    return next(
        found for size in range(65) if (found := well_formed(rdtype, bytes(size))) is not None
    )


_SAMPLES = {
    rrtypes.DS: b"\0\1\x08\2" + bytes(32),
    rrtypes.NUMBERS["TA"]: b"\0\1\x08\2" + bytes(32),
    rrtypes.NUMBERS["DLV"]: b"\0\1\x08\2" + bytes(32),
    rrtypes.NUMBERS["NSEC3"]: b"\1\0\0\0\0\x14" + bytes(20),
    rrtypes.NUMBERS["ZONEMD"]: b"\0\0\0\1\1\1" + bytes(48),
    rrtypes.NUMBERS["GPOS"]: b"\x06-32.68\x07116.865\x0410.0",
    rrtypes.NUMBERS["LOC"]: b"\0\x33\x13\x12" + b"\x80\0\0\0" * 2 + b"\0\x98\x96\x80",
    rrtypes.NUMBERS["CAA"]: b"\0\5issueca.example",
}


@st.composite
def rrsets(draw: st.DrawFn, owner: st.SearchStrategy[names.Name] = owners) -> object:
    """Draw RRsets with well-formed RDATA."""
    rdtype = draw(storable_types)
    single = rdtype in (rrtypes.SOA, rrtypes.CNAME, rrtypes.DNAME)
    count = draw(st.integers(1, 1 if single else 3))
    rdatas = [draw(rdatas_of(rdtype)) for _ in range(count)]
    return rrset(draw(owner), rdtype, draw(ttls), rdatas)


ids = st.binary(min_size=32, max_size=32).map(ObjectId)
commit_ids = ids.map(CommitId)
keys = st.one_of(labels.map(subtree_key), storable_types.map(rrset_key))
trees = st.dictionaries(keys, ids, min_size=1, max_size=20).map(
    lambda entries: Tree(dict(sorted(entries.items())))
)


@st.composite
def indexes(draw: st.DrawFn) -> Index:
    """Draw inner nodes of a wide tree; their statements about the nodes below are made up."""
    found = sorted(draw(st.sets(keys, min_size=1, max_size=20)))
    rows = (IndexRow(key, draw(st.integers(0, (1 << 32) - 1)), draw(ids)) for key in found)
    return Index(draw(st.integers(1, 8)), tuple(rows))


_characters = st.characters(exclude_categories=["Cs"])
_names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<>\n"), max_size=20)
identities = st.builds(
    Identity,
    _names,
    _names,
    st.integers(0, 10**12),
    st.from_regex(r"[+-][0-9]{4}", fullmatch=True),
)
_lines = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=30)
messages = st.text(_characters, max_size=60).map(lambda text: text.rstrip("\n"))
_base64 = st.from_regex(r"[A-Za-z0-9+/]{8}", fullmatch=True)

commits = st.builds(
    Commit,
    ids,
    st.lists(commit_ids, max_size=2).map(tuple),
    identities,
    identities,
    messages,
    st.none() | _lines,
    st.none() | _base64,
)
tags = st.builds(Tag, commit_ids, _lines, identities, messages, st.none() | _base64)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 63), (1 << 64) - 1) | _lines | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_lines, inner, max_size=3),
    max_leaves=8,
)
docs = st.dictionaries(_lines, _values, max_size=5).map(Doc)
symrefs = st.text(_characters, min_size=1, max_size=100).map(Symref)
objects = st.one_of(rrsets().map(Blob), trees, indexes(), commits, tags, docs, symrefs)
