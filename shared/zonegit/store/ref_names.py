"""Names of refs (docs/object-model.md), such as ``refs/heads/<zone>/<branch>``.

Names of zones and of branches may contain ``/``. A path is split at its last ``./``, which is
unambiguous because no component of a branch or tag name ends in a dot.
"""

import re
from typing import Final, Literal

import msgspec

from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zone.names import Name

Space = Literal["heads", "tags", "zone", "head", "serving"]

DEFAULT_BRANCH: Final = "main"
DEFAULT_HEAD: Final = "HEAD"
_HEADS: Final = "refs/heads/"
_TAGS: Final = "refs/tags/"
_ZONES: Final = "refs/zonegit/zones/"
_OWN_HEADS: Final = "refs/zonegit/heads/"
_SERVING: Final = "refs/zonegit/serving/"
MAX_SHORT: Final = 200
MAX_ACTOR: Final = 64

# The rules of git check-ref-format --branch; in addition, the name must be UTF-8.
_FORBIDDEN: Final = re.compile(
    r"[\x00-\x20\x7f~^:?*\[\\\ud800-\udfff]|\.\.|@\{|//|^/|/$|^-|^(?:@|HEAD)$"
)
_SHELL: Final = re.compile(r"""[!"#$&'();<>`{|}]""")
"""Characters that are allowed in a ref name but are interpreted by a shell."""
_COMPONENT: Final = re.compile(r"(?!\.)(?:(?!\.lock$).)*(?<!\.)")
_ACTOR: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]*", re.ASCII)


class RefName(msgspec.Struct, frozen=True, order=True):
    """The name of a ref.

    Args:
        space: ``heads`` or ``tags`` for a branch or tag, ``zone`` for the marker of a registered
            zone, ``head`` for a HEAD or a remembered branch, ``serving`` for the serving settings
            of a zone.
        zone: the zone of a branch, a tag, a marker or settings; for ``head``, the zone whose branch
            is remembered, or None for a HEAD.
        short: the name of a branch or tag; for ``head``, the operator, or empty for the default
            HEAD.
    """

    space: Space
    zone: Name | None
    short: str = ""

    def __post_init__(self) -> None:
        if self.zone is not None:
            names.require(self.zone)

    def path(self) -> str:
        """Return the path of the ref, as in commands and symrefs."""
        zone = names.text(self.zone) if self.zone is not None else ""
        if self.space == "heads":
            return f"{_HEADS}{zone}/{self.short}"
        if self.space == "tags":
            return f"{_TAGS}{zone}/{self.short}"
        if self.space == "zone":
            return f"{_ZONES}{zone}"
        if self.space == "serving":
            return f"{_SERVING}{zone}"
        if not self.short:
            return DEFAULT_HEAD
        return f"{_OWN_HEADS}{self.short}/{zone}" if zone else f"{_OWN_HEADS}{self.short}"


def branch(zone: Name, short: str) -> RefName:
    """Return the ref of a branch.

    Raises:
        Invalid: ``short`` is not a branch name.
    """
    return RefName("heads", zone, check_name(short, "branch"))


def tag(zone: Name, short: str) -> RefName:
    """Return the ref of a tag.

    Raises:
        Invalid: ``short`` is not a tag name.
    """
    return RefName("tags", zone, check_name(short, "tag"))


def marker(zone: Name) -> RefName:
    """Return the ref that marks a zone as registered."""
    return RefName("zone", zone)


def serving(zone: Name) -> RefName:
    """Return the ref of the serving settings of a zone."""
    return RefName("serving", zone)


def default_head() -> RefName:
    """Return the ref of the default HEAD."""
    return RefName("head", None)


def own_head(actor: str) -> RefName:
    """Return the ref of one operator's own HEAD."""
    return RefName("head", None, check_actor(actor))


def remembered_branch(actor: str, zone: Name) -> RefName:
    """Return the ref of the branch of ``zone`` that an operator last checked out."""
    return RefName("head", zone, check_actor(actor))


def kind(ref: RefName) -> str:
    """Return ``branch`` or ``tag`` for a ref of ``heads`` or ``tags``."""
    return "branch" if ref.space == "heads" else "tag"


def check_name(short: str, what: str = "branch") -> str:
    """Check a branch or tag name by the rules of git; in addition, no component may end in a dot.

    Raises:
        Invalid: the name violates a rule.
    """
    if (
        not 0 < len(short.encode("utf-8", "replace")) <= MAX_SHORT
        or _FORBIDDEN.search(short)
        or not all(_COMPONENT.fullmatch(part) for part in short.split("/"))
    ):
        raise Invalid(
            f"{short[:MAX_SHORT]!r} is not a {what} name",
            hint="use letters, digits, - _ . and /; no part may begin or end with a dot",
        )
    return short


def require_new(short: str, what: str) -> None:
    """Refuse a name for a new branch or tag with characters that shells or terminals interpret.

    Names are typed, completed and pasted in shells. Existing branches and tags keep their names.

    Args:
        short: a name that :func:`check_name` accepts.
        what: ``branch`` or ``tag``.

    Raises:
        Invalid: the name has such a character; the message shows it.
    """
    found = _SHELL.search(short)
    odd = found[0] if found else next((each for each in short if not each.isprintable()), None)
    if odd is not None:
        raise Invalid(
            f"{short!r} is not a name for a new {what}: shells and terminals interpret {odd!r}",
            hint="use letters, digits, - _ . / @ + , = and %; existing names stay usable",
        )


def check_actor(actor: str) -> str:
    """Check the name of an operator.

    Raises:
        Invalid: the name is not 1 to 64 letters, digits and ``._@+-``, beginning with a letter or
            digit.
    """
    if len(actor) > MAX_ACTOR or not _ACTOR.fullmatch(actor):
        raise Invalid(
            f"{actor[:MAX_ACTOR]!r} is not an operator's name",
            hint="set ZONEGIT_ACTOR to letters, digits and . _ @ + -",
        )
    return actor


def parse(path: str) -> RefName:
    """Parse the path of a ref, the inverse of :meth:`RefName.path`.

    Raises:
        Invalid: the path is not that of a ref.
    """
    if path == DEFAULT_HEAD:
        return default_head()
    if path.startswith(_HEADS):
        return branch(*_split(path, _HEADS))
    if path.startswith(_TAGS):
        return tag(*_split(path, _TAGS))
    if path.startswith(_ZONES):
        return marker(_parse_zone(path.removeprefix(_ZONES)))
    if path.startswith(_SERVING):
        return serving(_parse_zone(path.removeprefix(_SERVING)))
    if path.startswith(_OWN_HEADS):
        actor, slash, zone = path.removeprefix(_OWN_HEADS).partition("/")
        return remembered_branch(actor, _parse_zone(zone)) if slash else own_head(actor)
    raise Invalid(f"{path!r} is not a ref name", hint="for example refs/heads/foo.com./main")


def _split(path: str, prefix: str) -> tuple[Name, str]:
    zone, dot, short = path.removeprefix(prefix).rpartition("./")
    if not dot:
        raise Invalid(f"{path!r} is not a ref name", hint=f"for example {prefix}foo.com./main")
    return _parse_zone(zone + "."), short


def _parse_zone(text: str) -> Name:
    zone = names.parse(text)
    if names.text(zone) != text:
        raise Invalid(f"{text!r} is not the name of a zone in a ref: expected {names.text(zone)}")
    return zone
