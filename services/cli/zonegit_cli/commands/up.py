"""zonegit up: the whole stack on this machine."""

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

DETACH_S = 40.0


@options.page("up")
@click.option(
    "--listen",
    multiple=True,
    metavar="HOST:PORT",
    default=("127.0.0.1:5300",),
    show_default=True,
    help="Answer DNS here, over UDP and TCP; may be given several times. Port 0: a free one.",
)
@click.option("--metrics", metavar="HOST:PORT", help="Serve /metrics, /livez and /readyz here.")
@click.option(
    "--resolvers",
    type=click.IntRange(1, 256),
    metavar="N",
    default=1,
    show_default=True,
    help="How many share the port; one to a core is as many as help.",
)
@click.option(
    "--resolver-config",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="How each zone is served: zonegit-resolver's --config. SIGHUP has it read again.",
)
@click.option("--detach", is_flag=True, help="Return once it is up, and leave it running.")
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    default="info",
    show_default=True,
    help="What the services log, to the folder logs of the data.",
)
@click.option(
    "--log-size",
    type=click.IntRange(1, 10_000),
    metavar="MB",
    default=10,
    show_default=True,
    help="Rotate a log that is longer, also while it is written.",
)
@click.option(
    "--log-files",
    type=click.IntRange(0, 100),
    metavar="N",
    default=5,
    show_default=True,
    help="Rotated logs of each process that are kept.",
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
    """Start bus, object store, refs and resolvers, and start again whatever dies.

    Data lies in --data (ZONEGIT_DATA); every other command with the same setting finds the stack
    there. Runs until Ctrl-C or zonegit down. If a store cannot be opened, up names the file and the
    next step, resolvers serve from their disks, and the store is opened once its file is replaced.

    \b
    zonegit up --detach
    zonegit up --listen 192.0.2.53:53 --resolvers 2 --metrics 127.0.0.1:9153
    """
    os.umask(folder.PRIVATE)
    data = session.settings.data.absolute()
    if detach:
        _start_in_background(session, data)
        return
    logs = LogBounds(log_size * 1_000_000, log_files)
    options = UpOptions(data, listen, metrics, resolvers, resolver_config, log_level, logs)
    with record.locked(data):
        planned = supervisor.plan(options)
        await supervisor.run(
            options, planned, lambda up: _tell(session, data, up), session.output.note
        )


def _start_in_background(session: Session, data: Path) -> None:
    with record.locked(data):
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
    deadline = time.monotonic() + DETACH_S
    while time.monotonic() < deadline:
        found = config.read_stack(data)
        if found and found.get("ready"):
            _tell(session, data, StackRecord(**found))
            return
        if process.poll() is not None:
            break
        time.sleep(0.01)
    said = log.read_text(errors="replace").strip().removeprefix("zonegit: ")
    raise Unavailable(f"the stack did not come up: {said or 'it said nothing'}")


def _tell(session: Session, data: Path, up: StackRecord) -> None:
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
    how = "up" if not up.degraded else "up in part"
    lines = [
        f"zonegit is {how} (pid {up.pid})",
        *(f"  {name} cannot open its store: {why}" for name, why in up.degraded.items()),
        f"  data     {data}",
        f"  bus      {up.bus['url']}",
        f"  dns      {', '.join(up.dns)} (udp, tcp), {up.resolvers} resolver(s)",
        *([f"  metrics  {metrics}"] if metrics else []),
        f"  ask      zonegit query NAME TYPE, or dig @{host} -p {port} NAME TYPE",
        "  stop     zonegit down",
    ]
    session.output.result(facts, lines)
    sys.stdout.flush()
