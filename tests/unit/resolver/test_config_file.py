"""The file with the settings of each zone: it is read as a whole, or refused with a line."""

import re
from dataclasses import replace
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zonegit.errors import Invalid
from zonegit.nameserver import acl
from zonegit.nameserver.acl import Access, Address, Secondary
from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.zone import names
from zonegit_resolver.config import config_file, serving
from zonegit_resolver.config.config_file import PlanFile
from zonegit_resolver.config.serving import Serving, ServingPlan

FLAGS = {"branch": "main", "canary-salt": "flag"}
DOCS = Path(__file__).parents[3] / "docs"


def read(text: str, **flags: str) -> ServingPlan:
    words = {key.replace("_", "-"): value for key, value in flags.items()}
    return config_file.parse(dedent(text).encode(), "FILE", FLAGS | words)


def of(plan: ServingPlan, zone: str) -> Serving | None:
    """Return how a zone is served, without the source of its canary."""
    found = plan.get(names.parse(zone))
    return replace(found, source=None) if found is not None else None


def refusal(text: str | bytes) -> Invalid:
    octets = text if isinstance(text, bytes) else dedent(text).encode()
    with pytest.raises(Invalid) as caught:
        config_file.parse(octets, "FILE", FLAGS)
    return caught.value


def test_an_empty_file_leaves_all_options_in_effect() -> None:
    assert read("") == ServingPlan(Serving("main"))
    assert of(read("", canary="next:5"), "x.") == Serving("main", Canary("next", 5, "flag"))
    only = frozenset([names.parse("a.")])
    assert config_file.parse(b"", "FILE", FLAGS, only) == ServingPlan(Serving(), only=only)


def test_a_zone_overrides_the_file_and_the_file_overrides_options() -> None:
    plan = read(
        """
        branch = "stable"
        canary = "next:10"

        [zone."EXAMPLE.com"]
        branch = "main"

        [zone."other.org."]
        canary-salt = "own"

        [zone.plain]
        canary = "next:50"
        """,
        branch="flagged",
    )
    assert of(plan, "any.thing.") == Serving("stable", Canary("next", 10, "flag"))
    assert of(plan, "example.com.") == Serving("main", Canary("next", 10, "flag"))
    assert of(plan, "other.org.") == Serving("stable", Canary("next", 10, "own"))
    assert of(plan, "plain.") == Serving("stable", Canary("next", 50, "flag"))


def test_a_pin_replaces_an_inherited_canary_and_a_canary_an_inherited_pin() -> None:
    pinned = read('canary = "next:10"\n[zone.a]\nat = "v1"')
    assert of(pinned, "a.") == Serving("main", None, "v1")
    split = read('[zone.a]\ncanary = "next:10"', at="v1")
    assert of(split, "a.") == Serving("main", Canary("next", 10, "flag"))
    assert of(split, "b.") == Serving("main", None, "v1")


def test_an_empty_text_switches_an_inherited_setting_off() -> None:
    plan = read('[zone.a]\ncanary = ""\n[zone.b]\nat = ""', canary="next:10")
    assert of(plan, "a.") == Serving()
    assert of(read('[zone.b]\nat = ""', at="v1"), "b.") == Serving()


def test_only_the_zones_that_are_named_are_served() -> None:
    plan = read('only = ["a", "B."]\n[zone.b]\nbranch = "x"', branch="main")
    assert (of(plan, "a."), of(plan, "b."), of(plan, "c.")) == (Serving(), Serving("x"), None)


def test_a_file_may_have_tables_of_zones_that_the_host_does_not_serve() -> None:
    """The flag --zone is given, and there are tables of other zones."""
    only = frozenset([names.parse("a.")])
    plan = config_file.parse(b'[zone.a]\nbranch = "x"\n[zone.b]\nbranch = "y"', "F", FLAGS, only)
    assert (of(plan, "a."), of(plan, "b.")) == (Serving("x"), None)


def test_access_lists_and_secondaries_are_set_for_all_zones_and_for_one(tmp_path: Path) -> None:
    (tmp_path / "k.key").write_text('key "K." { algorithm hmac-sha256; secret "c2VjcmV0"; };')
    path = tmp_path / "resolver.toml"
    path.write_text(
        """
        keys = "k.key"
        allow-query = "192.0.2.0/24 2001:db8::/32"
        notify = "192.0.2.1:53 key:k [2001:db8::1]:5353"
        [zone.a]
        allow-query = ""
        allow-transfer = "key:k"
        notify = ""
        """
    )
    found = PlanFile(path, FLAGS).read()
    key = names.parse("k.")
    open_zone, closed_zone = of(found, "a."), of(found, "b.")
    assert open_zone is not None
    assert closed_zone is not None
    assert open_zone.query_from is None
    assert open_zone.transfer_to == Access(keys=frozenset([key]))
    assert open_zone.notify == ()
    assert closed_zone.query_from is not None
    assert closed_zone.query_from.allows("192.0.2.9", None)
    assert closed_zone.query_from.allows("::ffff:192.0.2.9", None)
    assert not closed_zone.query_from.allows("2001:db9::", None)
    assert closed_zone.transfer_to.allows("127.0.0.1", None)
    assert closed_zone.notify == (
        Secondary(Address("192.0.2.1", 53), key),
        Secondary(Address("2001:db8::1", 5353)),
    )
    assert found.server_options.keys[key].secret == b"secret"


def test_the_top_of_the_file_has_the_options_of_the_server() -> None:
    found = read(
        """
        nsid = "0x6e7331"
        server-version = "nine"
        max-udp-size = "1400"
        minimal-responses = "yes"
        max-tcp-per-subnet = "10"
        """,
        identity="flag",
    )
    assert found.server_options == ServerOptions(1400, True, b"ns1", "nine", "flag", {}, 2_500, 10)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('\nbranhc = "x"', 2, "'branhc' is not a setting"),
        ('[zone.a]\n\n# why\nbranhc = "x"', 4, "'branhc' is not a setting"),
        ("branch = 5", 1, "branch must be a string"),
        ("[zone.a]\nat = 1979-05-27", 2, "at must be a string"),
        ('\nbranch = "a..b"', 2, "a..b"),
        ('[zone.a]\nbranch = ""', 2, "branch"),
        ('canary = "half"', 1, "is not <branch>:<percent>"),
        ('canary = "x:101"', 1, "is not <branch>:<percent>"),
        ('\n\nat = "main~abc"', 3, "main~abc"),
        ('[zone."a..b"]', 1, "is not a domain name"),
        ('[zone.ok]\n[zone.""]', 2, "is not a domain name"),
        ('[zone.a]\nat = "v1"\ncanary = "next:5"', 3, "mutually exclusive"),
        ('[zone.a]\nbranch = "x"\ncanary = "x:5"', 3, "is the branch that is served by default"),
        ('canary = "x:5"\n\n[zone.a]\nbranch = "x"', 3, "is the branch that is served by default"),
        ('[zone.a]\n[zone."A."]', 2, "a. has two tables"),
        ("[zone.a]\n[zone.a]", 2, "invalid TOML: Cannot declare"),
        ('branch = "x"\nbranch = "y"', 2, "invalid TOML: Cannot overwrite"),
        ('only = "a"', 1, "must be a list of zones"),
        ("only = [1]", 1, "must be a list of zones"),
        ("only = []", 1, "only is empty"),
        ('\nonly = [\n  "a", # ]\n  "A.",\n]', 2, "lists a. twice"),
        ('only = [\n"a"\n]\n[zone.b]', 4, "b. is not served"),
        ('zone = "a"', 1, "must be a table of zones"),
        ('[[zone]]\nname = "a"', 1, "must be a table of zones"),
        ('[zone]\na = "x"', 2, "not a table of a zone"),
        ('[zone.a]\nbranch = """\nx\n"""\nat = 1', 5, "at must be a string"),
        ('zone.a.branch = "x"\nzone.a.at = false', 2, "at must be a string"),
        ("branch = ", 1, "invalid TOML"),
        ('\n\nbranch = "x', 3, "invalid TOML"),
        ("x = " + "[\n" * 3_000, 17, "nested too deeply"),
        ("[zone.a]\nat = '''v\n" + "~\n" * 2_000 + "'''", 2, "at has more than 1,024"),
        (b'\n\nbranch = "\xff"', 3, "not valid UTF-8"),
        (b'\nbranch = "\0"', 2, "invalid TOML"),
        ("\n" + "#" * 5_000, 2, "the line has more than 4,096"),
        ("#\n" * (1 << 20), 524_289, "is larger than 1,048,576 octets"),
        ('\nallow-query = "192.0.2.1/24"', 2, "invalid network"),
        ('[zone.a]\nallow-transfer = "::1 key:k"', 2, "there is no key k."),
        ('notify = "192.0.2.1"', 1, "invalid address"),
        ('notify = "key:k 192.0.2.1:53"', 1, "key:k must come after an address"),
        ('\nkeys = "nowhere.key"', 2, "cannot read nowhere.key"),
        ('nsid = "0xabc"', 1, "is not hexadecimal"),
        ('max-udp-size = "511"', 1, "is not a number from 512 to 4,096"),
        ('minimal-responses = "1"', 1, "neither yes nor no"),
        (f'identity = "{"é" * 128}"', 1, "longer than 255 octets"),
        ('[zone.a]\nnsid = "x"', 2, "'nsid' is not a setting"),
    ],
)
def test_an_error_names_its_line(text: str | bytes, line: int, said: str) -> None:
    message = refusal(text).message
    assert message.startswith(f"FILE:{line}: ")
    assert said in message


def test_an_unquoted_zone_name_has_a_hint() -> None:
    refused = refusal('[zone.example.com]\nbranch = "x"')
    assert refused.message.startswith("FILE:1: ")
    assert refused.hint == 'quote the name of the zone: [zone."example.com"]'


def test_an_unknown_setting_lists_the_known_ones() -> None:
    of_zones = "branch, canary, canary-salt, at, allow-query, allow-transfer, notify"
    of_the_server = "keys, nsid, identity, server-version, minimal-responses, max-udp-size"
    of_connections = "max-tcp, max-tcp-per-subnet, max-transfers"
    assert refusal("x = 1").hint == (
        f"settings here: {of_zones}, {of_the_server}, {of_connections}, only, zone"
    )
    assert refusal("[zone.a]\nonly = 1").hint == f"settings here: {of_zones}"


def test_a_key_that_is_written_with_escapes_is_found() -> None:
    """Only the parser knows which text is a key."""
    assert refusal('[zone]\n"\\u0061" = 1').message.startswith("FILE:2: ")
    assert refusal("\n  [ zone . 'a' ]  # why\n\"at\"=1").message.startswith("FILE:3: ")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.toml"):
        with pytest.raises(Invalid, match=f"cannot read {path}"):
            PlanFile(path, FLAGS).read()


PIECES = st.sampled_from(
    ["[zone.", "[", "]", '"', "'", '"""', "'''", "\\", "=", "{", "}", ",", "#", "\n", "\r", ".",
     "only", "zone", "branch", "at", "canary", "main", "a", "x:5", "v1~2", "1", " ", "\0", "é"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=60).map("".join))
def test_any_text_is_a_plan_or_is_refused_with_a_line_of_it(text: str) -> None:
    try:
        config_file.parse(text.encode(), "FILE", FLAGS)
    except Invalid as error:
        file, line, _ = error.message.split(":", 2)
        assert file == "FILE"
        assert 1 <= int(line) <= text.count("\n") + 1


@given(st.lists(st.sampled_from(["", "# c", '[zone."b.c"]', "[zone.d]"]), max_size=8, unique=True))
def test_an_error_is_at_the_line_where_it_was_put(above: list[str]) -> None:
    text = "\n".join([*above, "[zone.wrong]", "", "at = 5", ""])
    assert refusal(text).message.startswith(f"FILE:{len(above) + 3}: ")


def test_the_example_of_the_documentation_matches_its_comments() -> None:
    path = DOCS / "resolver.toml"
    found = PlanFile(path, FLAGS).read()
    salt = "2026-spring"
    assert of(found, "example.org.") == Serving("main", Canary("next", 10, salt))
    assert of(found, "example.com.") == Serving("main", Canary("next", 50, salt))
    assert of(found, "example.net.") == Serving("stable")
    inside = Access((acl.parse_network("192.0.2.0/24"), acl.parse_network("2001:db8::/32")))
    assert of(found, "2.0.192.in-addr.arpa.") == Serving("main", None, "v1~2", inside)
    assert found.server_options == ServerOptions(
        nsid=b"ns1.example.com", identity="ns1.example.com"
    )
    assert of(found, "example.edu.") is None


def test_every_key_of_the_file_is_documented() -> None:
    page = (DOCS / "configuration.md").read_text().partition("#### The file of `--config`\n")[2]
    documented = set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE))
    assert documented == {
        *serving.ZONE_SETTINGS,
        *serving.SERVER_SETTINGS,
        config_file.ONLY,
        config_file.ZONE,
    }
