"""Names that were probably meant to end in a dot.

What was typed is not stored, so the rules look at the whole name. A name that was typed in full is
found as well if it looks the same and does not exist.
"""

from collections.abc import Iterator
from typing import Final

from zonegit.zone import names, rrtypes
from zonegit.zone.lint import references
from zonegit.zone.lint.view import ZoneView, find_hider, find_source
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, describe

TOP_LEVEL: Final = frozenset(
    b"com net org edu gov mil int arpa info biz io dev app eu de uk fr nl".split()
)
"""Top-level domains that a relative name is taken to end in."""

_TOP_LEVEL_ENDINGS: Final = tuple(b"%c%b" % (len(label), label) for label in TOP_LEVEL)

MIN_LABELS: Final = 2


def check_reference(view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find names in RDATA that end in the zone's own name twice, or in a top-level domain before
    the zone's name, and that do not exist."""
    for target in references.names_in(rrset):
        typed = _typed(target, view.apex) if _may_lack_dot(target, view.apex) else None
        if typed is None or view.exists(target) or find_hider(view, target, None) is not None:
            continue
        is_own = names.is_within(typed, view.apex)
        is_wild = not is_own and find_source(view, target) is not None
        if is_own or (names.labels(typed)[-1] in TOP_LEVEL and not is_wild):
            yield (
                f"{describe(rrset)} names {names.text(target)}, which does not exist;"
                f" was {names.text(typed)} meant, with a dot at the end?"
            )


def check_owner(view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find owners that end in the zone's own name twice."""
    if rrset.rdtype in SIGNERS or not rrset.owner.endswith(view.apex[:-1] + view.apex):
        return
    typed = _typed(rrset.owner, view.apex)
    if typed is None or not names.is_within(typed, view.apex):
        return
    if find_hider(view, rrset.owner, None) is None:
        yield (
            f"{describe(rrset)} is at a name that ends in the zone's own name twice;"
            f" was {names.text(typed)} meant, with a dot at the end?"
        )


SIGNERS: Final = frozenset({rrtypes.RRSIG, rrtypes.NSEC})
"""Types that a signer puts at names that others made."""


def _may_lack_dot(name: Name, apex: Name) -> bool:
    """Return whether it is worth a closer look at a name; most names are not."""
    before = name[: len(name) - len(apex)]
    return name.endswith(apex) and before.endswith((*_TOP_LEVEL_ENDINGS, apex[:-1]))


def _typed(name: Name, apex: Name) -> Name | None:
    """Return what a name was typed as if it was typed without its final dot; None where it is not
    in the zone, or of one label there."""
    if apex == names.ROOT or not names.is_within(name, apex):
        return None
    typed = Name(name[: len(name) - len(apex)] + names.ROOT)
    return typed if len(names.labels(typed)) >= MIN_LABELS else None
