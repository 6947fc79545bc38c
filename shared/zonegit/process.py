"""Run a service as a process: its options, its signals, its exit status.

SIGTERM and SIGINT cancel the root task, so everything is closed in order; a second signal cancels
the closing as well.
"""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Collection, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

import click
import structlog

from zonegit import config, containment, release, telemetry
from zonegit.config import BusSettings, ClientSettings
from zonegit.errors import Unavailable, ZonegitError

F = TypeVar("F", bound=Callable[..., object])

PRIVATE: Final = 0o077
"""The umask of a service: only the owner may access the files and folders that it creates,
including those of SQLite."""
USAGE_STATUS: Final = 2
"""The exit status of a service with a wrong option or configuration file. A restart does not help,
so service managers should not restart it (systemd: ``RestartPreventExitStatus=2``)."""
FILE_STATUS: Final = 65
"""The exit status of a service that cannot use one of its files (``EX_DATAERR`` of sysexits.h)."""
LEVELS: Final = ("debug", "info", "warning", "error")

DEFAULT_BACKEND: Final = "sqlite"
"""The storage backend of a service unless its setting names another one."""

MAX_PORT: Final = 65_535

stopping: Final = threading.Event()
"""Set once a signal has requested the process to stop: its end is then orderly."""


def common_options(command: F) -> F:
    """Add the options that every service has: --data, --nats-url, --log-level, --version."""
    for option in (
        click.version_option(release(), prog_name="zonegit"),
        click.option(
            "--log-level",
            type=click.Choice(LEVELS),
            default="info",
            envvar="ZONEGIT_LOG_LEVEL",
            show_default=True,
            help="Lowest level to log, on stderr.",
        ),
        click.option("--nats-url", metavar="URL", help="URL of the bus. [env: ZONEGIT_NATS_URL]"),
        click.option(
            "--data",
            type=click.Path(path_type=Path, file_okay=False),
            help="Data folder. [env: ZONEGIT_DATA]",
        ),
    ):
        command = option(command)
    return command


def backend_option(names: Collection[str], envvar: str) -> Callable[[F], F]:
    """Return the option --backend of a service that stores data.

    Args:
        names: the names of its storage backends.
        envvar: the environment variable that sets the option.
    """

    def check(context: click.Context, parameter: click.Parameter, value: str) -> str:
        if value not in names:
            raise click.BadParameter(f"unknown backend {value!r}; known: {', '.join(names)}")
        return value

    return click.option(
        "--backend",
        metavar="NAME",
        default=DEFAULT_BACKEND,
        envvar=envvar,
        show_default=True,
        callback=check,
        help=f"Storage backend: {', '.join(names)}.",
    )


def metrics_option(command: F) -> F:
    """Add the option --metrics; its value is a host and a port, or None."""

    def parse(
        context: click.Context, parameter: click.Parameter, value: str | None
    ) -> tuple[str, int] | None:
        if value is None:
            return None
        host, _, port = value.rpartition(":")
        if not host or not port.isascii() or not port.isdecimal() or int(port) > MAX_PORT:
            raise click.BadParameter(f"invalid address {value!r}; for example 127.0.0.1:9154")
        return host.removeprefix("[").removesuffix("]"), int(port)

    return click.option(
        "--metrics", metavar="HOST:PORT", callback=parse, help="Address for /metrics and /livez."
    )(command)


SWITCH_INTERVAL_S: Final = 0.000_5
"""Seconds after which a thread lets a waiting one run: a tenth of Python's default. After each
statement of SQLite the thread of a store waits for the event loop, and a transaction has many
statements."""


def run(
    service: str,
    serve: Callable[[BusSettings, ClientSettings], Coroutine[Any, Any, None]],
    *,
    data: Path | None,
    nats_url: str | None,
    log_level: str,
) -> int:
    """Read the settings, run ``serve`` until a signal or a failure, and return the exit status: 0,
    ``FILE_STATUS`` or 1."""
    os.umask(PRIVATE)
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    telemetry.configure(service, log_level)
    log = structlog.get_logger()
    env = {**os.environ, **({"ZONEGIT_NATS_URL": nats_url} if nats_url else {})}
    try:
        settings = config.load(env, Path.cwd(), data=data, role=service)
        if settings.bus is None:
            raise Unavailable(
                "no bus is configured", hint="set --nats-url, or start a stack with zonegit up"
            )
        log.info("service.starting", bus=settings.bus.shown, data=str(settings.data))
        asyncio.run(_run_until_signal(serve(settings.bus, settings)))
    except ZonegitError as error:
        file = error.details.get("file")
        fields = {"file": file} if file is not None else {}
        log.error("service.failed", code=error.code, error=error.message, hint=error.hint, **fields)
        return FILE_STATUS if file is not None else 1
    log.info("service.stopped")
    return 0


async def _run_until_signal(serving: Coroutine[Any, Any, None]) -> None:
    task = asyncio.ensure_future(serving)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(containment.handle_loop_error)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _stop, task)
    await asyncio.wait([task])
    if not task.cancelled():
        try:
            task.result()
        except BaseExceptionGroup as errors:
            raise containment.find_first(errors) from errors


def _stop(task: asyncio.Future[None]) -> None:
    stopping.set()
    task.cancel()
