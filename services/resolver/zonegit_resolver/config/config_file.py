"""Read the configuration file (``--config``): TOML with the settings of zones and of the server.

The file is accepted or refused as a whole. An error names the line.
"""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from zonegit.errors import Invalid
from zonegit.files import open_file
from zonegit.nameserver.answer.server_options import ServerOptions
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver.config import serving, tsig_keys
from zonegit_resolver.config.serving import Serving, ServingPlan, ZoneSettings

MAX_OCTETS: Final = 1 << 20
MAX_LINE_CHARACTERS: Final = 4_096
MAX_DEPTH: Final = 16
"""The bracket depth beyond which a line is reported after the parser failed on nested values."""

ONLY: Final = "only"
ZONE: Final = "zone"
QUOTE_HINT: Final = 'quote the name of the zone: [zone."example.com"]'

_TOKEN: Final = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"{3,5}|\Z)'
    r"|'''.*?(?:'{3,5}|\Z)"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'"
    r"|\#[^\n]*|[\[{]|[\]}]|\n",
    re.DOTALL,
)
"""Matches the tokens that decide where a statement ends: strings, comments, brackets, line ends."""
_LINE: Final = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")

KeyPath = tuple[str, ...]
"""The keys that lead to a value, from the top of the file."""


@dataclass(frozen=True, slots=True)
class PlanFile:
    """A configuration file, and the options that apply where it has no setting.

    ``is_optional`` means that a missing file is one without settings.
    """

    path: Path
    flags: ZoneSettings
    only: frozenset[Name] = frozenset()
    is_optional: bool = False

    def read(self) -> ServingPlan:
        """Read the file.

        Raises:
            Invalid: It cannot be read, or has an error; the message names the line.
        """
        try:
            with open_file(self.path) as file:
                octets = file.read(MAX_OCTETS + 1)
        except FileNotFoundError as error:
            if not self.is_optional:
                raise Invalid(f"cannot read {self.path}: {error.strerror}") from error
            octets = b""
        except OSError as error:
            raise Invalid(f"cannot read {self.path}: {error.strerror}") from error
        return parse(octets, str(self.path), self.flags, self.only)


def parse(
    octets: bytes, file: str, flags: ZoneSettings, only: frozenset[Name] = frozenset()
) -> ServingPlan:
    """Parse the content of a configuration file, and read its file of keys.

    Args:
        octets: The content.
        file: The path of the file; a relative path of the keys is relative to its folder.
        flags: Settings that apply where the file has none.
        only: Zones that are served if the file does not list any.

    Raises:
        Invalid: It has an error; the message begins with ``FILE:LINE:``.
    """
    document = _Document(file, octets)
    top = {key: value for key, value in document.content.items() if key not in (ONLY, ZONE)}
    defaults = serving.merge_settings(flags, _check_settings(document, (), top))
    keys_file = Path(file).parent / defaults[serving.KEYS] if defaults.get(serving.KEYS) else None
    server_options = _read_server_options(document, defaults, keys_file)
    default = _read_serving(document, (), defaults, server_options.keys)
    named = _read_only(document)
    zones: dict[Name, Serving] = {}
    for text, table in _zone_tables(document):
        place = (ZONE, text)
        zone = _read_name(document, place, text)
        if zone in zones:
            raise document.make_error(place, f"{names.text(zone)} has two tables")
        if named and zone not in named:
            message = f"{names.text(zone)} is not served: {ONLY} does not list it"
            raise document.make_error(place, message)
        zones[zone] = _read_serving(
            document,
            place,
            serving.merge_settings(defaults, _check_settings(document, place, table)),
            server_options.keys,
        )
    return ServingPlan(default, zones, named or only, server_options, keys_file)


def _zone_tables(document: "_Document") -> Iterator[tuple[str, dict[str, Any]]]:
    tables = document.content.get(ZONE, {})
    if not isinstance(tables, dict):
        raise document.make_error((ZONE,), f"{ZONE} must be a table of zones", hint=QUOTE_HINT)
    for text, table in tables.items():
        if not isinstance(table, dict):
            raise document.make_error(
                (ZONE, text), f"{text!r} is not a table of a zone", hint=QUOTE_HINT
            )
        yield text, table


def _check_settings(document: "_Document", keys: KeyPath, table: Mapping[str, Any]) -> ZoneSettings:
    """Return the settings of a table, after a check that all are known and text."""
    settings = serving.ZONE_SETTINGS if keys else (*serving.ZONE_SETTINGS, *serving.SERVER_SETTINGS)
    for key, value in table.items():
        if key not in settings:
            known = ", ".join(settings if keys else (*settings, ONLY, ZONE))
            hint = QUOTE_HINT if keys and isinstance(value, dict) else f"settings here: {known}"
            raise document.make_error((*keys, key), f"{key!r} is not a setting", hint=hint)
        if not isinstance(value, str):
            raise document.make_error(
                (*keys, key), f"{key} must be a string", hint=f'{key} = "..."'
            )
    return table


def _read_only(document: "_Document") -> frozenset[Name]:
    listed = document.content.get(ONLY)
    if listed is None:
        return frozenset()
    if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
        hint = f'{ONLY} = ["example.com"]'
        raise document.make_error((ONLY,), f"{ONLY} must be a list of zones", hint=hint)
    if not listed:
        hint = "remove it to serve all zones"
        raise document.make_error((ONLY,), f"{ONLY} is empty", hint=hint)
    found: set[Name] = set()
    for text in listed:
        zone = _read_name(document, (ONLY,), text)
        if zone in found:
            raise document.make_error((ONLY,), f"{ONLY} lists {names.text(zone)} twice")
        found.add(zone)
    return frozenset(found)


def _read_name(document: "_Document", keys: KeyPath, text: str) -> Name:
    try:
        return names.parse(text)
    except Invalid as error:
        raise document.make_error(keys, error.message, hint=error.hint) from error


def _read_serving(
    document: "_Document", place: KeyPath, settings: ZoneSettings, keys: Collection[Name]
) -> Serving:
    try:
        return serving.read_serving(settings, keys)
    except Invalid as error:
        place = (*place, error.details["setting"])
        raise document.make_error(place, error.message, hint=error.hint) from error


def _read_server_options(
    document: "_Document", settings: ZoneSettings, keys_file: Path | None
) -> ServerOptions:
    try:
        keys = tsig_keys.read(keys_file) if keys_file is not None else {}
        return serving.read_server_options(settings, keys)
    except Invalid as error:
        place = (error.details.get("setting", serving.KEYS),)
        raise document.make_error(place, error.message, hint=error.hint) from error


class _Document:
    """The content of a file, with the lines of its statements."""

    def __init__(self, file: str, octets: bytes) -> None:
        self._file = file
        self._text = self._decode(octets)
        self.content = self._load()

    def make_error(self, keys: KeyPath, message: str, *, hint: str | None = None) -> Invalid:
        """Return an error about a value; if the value is inherited, about its table."""
        places = _find_lines(self._text)
        while keys and keys not in places:
            keys = keys[:-1]
        return self._make_error(places.get(keys, 1), message, hint)

    def _make_error(self, line: int, message: str, hint: str | None = None) -> Invalid:
        return Invalid(f"{self._file}:{line}: {message}", hint=hint)

    def _decode(self, octets: bytes) -> str:
        if len(octets) > MAX_OCTETS:
            line = octets.count(b"\n", 0, MAX_OCTETS) + 1
            raise self._make_error(line, f"the file is larger than {MAX_OCTETS:,} octets")
        try:
            text = octets.decode().replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            raise self._make_error(line, "not valid UTF-8") from error
        for number, line_text in enumerate(text.split("\n"), 1):
            if len(line_text) > MAX_LINE_CHARACTERS:
                raise self._make_error(
                    number, f"the line has more than {MAX_LINE_CHARACTERS:,} characters"
                )
        return text

    def _load(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self._text)
        except ValueError as error:
            matched = _LINE.search(str(error))
            message = _LINE.sub("", str(error))
            last = self._text.rstrip("\n").count("\n") + 1
            line = int(matched[1]) if matched and matched[1] else last
            raise self._make_error(line, f"invalid TOML: {message}") from error
        except RecursionError as error:
            raise self._make_error(_find_too_deep(self._text), "nested too deeply") from error


def _find_lines(text: str) -> dict[KeyPath, int]:
    """Return the first line of the statement that first names each key, in a valid file. The parser
    reads the keys of each statement separately."""
    places: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, statement in _split_statements(text):
        is_header = statement.lstrip().startswith("[")
        found = list(_walk_keys(tomllib.loads(statement), () if is_header else table))
        for keys in found:
            places.setdefault(keys, line)
        if is_header:
            table = found[-1]
    return places


def _walk_keys(content: object, above: KeyPath) -> Iterator[KeyPath]:
    """Yield all keys, a table before its content, as deep as settings of zones are nested."""
    if isinstance(content, dict) and len(above) < 3:
        for key, value in content.items():
            yield (*above, key)
            yield from _walk_keys(value, (*above, key))


def _split_statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield each statement with its first line; blank lines and comments are skipped."""
    start, line = 0, 1
    for token, depth in _split_tokens(text + "\n"):
        if token[0] == "\n" and depth == 0:
            statement = text[start : token.start()]
            if statement.strip() and not statement.lstrip().startswith("#"):
                yield line, statement
            line += statement.count("\n") + 1
            start = token.end()


def _find_too_deep(text: str) -> int:
    deep = (token.start() for token, depth in _split_tokens(text) if depth > MAX_DEPTH)
    return text.count("\n", 0, next(deep, 0)) + 1


def _split_tokens(text: str) -> Iterator[tuple[re.Match[str], int]]:
    """Yield tokens, each with the bracket depth after it."""
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        yield token, depth
