"""Ask the ref store to check its own file."""

import asyncio
from collections.abc import Callable
from typing import Final

from zonegit.errors import Invalid
from zonegit.store.protocols import CheckedStore, RefStore

POLL_S: Final = 0.1


async def check_refs(refs: RefStore, say: Callable[[str], None]) -> CheckedStore | None:
    """Ask the ref store to check its file, and wait until it has finished.

    Args:
        refs: the ref store.
        say: called with a text about the progress.

    Returns:
        The result; None if the ref store is of an earlier release that cannot check its file.

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
