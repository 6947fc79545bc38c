"""Diffs as Markdown: hostile records stay inside the code block, and the length is bounded."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.objects.ids import CommitId
from zonegit.repo.commit.diff import RRsetDelta
from zonegit.repo.commit.drafts import CommitBase
from zonegit.repo.inspect.compare import Comparison
from zonegit.zone import names, rrtypes
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rrset
from zonegit_cli.render import markdown

ZONE = names.parse("example.com.")
HOSTILE = (
    b"```", b"`" * 250, b"~~~", b"\n```\n", b"\r\n~~~~\r\n# heading", b"@everyone", b"<script>",
    b"</code></pre>", b"![x](http://192.0.2.1/)", b"\xe2\x80\xa8```\xe2\x80\xa8", b"\x1b[31m",
    b"--- ```",
)  # fmt: skip


def txt(owner: Name, *strings: bytes) -> RRset:
    rdata = [b"%c%b" % (len(each), each) for each in strings]
    return rrset(owner, rrtypes.from_text("TXT"), 300, dict.fromkeys(rdata))


def comparison(*new: RRset, old: tuple[RRset, ...] = (), zone: Name = ZONE) -> Comparison:
    deltas = [RRsetDelta(each.owner, each.rdtype, each, None) for each in old]
    deltas += [RRsetDelta(each.owner, each.rdtype, None, each) for each in new]
    base = CommitBase(CommitId(b"\x01" * 32)), CommitBase(CommitId(b"\x02" * 32))
    return Comparison(zone, *base, deltas)


def split(lines: list[str]) -> tuple[list[str], list[str]]:
    """Return the lines outside and inside the code block, by CommonMark 0.31 section 4.5."""
    outside: list[str] = []
    inside: list[str] = []
    fence = ""
    for line in "\n".join(lines).split("\n"):
        opening = re.match(r"(`{3,})diff$", line)
        closing = re.fullmatch(r" {0,3}(`+)[ \t]*", line)
        if not fence and opening:
            fence = opening[1]
        elif fence and closing and len(closing[1]) >= len(fence):
            fence = ""
        else:
            (inside if fence else outside).append(line)
    assert fence == ""
    return outside, inside


labels = st.one_of(
    st.sampled_from([each[:63] for each in HOSTILE]), st.binary(min_size=1, max_size=63)
)
strings = st.one_of(st.sampled_from(HOSTILE), st.binary(max_size=255))


@given(label=labels, text=st.lists(strings, min_size=1, max_size=5, unique=True), apex=labels)
def test_records_stay_inside_the_code_block(label: bytes, text: list[bytes], apex: bytes) -> None:
    zone = names.join([apex])
    owner = names.join([label, apex])
    lines = markdown.format_diff(comparison(txt(owner, *text), zone=zone))
    assert all(re.fullmatch("[ -~]*", line) for line in lines)
    outside, inside = split(lines)
    assert len(inside) == 1 + len(text)
    assert all(line.startswith("+ ") for line in inside[1:])
    assert len(outside) == 2
    head, _, counts = outside[0].rpartition("**: ")
    assert counts == f"0 records removed, {len(text)} added"
    ticks = re.match(r"\*\*1 changed RRset of (`+)[^`]", head)
    assert ticks is not None
    assert len(ticks[1]) > max(map(len, re.findall("`+", names.text(zone))), default=0)


@given(label=labels, text=st.lists(strings, min_size=1, max_size=5, unique=True), apex=labels)
def test_a_parser_of_commonmark_finds_no_markup(
    label: bytes, text: list[bytes], apex: bytes
) -> None:
    parser: Any = pytest.importorskip("markdown_it").MarkdownIt("commonmark")
    zone = names.join([apex])
    found = comparison(txt(names.join([label, apex]), *text), zone=zone)
    tokens = parser.parse("\n".join(markdown.format_diff(found)))
    assert [each.type for each in tokens] == [
        "paragraph_open",
        "inline",
        "paragraph_close",
        "fence",
    ]
    inline = [each.type for each in tokens[1].children if each.content or each.type != "text"]
    assert inline == ["strong_open", "text", "code_inline", "strong_close", "text"]


def test_the_comment_is_as_documented() -> None:
    www = names.parse("www.example.com.")
    assert markdown.format_diff(comparison(txt(www, b"b"), old=(txt(www, b"a"),))) == [
        "**2 changed RRsets of `example.com.`**: 1 record removed, 1 added",
        "",
        "```diff",
        "diff example.com. 010101010101..020202020202 (serial None -> None)",
        '- www.example.com. 300 IN TXT "a"',
        '+ www.example.com. 300 IN TXT "b"',
        "```",
    ]


def test_no_difference_is_said() -> None:
    assert markdown.format_diff(comparison()) == ["**No record of `example.com.` differs.**"]


def test_the_length_is_bounded_and_cut_records_are_counted() -> None:
    many = [names.parse(f"h{number}.example.com.") for number in range(3_000)]
    found = comparison(
        *(txt(each, b"new") for each in many), old=tuple(txt(each, b"old") for each in many)
    )
    lines = markdown.format_diff(found)
    assert len("\n".join(lines)) < 65_536
    _, inside = split(lines)
    assert sum(len(line) + 1 for line in inside) <= markdown.MAX_CHARACTERS
    removed, added = (sum(line[0] == sign for line in inside[1:]) for sign in "-+")
    assert removed + added < 6_000
    counts = f"{3_000 - removed:,} removed and {3_000 - added:,} added records"
    assert lines[-1].startswith(f"**Not shown: {counts}.**")
    assert "3000 records removed, 3000 added" in lines[0]


def test_a_long_record_is_cut_and_its_rest_counted() -> None:
    rdata = b"".join(b"\xff" + b"x" * 255 for _ in range(200))
    value = rrset(ZONE, rrtypes.from_text("TXT"), 300, {rdata: None})
    _, inside = split(markdown.format_diff(comparison(value)))
    assert len(inside[1]) < markdown.MAX_LINE + 40
    assert re.search(r"\.\.\. \([0-9,]+ more characters\)$", inside[1])
