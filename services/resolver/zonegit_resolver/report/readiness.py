"""Decide whether a resolver is ready for queries: its zones are loaded, and none is stale."""

import time

from zonegit.containment import isolate
from zonegit.http import HttpReply
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.rrset import parse_soa
from zonegit_resolver.scheduling import Scheduler
from zonegit_resolver.zone_states import ZoneState, ZoneStates


async def find_stale(states: ZoneStates, scheduler: Scheduler) -> set[Name]:
    """Return the zones that were last known to be current longer ago than the expire field of their
    SOA (RFC 1035 section 3.3.13). They are answered nevertheless: this is the primary."""
    now = time.time()
    found = set()
    for state in states:
        with isolate("age"):
            age = states.age(state, now)
            if age is not None and age > _find_expire(state):
                found.add(state.zone)
        await scheduler.checkpoint()
    return found


def _find_expire(state: ZoneState) -> float:
    at_apex = state.current.snapshot.no_data.soa if state.current is not None else None
    return parse_soa(at_apex).expire if at_apex is not None else float("inf")


async def mark_stale(states: ZoneStates, scheduler: Scheduler) -> None:
    """Mark the stale zones in the zone table, so that answers say so (RFC 8914 section 4.4), and
    unmark others."""
    old = await find_stale(states, scheduler)
    for zone, _ in states.zones:
        states.zones.set_stale(Name(zone), is_stale=zone in old)
        await scheduler.checkpoint()


async def count_problems(states: ZoneStates, scheduler: Scheduler) -> int:
    """Return the number of states that could not be brought to their targets."""
    found = 0
    for state in states:
        found += states.find_problem(state) is not None or state.is_held
        await scheduler.checkpoint()
    return found


async def answer_ready(states: ZoneStates, scheduler: Scheduler, *, is_serving: bool) -> HttpReply:
    """Answer ``/readyz``."""
    if not is_serving:
        return HttpReply(503, b"zones are being loaded\n")
    old = await find_stale(states, scheduler)
    if old:
        shown = " ".join(sorted(map(names.text, old))[:20])
        return HttpReply(503, f"older than SOA expire: {shown}\n".encode())
    return HttpReply(200, b"ready\n")
