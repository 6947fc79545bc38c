"""The file of TSIG keys: it is read as a whole, or refused with a line and without secrets."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.nameserver.message.tsig import TsigKey
from zonegit.zone import names
from zonegit_resolver.config import tsig_keys

SECRET = "c2VjcmV0IG9mIHR3byBob3N0cw=="
TEXT = f"""
// as tsig-keygen prints it
key "NS2.example.com" {{
\talgorithm hmac-sha256;
\tsecret "{SECRET}";
}};
# another
key other {{ secret "b3RoZXI="; algorithm HMAC-SHA512.; }}; /* and
more */
"""


def refusal(text: str) -> str:
    with pytest.raises(Invalid) as caught:
        tsig_keys.parse(text.encode(), "FILE")
    return caught.value.message


def test_keys_are_read_by_name() -> None:
    first, second = names.parse("ns2.example.com."), names.parse("other.")
    assert tsig_keys.parse(TEXT.encode(), "FILE") == {
        first: TsigKey(first, "hmac-sha256", b"secret of two hosts"),
        second: TsigKey(second, "hmac-sha512", b"other"),
    }


def test_an_empty_file_has_no_keys() -> None:
    assert tsig_keys.parse(b"\n# none\n", "FILE") == {}


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("key other", "kye other", 8, "expected key"),
        ("secret", "sceret", 5, "expected algorithm or secret"),
        ("hmac-sha256", "hmac-md5", 4, "unknown algorithm: expected hmac"),
        (SECRET, SECRET[:-1], 5, "invalid secret"),
        (SECRET, "", 5, "invalid secret"),
        (SECRET, SECRET[:-2] * 50, 5, "expected up to 1,024 characters"),
        (f'"{SECRET}"', SECRET + " twice", 5, "expected ;"),
        (f'"{SECRET}"', f'"{SECRET}', 5, "a string or a comment is not closed"),
        ("};", "}", 8, "expected ;"),
        ("more */", "more", 8, "a string or a comment is not closed"),
        ("key other", "key NS2.example.com.", 8, "ns2.example.com. is defined twice"),
        ("NS2.example", "a..b", 3, "expected a domain name"),
        ("NS2.example", "x" * 60 + "." + "y" * 60, 3, "more than 100 octets"),
        ("algorithm hmac-sha256;", "", 5, "ns2.example.com. has no algorithm"),
        ("algorithm hmac-sha256;", 'secret "eA==";', 5, "a second secret"),
        ("*/", "*/ key x {", 10, "expected algorithm or secret"),
    ],
)
def test_an_error_names_its_line_and_no_secret(
    before: str, after: str, line: int, said: str
) -> None:
    message = refusal(TEXT.replace(before, after, 1))
    assert message.startswith(f"FILE:{line}: ")
    assert said in message
    assert SECRET[:12] not in message


def test_a_file_is_bounded_in_size_and_in_keys() -> None:
    assert "is larger than 262,144 octets" in refusal("#" * 300_000)
    statement = 'key k{} {{ algorithm hmac-sha256; secret "eA=="; }};\n'
    many = "".join(statement.format(number) for number in range(1_001))
    assert refusal(many) == "FILE:1001: more than 1,000 keys"


def test_a_key_shows_its_secret_nowhere() -> None:
    key = TsigKey(names.parse("k."), "hmac-sha256", b"hidden")
    assert "hidden" not in f"{key} {key!r}"


def test_a_world_readable_file_is_detected(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(TEXT)
    path.chmod(0o640)
    assert not tsig_keys.is_exposed(path)
    path.chmod(0o644)
    assert tsig_keys.is_exposed(path)
    assert len(tsig_keys.read(path)) == 2


PIECES = st.sampled_from(
    ["key ", '"a"', "b ", "{", "}", ";", "algorithm ", "hmac-sha256", "secret ", '"eA=="', "\n",
     "#", "//", "/*", "*/", '"', " ", "\0", "\xff"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=40).map("".join))
def test_any_text_is_keys_or_is_refused_with_a_line_of_it(text: str) -> None:
    try:
        tsig_keys.parse(text.encode("latin-1"), "FILE")
    except Invalid as error:
        file, line, _ = error.message.split(":", 2)
        assert file == "FILE"
        assert 1 <= int(line) <= text.count("\n") + 1
