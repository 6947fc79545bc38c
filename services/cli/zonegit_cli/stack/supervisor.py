"""The supervisor of a stack: start its processes, restart them, stop them in reverse order.

The supervisor has no DNS socket: every resolver binds the shared port itself (SO_REUSEPORT).
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Container, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from zonegit import containment
from zonegit.errors import Unavailable
from zonegit.process import USAGE_STATUS
from zonegit.wire.services import SERVICES, STORES, Service, Sharing
from zonegit_cli.parse.addresses import format_address, parse_address
from zonegit_cli.stack import folder, nats, readiness, record
from zonegit_cli.stack.child import Child, Note, keep_running
from zonegit_cli.stack.logs import LogBounds, keep_rotating, rotate
from zonegit_cli.stack.ports import PortPlan
from zonegit_cli.stack.record import StackRecord
from zonegit_cli.terminal import find_start
from zonegit_cli.usage import Usage

START_TIMEOUT_S: Final = 30.0
WATCH_INTERVAL_S: Final = 1.0
"""Interval of the check for services that cannot open their stores."""
CHECK_TIMEOUT_S: Final = 30.0
MAX_STARTS: Final = 4
"""Starts of a process before the stack is ready, after which it is taken for a crash loop."""


class UpOptions(msgspec.Struct, frozen=True):
    """The options of ``zonegit up``, and the services that it runs. Ports may be 0;
    ``resolver_config`` is None for the file :data:`folder.CONFIG` in the data folder, which may be
    missing."""

    data: Path
    listen: Sequence[str]
    metrics: str | None
    resolvers: int
    resolver_config: Path | None
    log_level: str
    logs: LogBounds = LogBounds()
    services: Sequence[Service] = SERVICES


def plan(options: UpOptions) -> StackRecord:
    """Choose ports and passwords.

    Raises:
        Conflict: an address is in use.
        Invalid: an address is malformed.
    """
    users = nats.make_passwords(record.list_resolver_names(options.resolvers), options.services)
    addresses = [parse_address(text) for text in options.listen]
    ports = PortPlan(port for _, port in addresses)
    bus = {"url": f"nats://127.0.0.1:{ports.find_free()}", "users": users}
    dns = [format_address(host, ports.choose(host, port)) for host, port in addresses]
    pid = os.getpid()
    start = find_start(pid)
    return StackRecord(
        pid, bus, dns, _choose_metrics_address(options, ports), options.resolvers, start=start
    )


def _choose_metrics_address(options: UpOptions, ports: PortPlan) -> str | None:
    if options.metrics is None:
        return None
    host, port = parse_address(options.metrics)
    return format_address(host, port or ports.find_free(host))


async def run(
    options: UpOptions, planned: StackRecord, ready: Callable[[StackRecord], None], note: Note
) -> None:
    """Run the stack until SIGTERM or SIGINT.

    SIGHUP is passed on to the resolvers, which read their configuration file again. It stops the
    stack only if the terminal that it was started in has gone.

    Args:
        options: the options of the command.
        planned: the ports and passwords.
        ready: called when all services answer; a store that cannot be opened does not delay it, as
            the resolvers serve from their disks.
        note: prints notes about the processes.

    Raises:
        Unavailable: a process does not start; names it, with the end of its log.
    """
    ports = PortPlan(_list_ports(planned))
    pages = _choose_metrics(planned, ports, record.list_resolver_names(planned.resolvers))
    store_pages = _choose_metrics(planned, ports, STORES)
    children = _make_children(options, planned, pages, store_pages)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(containment.handle_loop_error)
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stopping.set)
    loop.add_signal_handler(
        signal.SIGHUP, _handle_hangup, children, set(pages), stopping, _has_terminal()
    )
    record.write(options.data, planned)
    try:
        async with _run_children(children, note), _serve_metrics(planned, store_pages, pages):
            logs = [*(child.log for child in children), options.data / "logs" / "up.log"]
            rotate_logs = partial(keep_rotating, logs, options.logs)
            rotating = asyncio.create_task(containment.keep_running("log-file", rotate_logs))
            stop = asyncio.create_task(stopping.wait())
            starting = asyncio.create_task(_wait_until_ready(options, planned, children))
            await asyncio.wait({stop, starting}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                up = _record_degraded(options, planned, children)
                ready(up)
                watch = partial(_watch_degraded, options, up, children)
                watching = asyncio.create_task(containment.keep_running("process", watch))
                await stop
                watching.cancel()
            starting.cancel()
            stop.cancel()
            rotating.cancel()
    finally:
        record.remove(options.data)


def _record_degraded(options: UpOptions, up: StackRecord, children: Sequence[Child]) -> StackRecord:
    """Record that the stack is ready, and which services cannot open their stores."""
    degraded = {
        child.name: failure.describe()
        for child in children
        if (failure := child.find_store_failure()) is not None
    }
    now = msgspec.structs.replace(up, ready=True, degraded=degraded)
    if now != up:
        record.write(options.data, now)
    return now


async def _watch_degraded(options: UpOptions, up: StackRecord, children: Sequence[Child]) -> None:
    while True:
        await asyncio.sleep(WATCH_INTERVAL_S)
        up = _record_degraded(options, up, children)


def _list_broken(children: Sequence[Child]) -> set[str]:
    return {child.name for child in children if child.find_store_failure() is not None}


def _has_terminal() -> bool:
    return sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()


def _handle_hangup(
    children: Sequence[Child],
    names: Container[str],
    stopping: asyncio.Event,
    had_terminal: bool,  # a callback
) -> None:
    """Let the resolvers reload, or stop if the terminal of the stack was closed."""
    if had_terminal and not _has_terminal():
        stopping.set()
        return
    for child in children:
        if child.name in names:
            child.send(signal.SIGHUP)


@asynccontextmanager
async def _run_children(children: Sequence[Child], note: Note) -> AsyncIterator[None]:
    """Keep the children running while the context is open; then stop them in reverse order."""
    # If a child cannot be started, for lack of processes or disk space, it is tried again.
    work = (partial(keep_running, child, note) for child in children)
    tasks = [asyncio.create_task(containment.keep_running("process", each)) for each in work]
    try:
        yield
    finally:
        # Stop the resolvers first, then the stores; stop the bus last, so that services can
        # disconnect cleanly.
        for task in reversed(tasks):
            task.cancel()
            await asyncio.wait({task})


@asynccontextmanager
async def _serve_metrics(
    planned: StackRecord, stores: Mapping[str, str | None], resolvers: Mapping[str, str | None]
) -> AsyncIterator[None]:
    if planned.metrics is None:
        yield
        return
    from zonegit_cli.stack import metrics  # imports the Prometheus client, used only here

    async with metrics.serve(planned.metrics, _drop_none(stores), _drop_none(resolvers)):
        yield


def _drop_none(pages: Mapping[str, str | None]) -> dict[str, str]:
    return {name: page for name, page in pages.items() if page is not None}


async def _wait_until_ready(
    options: UpOptions, planned: StackRecord, children: Sequence[Child]
) -> None:
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(_fail_on_crash_loop(children))
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await readiness.wait_until_ready(
                    planned, partial(_list_broken, children), options.services
                )
        except TimeoutError as error:
            raise Unavailable(
                f"the stack did not start within {START_TIMEOUT_S:g} s",
                hint=f"its logs are in {children[0].log.parent}",
            ) from error
        watching.cancel()


async def _fail_on_crash_loop(children: Sequence[Child]) -> None:
    while True:
        await asyncio.sleep(0.1)
        for child in children:
            if child.has_bad_config:
                tail = "".join(child.read_log_tail(1)) or f"{child.name} refuses its options"
                raise Usage(tail.removeprefix("Error: "))
            if child.starts >= MAX_STARTS and child.find_store_failure() is None:
                tail = " | ".join(child.read_log_tail()) or "no log output"
                raise Unavailable(
                    f"{child.name} does not start: {tail}", hint=f"its log is {child.log}"
                )


def _list_ports(planned: StackRecord) -> list[int]:
    """Return the ports of a stack that are chosen already."""
    served = [*planned.dns, *([planned.metrics] if planned.metrics is not None else [])]
    bus = planned.bus["url"].removeprefix("nats://")
    return [parse_address(each)[1] for each in [bus, *served]]


def _choose_metrics(
    planned: StackRecord, ports: PortPlan, names: Iterable[str]
) -> dict[str, str | None]:
    """Return the address for the metrics of each service; None if metrics are not served."""
    is_served = planned.metrics is not None
    return {name: f"127.0.0.1:{ports.find_free()}" if is_served else None for name in names}


def _make_children(
    options: UpOptions,
    planned: StackRecord,
    pages: Mapping[str, str | None],
    store_pages: Mapping[str, str | None],
) -> list[Child]:
    logs = options.data / "logs"
    logs.mkdir(exist_ok=True)
    port = int(planned.bus["url"].rpartition(":")[2])
    configuration = nats.write_configuration(
        options.data, port, planned.bus["users"], options.services
    )
    bus = Child("nats", [nats.find_binary(), "-c", str(configuration)], {}, logs / "nats.log")
    children = [bus]
    for service in options.services:
        if service.sharing is Sharing.NAMES:
            children += [_make_resolver(options, planned, service, *each) for each in pages.items()]
        else:
            children += _make_instances(options, planned, service, store_pages.get(service.name))
    for child in children:
        rotate(child.log, options.logs)
    return children


def _make_instances(
    options: UpOptions, planned: StackRecord, service: Service, page: str | None
) -> list[Child]:
    """Return the processes of a service: ``name``, ``name-2`` and so on.

    ``page`` is the address for the metrics of a store; None if they are not served.
    """
    arguments = ["--metrics", page] if page is not None else []
    numbered = (f"{service.name}-{number}" for number in range(2, service.instances + 1))
    names = [service.name, *numbered][: service.instances]
    return [
        _make_process(options, planned, service, name, service.name, arguments) for name in names
    ]


def _make_resolver(
    options: UpOptions, planned: StackRecord, service: Service, name: str, page: str | None
) -> Child:
    arguments = ["--name", name]
    for address in planned.dns:
        arguments += ["--listen", address]
    if page is not None:
        arguments += ["--metrics", page]
    config, words = _find_config(options.data, options.resolver_config)
    child = _make_process(options, planned, service, name, name, [*arguments, *words])
    child.config = config
    return child


def _find_config(data: Path, chosen: Path | None) -> tuple[Path, list[str]]:
    """Return the configuration file of the resolvers, and the options that name it."""
    if chosen is not None:
        return chosen, ["--config", str(chosen.absolute())]
    file = data / folder.CONFIG
    return file, ["--config-if-exists", str(file)]


async def check_config(data: Path, chosen: Path | None) -> None:
    """Check the configuration file of the resolvers with a resolver, before anything is started.

    Args:
        data: the data folder.
        chosen: the file; None for the default file, which may be missing.

    Raises:
        Usage: it has an error; the message names file and line.
        Unavailable: the check failed.
    """
    file, words = _find_config(data, chosen)
    if chosen is None and not file.exists():
        return
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "zonegit_resolver", "--check-config", *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            _, output = await process.communicate()
    except TimeoutError:
        raise Unavailable(
            f"{file} was not checked within {CHECK_TIMEOUT_S:.0f} s",
            hint="the machine may be overloaded; try again",
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        lines = output.decode(errors="replace").strip().splitlines()
        text = lines[-1] if lines else f"{file}: the check ended with {process.returncode}"
        if process.returncode == USAGE_STATUS:
            raise Usage(text.removeprefix("Error: "))
        raise Unavailable(f"the configuration cannot be checked: {text}")


def _make_process(
    options: UpOptions,
    planned: StackRecord,
    service: Service,
    name: str,
    user: str,
    arguments: Sequence[str],
) -> Child:
    """Return one process of a service, with its name in the stack and its user on the bus."""
    password = planned.bus["users"][user]
    host = planned.bus["url"].removeprefix("nats://")
    command = [sys.executable, "-m", service.module, "--log-level", options.log_level]
    environment = {
        "ZONEGIT_NATS_URL": f"nats://{user}:{password}@{host}",
        "ZONEGIT_DATA": str(options.data),
    }
    log = options.data / "logs" / f"{name}.log"
    return Child(name, [*command, *arguments], environment, log, is_store=service.has_store)
