"""Find the instances of each store on the bus, and describe conflicts between installations."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zonegit.errors import Denied
from zonegit.store import folder_lock
from zonegit.wire import subjects
from zonegit.wire.messages import AskPresence, Presence, ResolverStatus
from zonegit.wire.services import STORES

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus

PRESENCE_TIMEOUT_S: Final = 0.3
"""Seconds to wait for the answers of instances."""
MAX_ATTEMPTS: Final = 6
"""Requests to a store that is known to run: a busy machine may need longer."""

StoreInstances = Mapping[str, Sequence[Presence]]
"""The instances of each store that answer; none if the bus does not permit this user to ask."""


async def ask_instances(bus: "Bus", awaited: Collection[str] = STORES) -> StoreInstances:
    """Ask all instances of the stores that serve to describe themselves; repeat the request while
    no instance of an ``awaited`` store answers.

    Raises:
        Unavailable: the bus is not connected.
    """
    return {
        store: await _ask_instances(bus, store, MAX_ATTEMPTS if store in awaited else 1)
        for store in STORES
    }


async def _ask_instances(bus: "Bus", store: str, attempts: int) -> list[Presence]:
    for _ in range(attempts):
        try:
            answers = await bus.broadcast(
                subjects.presence(store), AskPresence(), Presence, PRESENCE_TIMEOUT_S
            )
        except Denied:
            return []
        serving = [each for each in answers if each.serves]
        if serving:
            return sorted(serving, key=lambda each: (each.started, each.instance))
    return []


def describe_instances(store: str, instances: Sequence[Presence]) -> list[str]:
    """Return the problems with the instances of a store, which are sorted by their start."""
    problems = []
    if len(instances) > 1 and not all(each.several for each in instances):
        shown = ", ".join(_describe(each) for each in instances)
        problems.append(
            f"{len(instances)} instances serve on one bus: {shown}; stop the one that started"
            " later, and compare what it has acknowledged meanwhile"
        )
    known = {each.instance for each in instances}
    problems += [
        f"another {store}, instance {each.rival}, tries to serve on this bus and exits each time:"
        " disable what starts it, or give it a separate bus"
        for each in instances
        if each.rival and each.rival not in known
    ]
    problems += [
        f"it belongs to installation {each.installation}, refs to {each.refuses}:"
        f" {_describe_next_step(each.installation)}"
        for each in instances
        if each.refuses
    ]
    return problems


def describe_refusal(status: ResolverStatus) -> str | None:
    """Return why a resolver does not follow the ref store of this bus; None if it follows it."""
    if status.refuses:
        return (
            f"it belongs to installation {status.installation}, keeps what it serves and does not"
            f" follow refs of installation {status.refuses}:"
            f" {_describe_next_step(status.installation)}"
        )
    if status.held:
        return (
            f"the log of refs is older than its own state (epoch {status.epoch}, sequence"
            f" {status.sequence}), so it keeps what it serves: zonegit recover; if this store is to"
            f" replace the earlier one: zonegit adopt-store {status.epoch}"
        )
    return None


def describe_lock(data: Path, store: str) -> str | None:
    """Return the process that uses the folder of a store that does not answer; None if none
    does."""
    folder = data / store
    if not folder_lock.is_locked(folder):
        return None
    pid = folder_lock.read_pid(folder)
    process = f"process {pid}" if pid is not None else "a process"
    return f"{process} uses {folder} and does not answer on this bus: stop it, or check its bus URL"


def _describe_next_step(held: str) -> str:
    return (
        "start refs with its own data folder (ZONEGIT_DATA); if this store replaces that one, run:"
        f" zonegit adopt-store {held}"
    )


def _describe(instance: Presence) -> str:
    since = datetime.fromtimestamp(instance.started, UTC)
    return (
        f"instance {instance.instance} since {since:%Y-%m-%dT%H:%M:%SZ}, installation"
        f" {instance.installation or 'unknown'}"
    )
