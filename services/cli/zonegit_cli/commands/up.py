"""zonegit up: start the stack on this machine."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from zonegit import config
from zonegit.errors import Unavailable
from zonegit_cli import options
from zonegit_cli.parse.addresses import parse_address
from zonegit_cli.session import Session
from zonegit_cli.stack import folder, record, supervisor
from zonegit_cli.stack.logs import LogBounds
from zonegit_cli.stack.record import StackRecord
from zonegit_cli.stack.supervisor import UpOptions

START_TIMEOUT_S = 40.0


@options.session_command("up")
@click.option(
    "--listen",
    multiple=True,
    metavar="HOST:PORT",
    default=("127.0.0.1:5300",),
    show_default=True,
    help="Answer DNS here, over UDP and TCP; repeatable. Port 0 picks a free port.",
)
@click.option("--metrics", metavar="HOST:PORT", help="Serve /metrics, /livez and /readyz here.")
@click.option(
    "--resolvers",
    type=click.IntRange(1, 256),
    metavar="N",
    default=1,
    show_default=True,
    help="Number of resolver processes (at most one per core).",
)
@click.option(
    "--resolver-config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Configuration of the resolvers (zonegit-resolver --config). SIGHUP reloads it."
    " [resolver.toml in --data, if it exists]",
)
@click.option("--detach", is_flag=True, help="Run in the background; return when it is ready.")
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    default="info",
    show_default=True,
    help="Log level of the services; they log to the folder logs in --data.",
)
@click.option(
    "--log-size",
    type=click.IntRange(1, 10_000),
    metavar="MB",
    default=10,
    show_default=True,
    help="Rotate a log that exceeds this size.",
)
@click.option(
    "--log-files",
    type=click.IntRange(0, 100),
    metavar="N",
    default=5,
    show_default=True,
    help="Number of rotated logs to keep for each process.",
)
async def command(
    session: Session,
    listen: tuple[str, ...],
    metrics: str | None,
    resolvers: int,
    resolver_config: Path | None,
    detach: bool,
    log_level: str,
    log_size: int,
    log_files: int,
) -> None:
    """Start bus, object store, refs and resolvers, and restart processes that exit.

    Data is kept in --data (ZONEGIT_DATA); other commands with the same setting use this stack. It
    runs until Ctrl-C or zonegit down. If a store cannot be opened, up names the file and the next
    step, resolvers serve from their disks, and the store is opened when its file is replaced.

    \b
    zonegit up --detach
    zonegit up --listen 192.0.2.53:53 --resolvers 2 --metrics 127.0.0.1:9153
    """
    os.umask(folder.PRIVATE)
    data = session.settings.data.absolute()
    await supervisor.check_config(data, resolver_config)
    if detach:
        _start_in_background(session, data)
        return
    logs = LogBounds(log_size * 1_000_000, log_files)
    options = UpOptions(data, listen, metrics, resolvers, resolver_config, log_level, logs)
    with record.lock(data):
        planned = supervisor.plan(options)
        await supervisor.run(
            options, planned, lambda up: _print(session, data, up), session.output.print_note
        )


def _start_in_background(session: Session, data: Path) -> None:
    with record.lock(data):
        record.remove(data)
    words = [word for word in sys.argv[1:] if word != "--detach"]
    (data / "logs").mkdir(exist_ok=True)
    log = data / "logs" / "up.log"
    log.unlink(missing_ok=True)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "zonegit_cli", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=output,
            start_new_session=True,
            env={**os.environ, "ZONEGIT_DATA": str(data)},
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        found = config.read_stack(data)
        if found and found.get("ready"):
            _print(session, data, StackRecord(**found))
            return
        if process.poll() is not None:
            break
        time.sleep(0.01)
    text = log.read_text(errors="replace").strip().removeprefix("zonegit: ")
    raise Unavailable(f"the stack did not start: {text or 'no log output'}")


def _print(session: Session, data: Path, up: StackRecord) -> None:
    host, port = parse_address(up.dns[0])
    metrics = f"http://{up.metrics}/metrics" if up.metrics else None
    facts: dict[str, Any] = {
        "pid": up.pid,
        "data": str(data),
        "dns": up.dns,
        "bus": up.bus["url"],
        "metrics": metrics,
        "resolvers": up.resolvers,
        "degraded": up.degraded,
    }
    state = "up" if not up.degraded else "degraded"
    lines = [
        f"zonegit is {state} (pid {up.pid})",
        *(f"  {name} cannot open its store: {error}" for name, error in up.degraded.items()),
        f"  data     {data}",
        f"  bus      {up.bus['url']}",
        f"  dns      {', '.join(up.dns)} (udp, tcp), {up.resolvers} resolver(s)",
        *([f"  metrics  {metrics}"] if metrics else []),
        f"  ask      zonegit query NAME TYPE, or dig @{host} -p {port} NAME TYPE",
        "  stop     zonegit down",
    ]
    session.output.print_result(facts, lines)
    sys.stdout.flush()
