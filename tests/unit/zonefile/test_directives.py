"""``$ORIGIN``, ``$INCLUDE`` and ``$GENERATE``: their effect, and their bounds."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.zone import names, rrtypes
from zonegit.zone.names import parse
from zonegit.zone.rrset import rdata_to_text
from zonegit.zonefile import generate, reader
from zonegit.zonefile.includes import Includes

APEX = parse("foo.com.")
SOA = "@ 300 IN SOA ns1 admin 1 7200 3600 1209600 300\n"


def read(text: str, include: reader.Opener | None = None):
    return reader.read((SOA + text).encode(), APEX, source="db/foo", include=include)


def records(found: reader.ZoneFile) -> list[str]:
    """Return owner, type and RDATA of all records except the SOA, in the order of the file."""
    return [
        f"{names.text(owner)} {rrtypes.to_text(rdtype)} {rdata_to_text(rdtype, rdata)}"
        for (owner, rdtype), value in found.rrsets.items()
        if rdtype != rrtypes.SOA
        for rdata in value.rdatas
    ]


# $ORIGIN


def test_an_origin_completes_owners_and_names_in_rdata():
    found = read("$ORIGIN sub\nwww CNAME api\n$ORIGIN deep\n@ NS ns\n$origin foo.com.\nx NS y\n")
    assert records(found) == [
        "www.sub.foo.com. CNAME api.sub.foo.com.",
        "deep.sub.foo.com. NS ns.deep.sub.foo.com.",
        "x.foo.com. NS y.foo.com.",
    ]


def test_an_origin_may_be_outside_the_zone_as_long_as_no_owner_is():
    found = read("$ORIGIN example.\nwww.foo.com. CNAME cdn\n")
    assert records(found) == ["www.foo.com. CNAME cdn.example."]


# $INCLUDE


def files(**content: str) -> reader.Opener:
    """Open files from a dict; an underscore in a keyword stands for a dot."""

    def opener(includer: str, path: str) -> tuple[str, bytes]:
        try:
            return f"{includer}>{path}", content[path.replace(".", "_")].encode()
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory", path) from None

    return opener


def test_an_included_file_has_an_origin_of_its_own_and_the_including_one_keeps_its_origin():
    """RFC 1035 section 5.1."""
    include = files(hosts="www A 192.0.2.1\n$ORIGIN deeper\nftp A 192.0.2.2\n")
    found = read("ns1 A 192.0.2.9\n$INCLUDE hosts sub\n  TXT mine\nlast A 192.0.2.3\n", include)
    assert sorted(records(found)) == [
        "ftp.deeper.sub.foo.com. A 192.0.2.2",
        "last.foo.com. A 192.0.2.3",
        "ns1.foo.com. A 192.0.2.9",
        'ns1.foo.com. TXT "mine"',
        "www.sub.foo.com. A 192.0.2.1",
    ]


def test_without_an_origin_the_current_one_applies():
    found = read("$ORIGIN sub\n$INCLUDE hosts\n", files(hosts="www A 192.0.2.1\n"))
    assert records(found) == ["www.sub.foo.com. A 192.0.2.1"]


def test_a_ttl_directive_of_an_included_file_remains_in_effect():
    found = read("$INCLUDE ttl\nwww A 192.0.2.1\n", files(ttl="$TTL 77\n"))
    assert found.rrsets[parse("www", APEX), rrtypes.A].ttl == 77


def test_a_path_may_be_quoted_and_escaped():
    include = files(**{"my file": "www A 192.0.2.1\n"})
    for written in ('"my file"', r"my\ file", r"my\032file"):
        assert records(read(f"$INCLUDE {written}\n", include)) == ["www.foo.com. A 192.0.2.1"]


def test_an_error_in_an_included_file_names_that_file_and_its_line():
    with pytest.raises(
        Invalid, match=r"^db/foo>inner>innermost:2: this line of an incl"
    ) as failure:
        read("$INCLUDE inner\n", files(inner="$INCLUDE innermost\n", innermost="\na X 1\n"))
    assert "zonegit lint" in str(failure.value.hint)


def test_a_file_that_cannot_be_opened_is_named_where_it_is_included():
    with pytest.raises(Invalid, match=r"^db/foo:2: cannot include gone: No such file") as failure:
        read("$INCLUDE gone\n", files())
    assert failure.value.hint


@pytest.mark.parametrize("path", ["a\\000b", "\\999", "\udc80".encode("utf-8", "replace").decode()])
def test_an_impossible_path_is_refused(path):
    with pytest.raises(Invalid, match=r"^db/foo:2: cannot include"):
        read(f"$INCLUDE {path}\n", Includes(reader.MAX_OCTETS))


def test_a_file_that_includes_itself_is_stopped_and_named():
    with pytest.raises(Invalid, match=r"me:1: \$INCLUDE is nested more than 16 deep"):
        read("$INCLUDE me\n", files(me="$INCLUDE me\n"))


def test_the_number_of_included_files_is_bounded():
    with pytest.raises(Invalid, match=r"^db/foo:1002: more than 1000 files are included"):
        read("$INCLUDE none\n" * 1_001, files(none=""))


def test_the_octets_of_all_files_together_are_bounded(monkeypatch):
    monkeypatch.setattr(reader, "MAX_OCTETS", 10_000)
    with pytest.raises(Invalid, match=r"big:1: more than 10000 octets"):
        read("$INCLUDE big\n" * 4, files(big=";" * 3_000))


def test_files_are_opened_in_the_folder_of_the_including_file(tmp_path: Path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "top").write_text(SOA + "$INCLUDE sub/hosts\n")
    (tmp_path / "sub" / "hosts").write_text("$INCLUDE more\n")
    (tmp_path / "sub" / "more").write_text("www A 192.0.2.1\n")
    top = tmp_path / "top"
    found = reader.read(
        top.read_bytes(), APEX, source=str(top), include=Includes(reader.MAX_OCTETS)
    )
    assert records(found) == ["www.foo.com. A 192.0.2.1"]
    monkeypatch.chdir(tmp_path)
    piped = reader.read(top.read_bytes(), APEX, include=Includes(reader.MAX_OCTETS))
    assert records(piped) == records(found)


def test_a_folder_or_device_is_not_included(tmp_path: Path):
    for path in (str(tmp_path), "/dev/zero"):
        with pytest.raises(Invalid, match=r"is not a regular file|Is a directory"):
            read(f"$INCLUDE {path}\n", Includes(reader.MAX_OCTETS, [tmp_path, Path("/dev")]))


@pytest.mark.parametrize("path", ["../secret", "/etc/passwd", "link", "sub/../../secret"])
def test_a_file_outside_of_the_folder_is_not_included(tmp_path: Path, path: str):
    folder = tmp_path / "zones"
    (folder / "sub").mkdir(parents=True)
    (tmp_path / "secret").write_text("www A 192.0.2.1\n")
    (folder / "link").symlink_to(tmp_path / "secret")
    top = str(folder / "top")
    with pytest.raises(Invalid, match="lies outside of the folder") as failure:
        reader.read(f"$INCLUDE {path}\n".encode(), APEX, source=top, include=Includes(1_000))
    assert "ZONEGIT_INCLUDE_FOLDERS" in str(failure.value.hint)
    if path != "/etc/passwd":
        text = f"{SOA}$INCLUDE {path}\n".encode()
        allowed = Includes(1_000, [tmp_path])
        found = reader.read(text, APEX, source=top, include=allowed)
        assert records(found) == ["www.foo.com. A 192.0.2.1"]


def test_an_included_file_may_include_files_below_the_folder_of_the_first(tmp_path: Path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "inner").write_text("$INCLUDE ../common\n")
    (tmp_path / "common").write_text("www A 192.0.2.1\n")
    text = f"{SOA}$INCLUDE sub/inner\n".encode()
    found = reader.read(text, APEX, source=str(tmp_path / "top"), include=Includes(1_000))
    assert records(found) == ["www.foo.com. A 192.0.2.1"]


@pytest.mark.parametrize(
    "text", ["root:x:0:0:secret", "secret A 1", "a secret 1", 'a TXT "secret" 3 "', "$secret 1"]
)
def test_errors_do_not_quote_an_included_file(text: str):
    with pytest.raises(Invalid, match=r"^db/foo>inner:1: ") as failure:
        read("$INCLUDE inner\n", files(inner=f"{text}\n"))
    assert "secret" not in failure.value.message + str(failure.value.hint)
    assert "root" not in failure.value.message
    left_out = []
    with suppress(Invalid):
        octets = f"{SOA}$INCLUDE inner\n".encode()
        include = files(inner=f"{text}\n")
        reader.read(octets, APEX, source="db/foo", include=include, skip=left_out.append)
    assert not any("secret" in each.reason for each in left_out)


def test_a_file_beyond_the_bound_is_not_read_completely(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(reader, "MAX_OCTETS", 1_000)
    (tmp_path / "big").write_bytes(b";" * 5_000)
    with pytest.raises(Invalid, match="more than 1000 octets"):
        Includes(1_000)(str(tmp_path / "top"), "big")


# $GENERATE


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            "1-3 host$ A 10.0.0.$",
            [f"host{n}.foo.com. A 10.0.0.{n}" for n in (1, 2, 3)],
        ),
        (
            "0-4/2 h${10} 60 IN A 10.0.0.${1,0,d}",
            [f"h{n + 10}.foo.com. A 10.0.0.{n + 1}" for n in (0, 2, 4)],
        ),
        ("9-9 h${0,3} CNAME x${-4,2,d}.", ["h009.foo.com. CNAME x05."]),
        ("255-255 h${0,4,x}-${0,4,X}-${0,4,o} CNAME x.", ["h00ff-00ff-0377.foo.com. CNAME x."]),
        ("30-30 a\\$b CNAME $$.", [r"a\$b.foo.com. CNAME \$."]),
        ('1-1 $ MX "10 mail$"', ["1.foo.com. MX 10 mail1.foo.com."]),
        ("1-1 $ MX 10 mail$", ["1.foo.com. MX 10 mail1.foo.com."]),
        ('1-1 t TXT "\\"a $\\" b"', ['t.foo.com. TXT "a 1" "b"']),
        ('1-1 t TXT "a $" b', ['t.foo.com. TXT "a 1" "b"']),
        (
            "1-1 $.0.0.10.in-addr.arpa.foo.com. PTR h$",
            ["1.0.0.10.in-addr.arpa.foo.com. PTR h1.foo.com."],
        ),
        ("75-75 ${0,7,n}.ip6 PTR x.", ["b.4.0.0.ip6.foo.com. PTR x."]),
        ("75-75 ${0,8,N}ip6 PTR x.", ["b.4.0.0.ip6.foo.com. PTR x."]),
        ("4660-4660 ${0,0,n} PTR x.", ["4.3.2.1.foo.com. PTR x."]),
        ("0-0 ${0,0,n} PTR x.", ["0.foo.com. PTR x."]),
    ],
)
def test_generate_creates_the_records_that_bind_creates(line, expected):
    assert records(read(f"$GENERATE {line}\n")) == expected


def test_the_owner_of_the_last_generated_record_remains_in_effect():
    assert records(read("$GENERATE 1-2 h$ A 10.0.0.$\n  TXT t\n"))[-1] == 'h2.foo.com. TXT "t"'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("1 h$ A 10.0.0.$", "1 is not a range"),
        ("2-1 h$ A 10.0.0.$", "2-1 is not a range"),
        ("1-2/0 h$ A 10.0.0.$", "1-2/0 is not a range"),
        ("-1-2 h$ A 10.0.0.$", "-1-2 is not a range"),
        ("1-99999999999 h$ A 10.0.0.$", "is not a range"),
        ("1-4294967296 h$ A 10.0.0.$", "is not a range"),
        ("0-1048576 h$ A 10.0.0.1", "$GENERATE makes more than 1048576 records"),
        ("1-2 h${} A 10.0.0.1", "a ${ in $GENERATE is malformed"),
        ("1-2 h${1,2,z} A 10.0.0.1", "a ${ in $GENERATE is malformed"),
        ("1-2 h${1 A 10.0.0.1", "a ${ in $GENERATE is malformed"),
        ("1-2 h${-2} A 10.0.0.1", "$GENERATE counts to -1"),
        ("1-2 h${0,128,d} A 10.0.0.1", "a width of 128 in $GENERATE is more than 127"),
        ("250-260 h$ A 10.0.0.$", "h256.foo.com. A: '10.0.0.256' is not RDATA"),
        ('"1-2" h$ A 10.0.0.1', "is quoted"),
        ('1-2 h$ MX "10 (mail"', "a parenthesis is not closed"),
        ("1-2 h$ SOA a b 1 2 3 4 5", "is not at the apex"),
        ("1-2 h$.bar. A 10.0.0.1", "h1.bar. is not within the zone"),
        ("1-2 h$ CH A 10.0.0.1", "class CH is not served"),
    ],
)
def test_a_generate_line_that_makes_no_sense_is_refused(line, message):
    with pytest.raises(Invalid) as failure:
        read(f"$GENERATE {line}\n")
    assert failure.value.message.startswith("db/foo:2: ")
    assert message in failure.value.message


def test_the_records_of_all_generate_lines_are_bounded_together(monkeypatch):
    monkeypatch.setattr(reader, "MAX_GENERATED", 100)
    with pytest.raises(Invalid, match=r"^db/foo:3: \$GENERATE makes more than 100 records"):
        read("$GENERATE 1-60 a$ A 10.0.0.1\n$GENERATE 1-60 b$ A 10.0.0.1\n")


def test_the_octets_of_generated_records_are_bounded(monkeypatch):
    monkeypatch.setattr(reader, "MAX_OCTETS", 100_000)
    with pytest.raises(Invalid, match="more than 100000 octets"):
        read(f"$GENERATE 1-1000 a$ TXT {'x' * 200}\n")


def test_all_records_together_are_bounded(monkeypatch):
    monkeypatch.setattr(reader, "MAX_RECORDS", 100)
    with pytest.raises(Invalid, match=r"^db/foo:2: more than 100 records"):
        read("$GENERATE 1-200 a$ A 10.0.0.1\n")


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(1, 50))
def test_a_range_counts_both_ends(start, length, step):
    found = generate.parse_range(f"{start}-{start + length}/{step}")
    assert list(found) == [n for n in range(start, start + length + 1) if (n - start) % step == 0]


@given(st.integers(0, 2**31 - 1), st.integers(0, 40))
def test_reversed_nibbles_are_the_number(number, width):
    text = generate.expand(f"${{0,{width},n}}", number)
    assert int(text.replace(".", "")[::-1], 16) == number
    assert len(text) >= width
