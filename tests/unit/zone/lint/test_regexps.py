"""Valid and invalid substitution expressions of NAPTR."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.zone.lint import regexps


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!^.*$!sip:customer-service@example.com!",
        "!^.*$!http://example.com/cidres.cgi?x=\\1!".replace("\\1", ""),
        "/urn:cid:.+@([^\\.]+\\.)(.*)$/\\2/i",
        "!^(\\+44)(.*)$!sip:\\1\\2@example.com!",
        "![]a]!b!",
        "![^]a]!b!",
        "![[:digit:]-]+!b!",
        "!a{2,3}b{4}c{5,}!b!",
        "!a{!b!",
        "!a\\!b!c!",
        "!(a|b)*?!c!".replace("*?", "*"),
        "!()!b!",
        "!a!!",
    ],
)
def test_a_well_formed_regexp_is_accepted(text: str) -> None:
    regexps.check_substitution(text.encode())


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("!a!", "2 delimiters"),
        ("!a!b!c", "flag"),
        ("!a!b!i!", "4 delimiters"),
        ("!a!b!I", "flag"),
        ("1a1b1", "delimiter is '1'"),
        ("iaibi", "delimiter is 'i'"),
        ("\\a\\b\\", "delimiter"),
        ("!(a!b!", "parentheses"),
        ("!a)!b!", "parentheses"),
        ("![a!b!", "is incomplete"),
        ("!*a!b!", "misplaced"),
        ("!a**!b!", "misplaced"),
        ("!a{2,1}!b!", "misplaced"),
        ("!a|!b!", "empty alternative"),
        ("!a||b!c!", "empty alternative"),
        ("!!b!", "empty"),
        ("!(a)!\\2!", "group 2 of 1"),
        ("!a!\\0!", "group 0"),
    ],
)
def test_a_malformed_regexp_is_refused(text: str, why: str) -> None:
    with pytest.raises(Invalid, match=why):
        regexps.check_substitution(text.encode())


@given(st.binary(max_size=255))
def test_any_octets_are_accepted_or_refused(text: bytes) -> None:
    with suppress(Invalid):
        regexps.check_substitution(text)
