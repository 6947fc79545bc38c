"""Ask the ref store whether its own file is whole."""

import asyncio
from collections.abc import Callable
from typing import Final

from zonegit.errors import Invalid
from zonegit.store.protocols import CheckedStore, RefStore

POLL_S: Final = 0.1


async def check_refs(refs: RefStore, say: Callable[[str], None]) -> CheckedStore | None:
    """Have the ref store check its file, and wait for the end of that.

    Args:
        refs: the ref store.
        say: takes in words how far it is.

    Returns:
        The findings, or None if the ref store is of an earlier release, which has no check.

    Raises:
        Unavailable: the ref store does not answer.
    """
    try:
        found = await refs.check(again=True)
    except Invalid:
        return None
    while not found.done:
        say(f"{found.rows:,} rows of the log checked")
        await asyncio.sleep(POLL_S)
        found = await refs.check()
    return found
