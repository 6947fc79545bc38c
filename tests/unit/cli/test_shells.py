"""A completion for bash means the name itself, whatever characters it has."""

import shutil
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zonegit_cli import shells

PRINTABLE = st.text(
    st.one_of(
        st.sampled_from("`$(){}[]<>|&;!#~*?'\"\\^,=.@:-ab"),
        st.characters(min_codepoint=0x21, exclude_categories=("C", "Z")),
    ),
    min_size=1,
    max_size=12,
)


def read_by_bash(arguments: list[str]) -> list[str]:
    """Return what bash makes of the arguments of a command."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("needs bash")
    script = "".join(f"printf '%s\\n' {argument}\n" for argument in arguments)
    said = subprocess.run(
        [bash, "--norc", "-c", script], env={"LANG": "C.UTF-8", "HOME": "/home"},
        capture_output=True, check=True,
    )  # fmt: skip
    assert said.stderr == b""
    return said.stdout.decode().splitlines()


@given(st.lists(PRINTABLE, min_size=1, max_size=20))
@example(["a`{touch,x}`", "$(touch x)", "~", "{a,b}", "*", "x,", "~root"])
def test_bash_reads_a_completion_as_the_name(words: list[str]) -> None:
    for quote in ("", "'", '"'):
        offered = [
            (word, quote + quoted + quote)
            for word in words
            if (quoted := shells.quote_for_bash(word, quote)) is not None
        ]
        assert read_by_bash([argument for _, argument in offered]) == [word for word, _ in offered]
        if quote == "":
            assert len(offered) == len(words)


@pytest.mark.parametrize("typed", [None, "$'a", "main..'a", "a$(", "a`", '"a$(', '"`a', "''a"])
@pytest.mark.parametrize("word", ["a`b", "a'b", 'a"b', "a$b", "a\\b", "a;b"])
def test_within_unsupported_quotes_only_plain_names_are_offered(
    word: str, typed: str | None
) -> None:
    assert shells.quote_for_bash(word, typed) is None
    assert shells.quote_for_bash("main-1.2", typed) == "main-1.2"


def test_a_word_that_was_escaped_manually_is_completed() -> None:
    assert shells.quote_for_bash("a`b", "a\\`") == "a\\`b"
    assert shells.quote_for_bash("i!b", '"i') is None
    assert shells.quote_for_bash("i!b", "'i") == "i!b"
