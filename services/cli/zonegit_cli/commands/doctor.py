"""zonegit doctor: check the stack and report problems."""

import asyncio
import shutil
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from zonegit import config
from zonegit.errors import ZonegitError
from zonegit.repo import read_zones
from zonegit.store.recovery import describe_witness
from zonegit.store.refs import ZoneRefs
from zonegit.wire import codec, subjects
from zonegit.wire.messages import MAX_RESOLVERS, Heartbeat, SecondaryReport
from zonegit.wire.services import SERVICES, Sharing
from zonegit.zone import names
from zonegit_cli import health, installations, options
from zonegit_cli.health import MAX_SHOWN, CheckResult
from zonegit_cli.output import format_count
from zonegit_cli.session import Session
from zonegit_cli.stack import record
from zonegit_cli.table import Column, align_columns

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus
    from zonegit.bus.discovery import ServiceInstance
    from zonegit.bus.resolver_status import ResolverSurvey

PING_TIMEOUT_S: Final = 0.5
MAX_PINGS: Final = 6
"""Attempts to reach the services: a busy machine may need longer."""
MIN_FREE_OCTETS: Final = 1 << 30
MAX_SKEW_S: Final = 1.0
SURVEY_INTERVAL_S: Final = 0.5
"""Time between two looks at a resolver that is behind."""
COLUMNS: Final = (Column(""), Column("CHECK"), Column("RESULT", "wrap"))


@options.session_command("doctor")
async def command(session: Session) -> int:
    """Check bus, services, versions, clock, disk and what each resolver serves.

    A resolver that is behind, or a zone that none serves, has 5 seconds to catch up. Exit status 1
    if a check fails.
    """
    degraded = _check_degraded(session)
    results = [_check_stack(session), _check_disk(session), *degraded]
    try:
        async with session.connect_bus() as bus:
            results.append(CheckResult("bus", True, f"{bus.url_shown} answers"))
            results += await _check_services(session, bus, {each.check for each in degraded})
            results.append(await _check_clock(bus))
            results += await _check_recovery(session, bus)
            results += await _check_refs_file(session, bus)
            results += await _check_resolvers(session, bus)
            results += await _check_secondaries(session, bus)
    except ZonegitError as error:
        hint = f" ({error.hint})" if error.hint else ""
        results.append(CheckResult("bus", False, error.message + hint))
    session.output.print_result(
        _to_json(results),
        align_columns([_format_row(each) for each in results], COLUMNS, has_header=False),
    )
    return 0 if all(each.ok for each in results) else 1


def _format_row(result: CheckResult) -> tuple[str, str, str]:
    mark = click.style("ok", fg="green") if result.ok else click.style("BAD", fg="red", bold=True)
    return mark, result.check, result.text


def _check_degraded(session: Session) -> list[CheckResult]:
    """Return a result for each store of the local stack that cannot be opened."""
    stack = config.read_stack(session.settings.data) or {}
    degraded = stack.get("degraded") or {}
    return [
        CheckResult(name, False, f"its store cannot be opened: {degraded[name]}")
        for name in degraded
    ]


def _check_stack(session: Session) -> CheckResult:
    data = session.settings.data
    if config.read_stack(data) is None:
        where = "; another bus is configured" if session.settings.bus is not None else ""
        return CheckResult("stack", True, f"none was started from {data}{where}")
    if record.is_running(data):
        return CheckResult("stack", True, f"runs from {data}")
    return CheckResult(
        "stack", False, f"the stack in {data} exited unexpectedly; start it: zonegit up"
    )


def _check_disk(session: Session) -> CheckResult:
    folder = session.settings.data
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    return CheckResult(
        "disk", free > MIN_FREE_OCTETS, f"{free / (1 << 30):.1f} GiB free at {folder}"
    )


async def _check_services(
    session: Session, bus: "Bus", explained: Collection[str]
) -> list[CheckResult]:
    """Check the services that answer verbs; ``explained`` are those that other results report as
    not answering."""
    from zonegit.bus import discovery  # imports NATS, not needed for --help

    answering = [each for each in SERVICES if each.verbs and each.instances]
    found: list[ServiceInstance] = []
    for _ in range(MAX_PINGS):
        found = await discovery.ping(bus, PING_TIMEOUT_S)
        if {each.name for each in found}.issuperset(each.name for each in answering):
            break
    instances = await installations.ask_instances(bus, {each.name for each in found})
    results = []
    for service in answering:
        name = service.name
        of_service = [each for each in found if each.name == name]
        if of_service or name not in explained:
            results.append(_check_service(session, name, of_service))
        problems = installations.describe_instances(name, instances.get(name, ()))
        if service.sharing is Sharing.LEASE and len(of_service) > 1 and not problems:
            problems = [f"{len(of_service)} instances serve on one bus: stop the later one"]
        results += [CheckResult(name, False, problem) for problem in problems]
    return results


def _check_service(session: Session, name: str, found: Sequence["ServiceInstance"]) -> CheckResult:
    if not found:
        locked = installations.describe_lock(session.settings.data, name)
        text = locked or "start it: zonegit up; if it runs, read its log"
        return CheckResult(name, False, f"does not answer; {text}")
    return health.check_versions(name, [each.version for each in found])


async def _check_clock(bus: "Bus") -> CheckResult:
    """Compare the clock of this machine with that of refs, which a heartbeat carries."""
    skew: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def handle(_subject: str, octets: bytes) -> None:
        if not skew.done():
            skew.set_result(time.time() - codec.decode(octets, Heartbeat).time)

    try:
        async with bus.subscribe(subjects.HEARTBEAT, handle), asyncio.timeout(3):
            seconds = await skew
    except TimeoutError:
        return CheckResult(
            "clock", False, "no heartbeat from refs within 3 s: clocks were not compared"
        )
    text = f"this machine and refs differ by {abs(seconds) * 1000:.0f} ms"
    return CheckResult("clock", abs(seconds) < MAX_SKEW_S, text)


async def _check_recovery(session: Session, bus: "Bus") -> list[CheckResult]:
    """Check that the ref store was not restored from a backup without a recovery."""
    try:
        found = await session.make_repo(bus).refs.recovery()
    except ZonegitError as error:
        return [CheckResult("recovery", False, error.message)]
    problems = []
    if found.witness is not None:
        proof = describe_witness(found.witness, found.sequence)
        problems.append(f"the ref store was restored from a backup: {proof}; run zonegit recover")
    if found.awaiting:
        shown = ", ".join(map(names.text, found.zones[:MAX_SHOWN]))
        problems.append(
            f"{format_count(found.awaiting, 'zone')} not recovered: {shown}; run zonegit recover"
        )
    problems += [
        f"{names.text(each.zone)} {each.branch} is signed: import it with a serial later than"
        f" {each.serial}, which secondaries may have"
        for each in found.owed
    ]
    if problems:
        return [CheckResult("recovery", False, text) for text in problems]
    if found.doubted:
        text = (
            "no resolver has data from before refs started; if refs was restored, run zonegit"
            " recover"
        )
        return [CheckResult("recovery", True, text)]
    text = "the log of refs is not older than what resolvers have seen"
    return [CheckResult("recovery", True, text)]


async def _check_refs_file(session: Session, bus: "Bus") -> list[CheckResult]:
    """Return the result of the check that refs makes of its file after its start."""
    try:
        found = await session.make_repo(bus).refs.check()
    except ZonegitError:  # another result reports that it does not answer; or it is an old release
        return []
    if found.count:
        text = f"damaged: {found.damage[0]}; zonegit fsck lists all damage; restore a backup"
        return [CheckResult("refs file", False, text)]
    text = "not damaged" if found.done else f"check in progress, {found.rows:,} rows so far"
    return [CheckResult("refs file", True, text)]


async def _check_resolvers(session: Session, bus: "Bus") -> list[CheckResult]:
    try:
        # Before the resolvers are asked: what is committed later is not expected from them.
        zones = [each async for each in read_zones.iter_zones(session.make_repo(bus))]
        found = await _survey_resolvers(session, bus, zones)
    except ZonegitError as error:
        return [CheckResult("resolver", False, error.message)]
    started = session.list_local_resolvers()
    silent = sorted({*found.silent, *(started - {each.resolver for each in found.statuses})})
    results = [CheckResult(name, False, _describe_silent(name, started)) for name in silent]
    results += [
        CheckResult(name, False, "two processes have this name: stop one of them")
        for name in found.contested
    ]
    if found.is_full:
        text = f"refs registers at most {MAX_RESOLVERS:,} names, but more resolvers announce"
        text += " themselves: restrict who may with the permissions of the bus"
        results.append(CheckResult("registry", False, text))
    if not found.statuses:
        return results or [CheckResult("resolver", False, "none answers; start one: zonegit up")]
    results.append(health.check_versions("resolver", [each.version for each in found.statuses]))
    results += [health.check_resolver(each) for each in found.statuses]
    unserved = health.find_unserved(zones, found.statuses)
    return [*results, health.check_zones(unserved, found.statuses)]


async def _survey_resolvers(
    session: Session, bus: "Bus", zones: Sequence[ZoneRefs]
) -> "ResolverSurvey":
    """Ask the resolvers what they serve; again for :data:`health.MAX_BEHIND_S` while one of them
    is behind, or none serves a zone."""
    deadline = time.monotonic() + health.MAX_BEHIND_S
    while True:
        found = await session.survey_resolvers(bus)
        is_waiting = any(map(health.is_catching_up, found.statuses)) or (
            found.statuses and health.find_unserved(zones, found.statuses)
        )
        if not is_waiting or time.monotonic() > deadline:
            return found
        await asyncio.sleep(SURVEY_INTERVAL_S)


async def _check_secondaries(session: Session, bus: "Bus") -> list[CheckResult]:
    """Check that each notified secondary answers and has the serial that it was notified of."""
    from zonegit.bus import secondaries  # imports NATS, not needed for --help

    try:
        found = await secondaries.survey_secondaries(
            bus,
            session.settings.actor,
            expected=session.list_local_resolvers(),
            timeout=session.timeout,
        )
    except ZonegitError:  # another result reports that the ref store does not list the resolvers
        return []
    by_address: dict[str, list[SecondaryReport]] = {}
    for _, reports in found.reports:
        for each in reports:
            by_address.setdefault(each.secondary, []).append(each)
    return [
        health.check_secondary(secondary, reports)
        for secondary, reports in sorted(by_address.items())
    ]


def _describe_silent(name: str, started: frozenset[str]) -> str:
    log = f"; see logs/{name}.log" if name in started else ""
    return f"does not answer{log}"


def _to_json(results: Sequence[CheckResult]) -> list[dict[str, Any]]:
    return [{"check": each.check, "ok": each.ok, "text": each.text} for each in results]
