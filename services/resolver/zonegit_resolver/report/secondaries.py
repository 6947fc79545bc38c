"""Report what the secondaries of zones were notified of and transferred."""

import time
from typing import Final

from zonegit.wire.messages import MAX_SECONDARIES, AskSecondaries, Secondaries, SecondaryReport
from zonegit_resolver.xfr.secondary_states import SecondaryState, SecondaryStates

MAX_PAGE_OCTETS: Final = 400 * 1024
"""The approximate maximum size of a page."""
REPORT_OCTETS: Final = 160
"""The size of a report, without its texts."""


def list_secondaries(name: str, states: SecondaryStates, asked: AskSecondaries) -> Secondaries:
    """Return a page of the secondaries, the answer to ``resolvers.secondaries``."""
    now = time.time()
    after = (asked.after[0], asked.after[1]) if asked.after is not None else None
    page: list[SecondaryReport] = []
    octets = 0
    for state in states.list_states(asked.zone, after):
        report = _describe(state, now)
        octets += REPORT_OCTETS + len(report.zone) + len(report.secondary)
        octets += len(report.problem or "")
        if page and (len(page) == MAX_SECONDARIES or octets > MAX_PAGE_OCTETS):
            return Secondaries(resolver=name, secondaries=page, more=True)
        page.append(report)
    return Secondaries(resolver=name, secondaries=page)


def _describe(state: SecondaryState, now: float) -> SecondaryReport:
    at = state.transferred_at
    return SecondaryReport(
        zone=state.zone,
        secondary=str(state.secondary),
        progress=state.progress.value,
        notified=state.notified,
        age=max(0.0, now - state.notified_at),
        attempts=state.attempts,
        problem=state.problem,
        has=state.has,
        transfer=state.transfer,
        transfer_age=max(0.0, now - at) if at is not None else None,
    )
