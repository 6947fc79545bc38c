"""Encode and parse the serving settings of a zone, a doc that resolvers follow. Pure.

The doc is a map (docs/object-model.md):

    type     "serving"
    version  1
    canary   nil, or a map of branch, percent (0 to 100) and salt

Unknown keys are an error: a resolver that ignored a setting would serve something else than what
the operator has set (docs/adr/0056-serving-settings.md).
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from zonegit.errors import Invalid, format_list
from zonegit.objects.model import Doc, Object
from zonegit.store import ref_names

TYPE: Final = "serving"
VERSION: Final = 1
MAX_PERCENT: Final = 100
MAX_SALT: Final = 64
"""The maximum characters of a salt."""
MAX_NAMED: Final = 5
"""Unknown keys that an error names; the rest is counted."""
MAX_KEY_SHOWN: Final = 40
"""Characters of a key that an error shows."""

_KEYS: Final = frozenset({"type", "version", "canary"})
_CANARY_KEYS: Final = frozenset({"branch", "percent", "salt"})


class CanarySetting(msgspec.Struct, frozen=True):
    """A branch that answers a share of all client subnets.

    Attributes:
        branch: the name of the branch.
        percent: the share, 0 to 100.
        salt: the salt of the hash that selects the subnets, 1 to 64 printable characters.
    """

    branch: str
    percent: int
    salt: str

    def __str__(self) -> str:
        return f"{self.branch} {self.percent} %"


class ServingSettings(msgspec.Struct, frozen=True):
    """The serving settings of a zone; ``canary`` is None if it has no canary."""

    canary: CanarySetting | None = None


def make_doc(settings: ServingSettings) -> Doc:
    """Return the doc of settings.

    Raises:
        Invalid: a value is out of its bounds.
    """
    canary = settings.canary
    fields = None if canary is None else msgspec.structs.asdict(_check_canary(canary))
    return Doc({"type": TYPE, "version": VERSION, "canary": fields})


def parse(value: Object) -> ServingSettings:
    """Parse the doc of settings.

    Raises:
        Invalid: it is another object, it has unknown keys, which the error names, or a value is
            missing, of another type or out of its bounds.
    """
    if not isinstance(value, Doc) or value.fields.get("type") != TYPE:
        raise Invalid("the object is not a doc of serving settings")
    version = value.fields.get("version")
    if type(version) is not int or version != VERSION:
        raise Invalid(
            f"the version of these serving settings is {_shorten(version)}, not {VERSION}",
            hint="they were made by a later release; upgrade this one",
        )
    _check_keys(value.fields, _KEYS, "serving settings")
    canary = value.fields["canary"]
    return ServingSettings(_parse_canary(canary) if canary is not None else None)


def _parse_canary(fields: Any) -> CanarySetting:
    if not isinstance(fields, dict):
        raise Invalid("the canary of these serving settings is not a map")
    _check_keys(fields, _CANARY_KEYS, "a canary")
    return _check_canary(CanarySetting(fields["branch"], fields["percent"], fields["salt"]))


def _check_keys(fields: Mapping[Any, Any], known: frozenset[str], what: str) -> None:
    unknown = [each for each in fields if each not in known]
    if unknown:
        named = format_list([_shorten(each) for each in unknown], MAX_NAMED)
        raise Invalid(
            f"unknown keys in {what}: {named}",
            hint="they may be of a later release; upgrade this one",
        )
    missing = sorted(known - fields.keys())
    if missing:
        raise Invalid(f"missing keys in {what}: {', '.join(missing)}")


def _check_canary(canary: CanarySetting) -> CanarySetting:
    """Check the values of a canary, whose types may be wrong, and return it."""
    branch: object = canary.branch
    if not isinstance(branch, str):
        raise Invalid("the branch of the canary is not text")
    ref_names.check_name(branch)
    if type(canary.percent) is not int or not 0 <= canary.percent <= MAX_PERCENT:
        raise Invalid(
            f"the percentage of the canary is {_shorten(canary.percent)}: expected a whole number"
            f" from 0 to {MAX_PERCENT}"
        )
    salt: object = canary.salt
    if not isinstance(salt, str) or not 0 < len(salt) <= MAX_SALT or not salt.isprintable():
        raise Invalid(f"the salt of the canary is not a text of 1 to {MAX_SALT} characters")
    return canary


def _shorten(value: object) -> str:
    text = repr(value) if isinstance(value, str | int | float | bool | None) else "of another type"
    return text if len(text) <= MAX_KEY_SHOWN else f"{text[:MAX_KEY_SHOWN]}..."
