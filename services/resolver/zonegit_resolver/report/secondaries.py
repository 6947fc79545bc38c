"""Report what the secondaries of zones were notified of and transferred."""

import itertools
import time

from zonegit.wire.messages import MAX_SECONDARIES, AskSecondaries, Secondaries, SecondaryReport
from zonegit_resolver.xfr.secondary_states import SecondaryState, SecondaryStates


def list_secondaries(name: str, states: SecondaryStates, asked: AskSecondaries) -> Secondaries:
    """Return a page of the secondaries, the answer to ``resolvers.secondaries``."""
    now = time.time()
    after = (asked.after[0], asked.after[1]) if asked.after is not None else None
    page = list(itertools.islice(states.list_states(asked.zone, after), MAX_SECONDARIES + 1))
    return Secondaries(
        resolver=name,
        secondaries=[_describe(state, now) for state in page[:MAX_SECONDARIES]],
        more=len(page) > MAX_SECONDARIES,
    )


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
