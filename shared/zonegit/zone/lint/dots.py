"""Rules for names that probably lack a final dot.

The text that was typed is not stored, so the rules examine the complete name. They also find a name
that was typed in full, if it has the same form and does not exist.
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
"""Top-level domains at the end of a name that was probably meant to be absolute."""

_TOP_LEVEL_ENDINGS: Final = tuple(b"%c%b" % (len(label), label) for label in TOP_LEVEL)

MIN_LABELS: Final = 2


def check_reference(view: ZoneView, rrset: RRset) -> Iterator[str]:
    """Find names in RDATA that do not exist and probably lack a final dot.

    They end in the name of the zone twice, or in a top-level domain before the name of the zone.
    """
    for target in references.find_names(rrset):
        typed = _guess_typed(target, view.apex) if _may_lack_dot(target, view.apex) else None
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
    """Find owners that end in the name of the zone twice."""
    if rrset.rdtype in SIGNERS or not rrset.owner.endswith(view.apex[:-1] + view.apex):
        return
    typed = _guess_typed(rrset.owner, view.apex)
    if typed is None or not names.is_within(typed, view.apex):
        return
    if find_hider(view, rrset.owner, None) is None:
        yield (
            f"{describe(rrset)} is at a name that ends in the zone's own name twice;"
            f" was {names.text(typed)} meant, with a dot at the end?"
        )


SIGNERS: Final = frozenset({rrtypes.RRSIG, rrtypes.NSEC})
"""Types that a signer adds at existing names."""


def _may_lack_dot(name: Name, apex: Name) -> bool:
    """Return whether a name may lack a final dot; this fast test excludes most names."""
    before = name[: len(name) - len(apex)]
    return name.endswith(apex) and before.endswith((*_TOP_LEVEL_ENDINGS, apex[:-1]))


def _guess_typed(name: Name, apex: Name) -> Name | None:
    """Return the name that was typed if its final dot was omitted.

    Returns:
        The name, or None if ``name`` is outside the zone or has only one label below the apex.
    """
    if apex == names.ROOT or not names.is_within(name, apex):
        return None
    typed = Name(name[: len(name) - len(apex)] + names.ROOT)
    return typed if len(names.labels(typed)) >= MIN_LABELS else None
