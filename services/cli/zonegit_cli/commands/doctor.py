"""zonegit doctor: what is wrong, if anything."""

import asyncio
import shutil
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from zonegit import config, release
from zonegit.errors import ZonegitError
from zonegit.store.recovery import describe_witness
from zonegit.wire import codec, subjects
from zonegit.wire.messages import MAX_RESOLVERS, Heartbeat, ResolverStatus
from zonegit.zone import names
from zonegit_cli import installations, options
from zonegit_cli.installations import STORES
from zonegit_cli.output import columns, count
from zonegit_cli.propagation import serial_behind, survey
from zonegit_cli.session import Session
from zonegit_cli.stack import record

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus
    from zonegit.bus.discovery import ServiceInstance

PING_S: Final = 0.5
PINGS: Final = 6
"""Attempts to reach a store that does not answer: a busy machine may need longer."""
MIN_FREE_OCTETS: Final = 1 << 30
MAX_SKEW_S: Final = 1.0
MAX_NAMED: Final = 10
"""Zones that a finding names."""


class CheckResult(msgspec.Struct, frozen=True):
    """One thing that was checked."""

    check: str
    ok: bool
    text: str


@options.page("doctor")
async def command(session: Session) -> int:
    """Check bus, services, versions, clock, disk and what each resolver serves.

    Exits 1 when something is wrong.
    """
    degraded = _degraded(session)
    findings = [_stack(session), _disk(session), *degraded]
    try:
        async with session.bus() as bus:
            findings.append(CheckResult("bus", True, f"{bus.url_shown} answers"))
            findings += await _services(session, bus, {each.check for each in degraded})
            findings.append(await _clock(bus))
            findings += await _recovery(session, bus)
            findings += await _refs_file(session, bus)
            findings += await _resolvers(session, bus)
    except ZonegitError as error:
        hint = f" ({error.hint})" if error.hint else ""
        findings.append(CheckResult("bus", False, error.message + hint))
    session.output.result(_json(findings), columns([_row(each) for each in findings]))
    return 0 if all(each.ok for each in findings) else 1


def _row(finding: CheckResult) -> tuple[str, str, str]:
    mark = click.style("ok", fg="green") if finding.ok else click.style("BAD", fg="red", bold=True)
    return mark, finding.check, finding.text


def _degraded(session: Session) -> list[CheckResult]:
    """Name the stores of the local stack that cannot be opened."""
    stack = config.read_stack(session.settings.data) or {}
    degraded = stack.get("degraded") or {}
    return [
        CheckResult(name, False, f"its store cannot be opened: {degraded[name]}")
        for name in degraded
    ]


def _stack(session: Session) -> CheckResult:
    data = session.settings.data
    if config.read_stack(data) is None:
        where = "; the bus is elsewhere" if session.settings.bus is not None else ""
        return CheckResult("stack", True, f"none was started from {data}{where}")
    if record.is_running(data):
        return CheckResult("stack", True, f"runs from {data}")
    return CheckResult(
        "stack", False, f"the one of {data} ended without a word; zonegit up starts it"
    )


def _disk(session: Session) -> CheckResult:
    folder = session.settings.data
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return CheckResult(
        "disk", free > MIN_FREE_OCTETS, f"{free / (1 << 30):.1f} GiB free at {folder}"
    )


async def _services(session: Session, bus: "Bus", explained: Collection[str]) -> list[CheckResult]:
    """Check the stores; why one of the ``explained`` ones does not answer is said already."""
    from zonegit.bus import discovery  # brings in NATS, which help must not

    found: list[ServiceInstance] = []
    for _ in range(PINGS):
        found = await discovery.ping(bus, PING_S)
        if {each.name for each in found}.issuperset(STORES):
            break
    instances = await installations.ask_instances(bus, {each.name for each in found})
    findings = []
    for name in STORES:
        of_store = [each for each in found if each.name == name]
        if of_store or name not in explained:
            findings.append(_service(session, name, of_store))
        problems = installations.describe_instances(name, instances[name])
        if len(of_store) > 1 and not problems:
            problems = [f"{len(of_store)} serve on one bus: stop the one that started later"]
        findings += [CheckResult(name, False, problem) for problem in problems]
    return findings


def _service(session: Session, name: str, found: Sequence["ServiceInstance"]) -> CheckResult:
    if not found:
        locked = installations.describe_lock(session.settings.data, name)
        text = locked or "start it: zonegit up; if it runs, read its log"
        return CheckResult(name, False, f"does not answer; {text}")
    return _versions(name, [each.version for each in found])


def _versions(name: str, versions: Sequence[str]) -> CheckResult:
    shown = ", ".join(sorted(set(versions)))
    same = set(versions) == {release()}
    text = f"{len(versions)} answer(s), version {shown}"
    return CheckResult(name, same, text if same else f"{text}; this command is {release()}")


async def _clock(bus: "Bus") -> CheckResult:
    """Commits, ages and deadlines are told by clocks; a heartbeat tells refs' own."""
    skew: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def heard(_subject: str, octets: bytes) -> None:
        if not skew.done():
            skew.set_result(time.time() - codec.decode(octets, Heartbeat).time)

    try:
        async with bus.subscribe(subjects.HEARTBEAT, heard), asyncio.timeout(3):
            seconds = await skew
    except TimeoutError:
        return CheckResult(
            "clock", False, "refs has not been heard for 3 s, so clocks were not compared"
        )
    text = f"this machine and refs differ by {abs(seconds) * 1000:.0f} ms"
    return CheckResult("clock", abs(seconds) < MAX_SKEW_S, text)


async def _recovery(session: Session, bus: "Bus") -> list[CheckResult]:
    """Check that the ref store was not restored from a backup, or is recovered from that."""
    try:
        found = await session.repo(bus).refs.recovery()
    except ZonegitError as error:
        return [CheckResult("recovery", False, error.message)]
    findings = []
    if found.witness is not None:
        proof = describe_witness(found.witness, found.sequence)
        findings.append(f"the ref store was restored from a backup: {proof}; zonegit recover")
    if found.awaiting:
        shown = ", ".join(map(names.text, found.zones[:MAX_NAMED]))
        findings.append(f"{count(found.awaiting, 'zone')} not recovered: {shown}; zonegit recover")
    findings += [
        f"{names.text(each.zone)} {each.branch} is signed: import it with a serial later than"
        f" {each.serial}, which secondaries may have"
        for each in found.owed
    ]
    if findings:
        return [CheckResult("recovery", False, text) for text in findings]
    if found.doubted:
        text = "no resolver remembers the time before refs was started: was it restored, recover it"
        return [CheckResult("recovery", True, f"{text} (zonegit recover)")]
    return [
        CheckResult("recovery", True, "the log of refs is no older than what resolvers have seen")
    ]


async def _refs_file(session: Session, bus: "Bus") -> list[CheckResult]:
    """Say what the check that refs makes after its start has found in its file."""
    try:
        found = await session.repo(bus).refs.check()
    except ZonegitError:  # it does not answer, which another finding says, or is of an old release
        return []
    if found.count:
        text = f"its file is damaged: {found.damage[0]}; zonegit fsck shows it all; restore it"
        return [CheckResult("refs file", False, text)]
    text = "is whole" if found.done else f"is being checked, {found.rows:,} rows so far"
    return [CheckResult("refs file", True, text)]


async def _resolvers(session: Session, bus: "Bus") -> list[CheckResult]:
    try:
        found = await survey(session, bus)
    except ZonegitError as error:
        return [CheckResult("resolver", False, error.message)]
    started = session.local_resolvers()
    silent = sorted({*found.silent, *(started - {each.resolver for each in found.statuses})})
    findings = [CheckResult(name, False, _silence(name, started)) for name in silent]
    findings += [
        CheckResult(name, False, "two processes have this name: stop one of them")
        for name in found.contested
    ]
    if found.is_full:
        text = f"refs has room for {MAX_RESOLVERS:,} names, and others announce themselves as well:"
        text += " the permissions of the bus say who may"
        findings.append(CheckResult("registry", False, text))
    if not found.statuses:
        return findings or [CheckResult("resolver", False, "none answers; start one: zonegit up")]
    findings.append(_versions("resolver", [each.version for each in found.statuses]))
    return findings + [_resolver(each) for each in found.statuses]


def _silence(name: str, started: frozenset[str]) -> str:
    log = f"; see logs/{name}.log" if name in started else ""
    return f"does not answer{log}"


def _resolver(status: ResolverStatus) -> CheckResult:
    refusal = installations.describe_refusal(status)
    problems = [
        f"{names.text(zone.zone)}: {problem}"
        for zone in status.zones
        if (problem := zone.problem or serial_behind(zone))
    ]
    where = ", ".join(status.listen) or "nowhere"
    text = f"serves {len(status.zones)} zone(s) on {where}, {status.lag} change(s) behind"
    more = len(problems) - MAX_NAMED
    named = [*problems[:MAX_NAMED], f"and {more} more: zonegit resolvers"] if more > 0 else problems
    reasons = [refusal] if refusal is not None else []
    is_well = not problems and refusal is None
    return CheckResult(status.resolver, is_well, "; ".join([text, *reasons, *named]))


def _json(findings: Sequence[CheckResult]) -> list[dict[str, Any]]:
    return [{"check": each.check, "ok": each.ok, "text": each.text} for each in findings]
