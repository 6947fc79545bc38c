"""Check what services, resolvers and secondaries report, for ``zonegit doctor``."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from zonegit import release
from zonegit.store.ref_names import DEFAULT_BRANCH
from zonegit.store.refs import ZoneRefs
from zonegit.wire.messages import ResolverStatus, SecondaryReport
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import installations
from zonegit_cli.output import format_count
from zonegit_cli.render.resolvers import describe_serial_behind

MAX_BEHIND_S: Final = 5.0
"""Seconds that a secondary or a resolver may be behind before a check fails."""
MAX_SHOWN: Final = 10
"""Zones that one result names."""


class CheckResult(msgspec.Struct, frozen=True):
    """The result of one check."""

    check: str
    ok: bool
    text: str


def check_versions(name: str, versions: Sequence[str]) -> CheckResult:
    """Check that all instances of a service have the release of this command."""
    shown = ", ".join(sorted(set(versions)))
    same = set(versions) == {release()}
    text = f"{len(versions)} answer(s), version {shown}"
    return CheckResult(name, same, text if same else f"{text}; this command is {release()}")


def check_resolver(status: ResolverStatus) -> CheckResult:
    """Check the last status of a resolver that had :data:`MAX_BEHIND_S` to catch up."""
    problems = _find_problems(status)
    if not problems and is_behind(status):
        problems = [_describe_behind(status)]
    zones = len({each.zone for each in status.zones})
    served = f"the first {zones:,} of its zones" if status.more else format_count(zones, "zone")
    where = ", ".join(status.listen) or "nowhere"
    text = f"serves {served} on {where}, {format_count(status.lag, 'change')} behind"
    return CheckResult(status.resolver, not problems, "; ".join([text, *problems]))


def _find_problems(status: ResolverStatus) -> list[str]:
    """Return the problems that a resolver reports itself."""
    refusal = installations.describe_refusal(status)
    problems = [refusal] if refusal is not None else []
    if status.refused_config:
        problems.append(
            f"keeps its earlier configuration, the file was refused: {status.refused_config}"
        )
    of_zones = [
        f"{names.text(zone.zone)}: {problem}"
        for zone in status.zones
        if (problem := zone.problem or describe_serial_behind(zone))
    ]
    more = len(of_zones) - MAX_SHOWN
    return [
        *problems,
        *of_zones[:MAX_SHOWN],
        *([f"and {more} more: zonegit resolvers"] if more > 0 else ()),
    ]


def is_catching_up(status: ResolverStatus) -> bool:
    """Return whether a resolver is behind, and reports no problem that explains it."""
    return is_behind(status) and not _find_problems(status)


def is_behind(status: ResolverStatus) -> bool:
    """Return whether changes wait to be served, or the zones have not been confirmed as current
    for more than :data:`MAX_BEHIND_S`."""
    return status.lag > 0 or _find_age(status) > MAX_BEHIND_S


def _find_age(status: ResolverStatus) -> float:
    return max((zone.age for zone in status.zones if zone.age is not None), default=0.0)


def _describe_behind(status: ResolverStatus) -> str:
    age = _find_age(status)
    if age > MAX_BEHIND_S:
        return f"has not confirmed a zone as current for {age:.0f} s; see its log"
    return f"has been behind for more than {MAX_BEHIND_S:.0f} s; see its log"


def find_unserved(zones: Iterable[ZoneRefs], statuses: Sequence[ResolverStatus]) -> list[Name]:
    """Return the zones that should be served and are not, in canonical order.

    Args:
        zones: the registered zones. One should be served if it has a commit on main, or on a branch
            that a resolver follows.
        statuses: what the resolvers serve.
    """
    served = {each.zone for status in statuses for each in status.zones if each.commit is not None}
    followed = {DEFAULT_BRANCH, *(branch for status in statuses for branch in status.branches)}
    found = [each.zone for each in zones if each.zone not in served and followed & set(each.heads)]
    return sorted(found, key=names.canonical_key)


def check_zones(unserved: Collection[Name], statuses: Sequence[ResolverStatus]) -> CheckResult:
    """Check that a resolver serves each zone with a commit.

    Args:
        unserved: the result of :func:`find_unserved`.
        statuses: what the resolvers serve.
    """
    if any(status.more for status in statuses):
        text = "not compared with what is served: resolvers list their first 1,000 zones only"
        return CheckResult("zones", True, text)
    if not unserved:
        return CheckResult("zones", True, "each zone with a commit is served")
    shown = ", ".join([names.text(zone) for zone in unserved][:MAX_SHOWN])
    rest = len(unserved) - MAX_SHOWN
    more = f" and {rest:,} more" if rest > 0 else ""
    return CheckResult(
        "zones", False, f"no resolver serves {shown}{more}; see zonegit resolvers and their logs"
    )


def check_secondary(secondary: str, reports: Sequence[SecondaryReport]) -> CheckResult:
    """Check what resolvers report about one secondary: it answers and has the notified serial."""
    problems = [each for each in reports if _is_late(each)]
    zones = len({each.zone for each in reports})
    if not problems:
        return CheckResult(secondary, True, f"secondary of {format_count(zones, 'zone')}")
    # Several resolvers can report the same: each text once.
    texts = list(
        dict.fromkeys(f"{names.text(each.zone)}: {_describe_late(each)}" for each in problems)
    )
    named = texts[:MAX_SHOWN]
    if len(texts) > MAX_SHOWN:
        named.append(f"and {len(texts) - MAX_SHOWN} more: zonegit secondaries")
    return CheckResult(secondary, False, "; ".join(named))


def _is_late(report: SecondaryReport) -> bool:
    if report.progress == "refused":
        return True
    return report.progress in ("silent", "behind") and report.age > MAX_BEHIND_S


def _describe_late(report: SecondaryReport) -> str:
    serial = f"serial {report.notified}"
    match report.progress:
        case "behind":
            return f"has serial {report.has}, was notified of {serial}"
        case "refused":
            return f"refuses the NOTIFY of {serial} ({report.problem}): check its configuration"
        case _:
            why = f" ({report.problem})" if report.problem else ""
            return f"does not answer the NOTIFY of {serial}{why}"
