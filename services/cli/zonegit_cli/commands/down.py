"""zonegit down: stop the stack of a data folder."""

import asyncio
from contextlib import suppress

from zonegit import config
from zonegit.errors import NotFound, Unavailable
from zonegit_cli import options
from zonegit_cli.session import Session
from zonegit_cli.stack import record, supervisor_identity


@options.session_command("down")
async def command(session: Session) -> None:
    """Stop the stack of --data (ZONEGIT_DATA), and wait until it exits."""
    data = session.settings.data.absolute()
    found = config.read_stack(data)
    if not record.is_running(data) or found is None:
        raise NotFound(f"no stack runs from {data}", hint="start one with zonegit up")
    pid = int(found["pid"])
    start = found.get("start")
    with suppress(ProcessLookupError):
        supervisor_identity.stop(
            pid, start if isinstance(start, int) else None, data / config.STACK_FILE
        )
    try:
        async with asyncio.timeout(session.timeout):
            while record.is_running(data):  # noqa: ASYNC110 # another process's lock
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise Unavailable(
            f"the stack (pid {pid}) did not exit within {session.timeout:g} s"
        ) from None
    session.output.print_result(
        {"stopped": pid, "data": str(data)}, [f"stopped the stack of {data}"]
    )
