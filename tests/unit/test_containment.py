"""An unexpected exception ends the work that it belongs to, and nothing else."""

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from zonegit import containment
from zonegit.containment import contain, isolate, keep_running
from zonegit.errors import Corrupt, Denied, Internal


def test_an_unexpected_exception_becomes_internal_and_is_logged_with_its_traceback() -> None:
    before = containment.counts["zone"]
    bug = ValueError("a value of a tenant")
    with capture_logs() as logs, pytest.raises(Internal) as raised, contain("zone", zone="foo."):
        raise bug
    assert raised.value.__cause__ is bug
    assert "a value of a tenant" not in raised.value.message
    (event,) = logs
    assert event["event"] == "unexpected.error"
    assert event["zone"] == "foo."
    assert event["exc_info"] is bug
    assert containment.counts["zone"] == before + 1


def test_a_zonegit_error_passes_unchanged() -> None:
    with capture_logs() as logs, pytest.raises(Corrupt, match="rot"), contain("zone"):
        raise Corrupt("rot")
    with capture_logs() as more, pytest.raises(Corrupt, match="rot"), contain("zone"):
        raise ExceptionGroup("tasks", [ExceptionGroup("tasks", [Corrupt("rot")])])
    assert [*logs, *more] == []


def test_a_bug_in_a_group_takes_precedence_over_zonegit_errors() -> None:
    with pytest.raises(Internal, match="KeyError"), contain("zone"):
        raise ExceptionGroup("tasks", [Corrupt("rot"), KeyError("bug")])


async def test_cancellation_is_not_swallowed() -> None:
    for surround in (contain, isolate):
        with pytest.raises(asyncio.CancelledError), surround("zone"):
            raise asyncio.CancelledError


@pytest.mark.parametrize("error", [ValueError("bug"), Corrupt("rot")])
def test_an_isolated_step_is_logged_and_ends_there(error: Exception) -> None:
    with capture_logs() as logs, isolate("observer", zone=lambda: "foo."):
        raise error
    assert [event["zone"] for event in logs] == ["foo."]


def test_repeated_errors_are_logged_at_powers_of_two() -> None:
    with capture_logs() as logs:
        for number in range(100):
            with isolate("ever fewer", subject=str(number)):
                raise ValueError("bug")
    assert [event["times"] for event in logs] == [1, 2, 4, 8, 16, 32, 64]


async def test_a_task_is_repeated_until_it_returns() -> None:
    runs = iter([ValueError("bug"), Internal("a bug elsewhere"), None])

    async def run() -> None:
        if error := next(runs):
            raise error

    await keep_running("task", run, retry_first_s=0)
    assert list(runs) == []


async def test_a_task_with_a_zonegit_error_is_not_repeated() -> None:
    async def run() -> None:
        raise Denied("not you")

    with pytest.raises(Denied):
        await keep_running("task", run)


async def test_a_task_that_waits_for_its_repetition_can_be_cancelled() -> None:
    started = asyncio.Event()

    async def run() -> None:
        started.set()
        raise ValueError("bug")

    task = asyncio.create_task(keep_running("task", run, retry_first_s=300))
    await started.wait()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_failing_callback_of_the_event_loop_is_logged_once_of_many() -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(containment.handle_loop_error)

    def fail() -> None:
        raise ValueError("bug")

    with capture_logs() as logs:
        for _ in range(4):
            loop.call_soon(fail)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert [event["times"] for event in logs] == [1, 2, 4]


ROOT = Path(__file__).parents[2]
LONG_LIVED = (
    "services/objectstore",
    "services/refs",
    "services/resolver",
    "shared/zonegit/bus",
    "services/cli/zonegit_cli/stack",
)
ON_PURPOSE = {
    "resolver.follow(bus_settings)": "ends the process when the bus closes the connection for good",
    "resolver.serve()": "ends the process when no socket can be bound",
    "self._follow_log(follower, settings, pins, updater)": "ends the process if the bus denies"
    " what it reads",
    "stopping.wait()": "waits, and does nothing else",
    "_wait_until_ready(options, planned, children)": "ends a stack that does not start",
    "_fail_on_crash_loop(children)": "likewise",
    "_wait_for_reply(bus, service.name, probe, list_broken)": "likewise",
    "_wait_for_resolver(bus, name, list_broken)": "likewise",
    "self._await_failure(follower.log.failed)": "waits, and does nothing else",
    "self._await_failure(settings.failed)": "likewise",
    "self._await_failure(pins.failed)": "likewise",
    "self._run_operation(reply, self._channel.origin(slot))": "notes what an operation meets",
    "self._serve_client(sock, peer, subnet)": "notes what a connection meets, and ends it",
    "self._run_in_task(message, place)": "isolates its request",
    "self._check()": "contains its work, and keeps what it meets for whoever asks",
    "self._ask(each, moved)": "belongs to one wait, which reports what it raises to its caller",
    "self._convert()": "is awaited by who asked; what it raises is logged when it is done",
}


def find_tasks() -> Iterator[tuple[Path, str]]:
    """Return every task that the services create, by its source text."""
    for folder in LONG_LIVED:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Call(func=ast.Attribute(attr="create_task"), args=[work, *_]):
                        yield path, ast.unparse(work)


def test_every_task_of_a_service_is_contained_or_ends_the_process_on_purpose() -> None:
    """A task that raises ends all others of its group, so each new task needs a decision about its
    failure."""
    found = list(find_tasks())
    bare = {work for _, work in found if "keep_running(" not in work}
    assert bare == ON_PURPOSE.keys()
    assert len(found) > len(bare)
