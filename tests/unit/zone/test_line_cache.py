"""Cached lines of a master file mean the same at each occurrence, and the cache is bounded."""

from hypothesis import given, settings
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zone.line_cache import MAX_LINE, LineCache, LineRecord
from zonegit.zone.rrtypes import TXT, A
from zonegit.zonefile import reader
from zonegit.zonefile.builder import ZoneFile

ZONE = names.parse("foo.com.")
HEAD = "$TTL 300\n@ IN SOA ns1 admin 1 7200 3600 1209600 3600\n"
LINES = st.lists(
    st.sampled_from(
        [
            "$TTL 60", "$TTL 1h", "$ORIGIN sub", "$ORIGIN foo.com.", "$ORIGIN bar.org.",
            "www A 192.0.2.1", "www 7 A 192.0.2.1", "www IN 9 A 192.0.2.2 ; nine", "@ MX 10 mail",
            "  A 192.0.2.3", "  8 TXT a", "\tMX 10 mail", "mail.foo.com. A 192.0.2.4",
            "out.bar.org. A 192.0.2.5", "alias CNAME www", "alias A 192.0.2.6", "www A 192.0.2.256",
            'text TXT "a ; b" c', "long TXT ( a", "b )", "", "; nothing", '"www" A 192.0.2.1',
            "$GENERATE 1-2 h$ A 192.0.2.$", "one ( A 192.0.2.7 )", "  ( A", "192.0.2.8 )",
        ]
    ),
    max_size=12,
)  # fmt: skip


def outcome(text: str, cache: LineCache | None, *, lenient: bool = False) -> object:
    """Return all results of reading a file."""
    skipped: list[object] = []
    try:
        found = reader.read(
            text.encode(), ZONE, cache=cache, skip=skipped.append if lenient else None
        )
    except Invalid as error:
        return error.message, error.hint, skipped
    assert isinstance(found, ZoneFile)
    return found, skipped


@settings(max_examples=500)
@given(st.lists(LINES, max_size=4), st.booleans())
def test_a_file_means_the_same_after_any_other_files(files, lenient):
    cache = LineCache()
    for lines in files:
        text = HEAD + "\n".join(lines) + "\n"
        assert outcome(text, cache, lenient=lenient) == outcome(text, None, lenient=lenient)


def test_a_line_is_cached_only_for_its_own_origin():
    cache = LineCache()
    text = f"{HEAD}$ORIGIN a.foo.com.\nwww A 192.0.2.1\n$ORIGIN b.foo.com.\nwww A 192.0.2.1\n"
    found = reader.read(text.encode(), ZONE, cache=cache)
    assert {names.text(owner) for owner, rdtype in found.rrsets if rdtype == A} == {
        "www.a.foo.com.",
        "www.b.foo.com.",
    }


def test_a_cached_line_has_the_current_ttl_and_owner():
    cache = LineCache()
    first = "$TTL 1\n@ SOA ns1 admin 1 2 3 4 5\na TXT x\n TXT y\n"
    second = "$TTL 2\n@ SOA ns1 admin 1 2 3 4 5\nb TXT z\n TXT y\n"
    reader.read(first.encode(), ZONE, cache=cache)
    found = reader.read(second.encode(), ZONE, cache=cache).rrsets
    b = found[names.parse("b.foo.com."), TXT]
    assert (b.ttl, len(b.rdatas)) == (2, 2)


def test_an_error_among_cached_lines_names_its_own_line():
    cache = LineCache()
    reader.read((HEAD + "www A 192.0.2.1\n").encode(), ZONE, cache=cache)
    said = outcome(HEAD + "\nwww CNAME x\nwww A 192.0.2.1\n", cache)
    assert said == outcome(HEAD + "\nwww CNAME x\nwww A 192.0.2.1\n", None)
    assert str(said[0]).startswith("-:5:")


def test_a_full_cache_is_cleared():
    cache = LineCache(max_octets=1_000)
    said = LineRecord(ZONE, TXT, None, b"\1a")
    for number in range(10):
        cache.add(ZONE, b"%d" % number, said)
    assert cache.get(ZONE, b"0") is None
    assert cache.get(ZONE, b"9") == said


def test_a_long_line_is_not_cached():
    cache = LineCache()
    cache.add(ZONE, b"x" * (MAX_LINE + 1), LineRecord(ZONE, TXT, None, b"\1a"))
    assert cache.get(ZONE, b"x" * (MAX_LINE + 1)) is None
