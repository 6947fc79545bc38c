"""The syntax of refishes, without a store."""

import re
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.strategies import zone_names
from zonegit.errors import Invalid
from zonegit.repo.refish import Refish, Step, parse_refish
from zonegit.store import ref_names
from zonegit.store.ref_log import Ago, At, Back, When
from zonegit.zone import names

FOO = names.parse("foo.com.")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("main", Refish(None, "main")),
        ("HEAD~3", Refish(None, "HEAD", (Step(1, 3),))),
        ("HEAD~", Refish(None, "HEAD", (Step(1),))),
        ("main^2", Refish(None, "main", (Step(2),))),
        ("main^^2~4", Refish(None, "main", (Step(1), Step(2), Step(1, 4)))),
        ("main^0", Refish(None, "main", (Step(0),))),
        ("HEAD^{tree}", Refish(None, "HEAD", (), tree=True)),
        ("HEAD~1^{tree}", Refish(None, "HEAD", (Step(1),), tree=True)),
        ("@{1}", Refish(None, "", when=Back(1))),
        ("main@{0}", Refish(None, "main", when=Back(0))),
        ("HEAD@{now}~2", Refish(None, "HEAD", (Step(1, 2),), when=Ago(0))),
        ("canary@{yesterday}^{tree}", Refish(None, "canary", (), tree=True, when=Ago(86_400))),
        ("foo.com.:@{10.minutes.ago}", Refish(FOO, "", when=Ago(600))),
        (
            "foo.com.:main@{2026-11-20T14:00Z}^",
            Refish(FOO, "main", (Step(1),), when=At(1_795_183_200)),
        ),
        (
            "foo.com./main@{2026-11-20 15:00+01:00}",
            Refish(
                None, "foo.com./main", ref=ref_names.branch(FOO, "main"), when=At(1_795_183_200)
            ),
        ),
        ("foo.com.:main", Refish(names.parse("foo.com."), "main")),
        ("foo.com:HEAD~1", Refish(names.parse("foo.com."), "HEAD", (Step(1),))),
        ("foo.com./main", Refish(None, "foo.com./main", ref=ref_names.branch(FOO, "main"))),
        (
            "refs/heads/foo.com./feat/x",
            Refish(None, "refs/heads/foo.com./feat/x", ref=ref_names.branch(FOO, "feat/x")),
        ),
        (
            "refs/tags/foo.com./v1^0",
            Refish(None, "refs/tags/foo.com./v1", (Step(0),), ref=ref_names.tag(FOO, "v1")),
        ),
    ],
)
def test_a_refish_is_parsed(text: str, wanted: Refish) -> None:
    assert parse_refish(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "",
        "~1",
        "^",
        "main~abc",
        "main~1abc",
        "main~-1",
        "main~\u0661",
        "main~1234567",
        "main^x",
        "main^3",
        "main^{blob}",
        "main^{tree}~1",
        "main@{}",
        "main@{1",
        "main@{-1}",
        "main@{1234567}",
        "main@{1}@{2}",
        "main~1@{1}",
        "main@{1}canary",
        "main@{tomorrow}",
        "main@{10.minutes}",
        "main@{10.fortnights.ago}",
        "main@{1969-12-31T23:59Z}",
        "main@{2026-13-01}",
        "bar.org.:foo.com./main@{1}",
        "..@{1}",
        "two words",
        "a..b",
        "foo.com.:",
        ":main",
        "bar.org.:foo.com./main",
        "refs/zonegit/zones/foo.com./x",
        "x" * 201,
    ],
)
def test_an_invalid_refish_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        parse_refish(text)


def written(refish: Refish) -> str:
    """Return a refish as text with every number."""
    zone = f"{names.text(refish.zone)}:" if refish.zone is not None else ""
    steps = "".join(f"~{s.times}" if s.parent == 1 else f"^{s.parent}" for s in refish.steps)
    return zone + refish.base + _when(refish.when) + steps + ("^{tree}" if refish.tree else "")


def _when(stood: When | None) -> str:
    match stood:
        case None:
            return ""
        case Ago(seconds):
            return f"@{{{seconds}.seconds.ago}}"
        case At(time):
            return f"@{{{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}}}"
        case Back(moves):
            return f"@{{{moves}}}"


LIKELY = st.text("main~^0129:./{tre}HEADfabc@{} -\\", max_size=30)
_PIECES = "HEAD main ~ ^ 1 ^2 ~0 foo.com. : / refs/ heads/ tags/ ^{tree} v1 0123abcd @{1} . .."
PARTS = st.lists(st.sampled_from(_PIECES.split()), max_size=8).map("".join)


@given(st.text(max_size=60) | LIKELY | PARTS)
def test_any_text_is_parsed_completely_or_refused(text: str) -> None:
    try:
        refish = parse_refish(text)
    except Invalid:
        return
    again = written(refish)
    assert parse_refish(again) == refish
    said = re.sub(r"~(?!\d)", "~1", text)
    said = re.sub(r"\^(?![\d{])", "~1", said)
    said = re.sub(r"\^1", "~1", said)
    said = re.sub(r"(~|@\{)0*(?=\d)", r"\1", said)
    assert said.rpartition(":")[2] == again.rpartition(":")[2]
    assert (":" in said) == (refish.zone is not None)


_words = st.sampled_from(["HEAD", "main", "v1.0", "0123abcd", "foo.com./feat/x", "caf\u00e9"])
_steps = st.builds(Step, st.just(1), st.integers(0, 999_999)) | st.sampled_from([Step(0), Step(2)])


_times = st.integers(0, 2**32)
_whens = (
    st.none()
    | st.integers(0, 999_999_999).map(Ago)
    | _times.map(At)
    | st.integers(0, 999_999).map(Back)
)


@given(st.none() | zone_names, _words, st.lists(_steps, max_size=4), st.booleans(), _whens)
def test_a_written_refish_parses_to_the_same(
    zone: names.Name | None, base: str, steps: list[Step], tree: bool, stood: When | None
) -> None:
    wanted = Refish(zone if "./" not in base else None, base, tuple(steps), tree, None, stood)
    found = parse_refish(written(wanted))
    assert msgspec.structs.replace(found, ref=None) == wanted
