"""The process ``zonegit-resolver``: reads settings, runs the service."""

import sys
from functools import partial
from pathlib import Path

import click

from zonegit import process
from zonegit.errors import ZonegitError
from zonegit.store import refnames
from zonegit.zone import names
from zonegit_resolver import app
from zonegit_resolver.answering import canary
from zonegit_resolver.listening import listeners
from zonegit_resolver.settings import options, plan
from zonegit_resolver.settings.options import Options
from zonegit_resolver.settings.plan import Plan
from zonegit_resolver.settings.planfile import PlanFile
from zonegit_resolver.transfers import axfr

DEFAULT_LISTEN = ("127.0.0.1:5353",)


@click.command()
@click.option(
    "--listen",
    multiple=True,
    metavar="HOST:PORT",
    default=DEFAULT_LISTEN,
    show_default=True,
    help="Answer DNS here, UDP and TCP. Port 0: a free one.",
)
@click.option("--zone", "only", multiple=True, metavar="ZONE", help="Serve this zone. [all]")
@click.option(
    "--branch", default=refnames.DEFAULT_BRANCH, show_default=True, help="The branch to serve."
)
@click.option("--at", metavar="REFISH", help="Serve the past: stay at this commit of each zone.")
@click.option(
    "--canary",
    "split",
    metavar="BRANCH:PERCENT",
    help="Answer this share of all client subnets from another branch.",
)
@click.option(
    "--canary-salt",
    default=canary.DEFAULT_SALT,
    show_default=True,
    help="Another salt chooses other subnets.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Branch, canary, salt and pin for each zone, over these flags; read again at SIGHUP.",
)
@click.option("--metrics", metavar="HOST:PORT", help="Serve /metrics, /livez and /readyz here.")
@click.option(
    "--transfer-to",
    multiple=True,
    metavar="CIDR",
    help="Let this network transfer zones too, beside the loopback.",
)
@click.option("--name", help="What this resolver is called. [HOST-PORT]")
@process.common_options
def main(
    listen: tuple[str, ...],
    only: tuple[str, ...],
    branch: str,
    at: str | None,
    split: str | None,
    canary_salt: str,
    config: Path | None,
    metrics: str | None,
    transfer_to: tuple[str, ...],
    name: str | None,
    data: Path | None,
    nats_url: str | None,
    log_level: str,
) -> None:
    """Answer DNS queries from zones as they are committed.

    Each change is served within milliseconds, because the bus tells of it. While the bus is away,
    queries are answered from memory, and after a restart from disk. Many resolvers may listen on
    one address.

    \b
    Examples:
      zonegit-resolver --listen 127.0.0.1:5300
      zonegit-resolver --at v1 --listen 127.0.0.1:5301
      zonegit-resolver --canary next:10
      zonegit-resolver --config /etc/zonegit/resolver.toml
    """
    words = {plan.BRANCH: branch, plan.CANARY: split, plan.SALT: canary_salt, plan.AT: at}
    flags = {setting: text for setting, text in words.items() if text is not None}
    try:
        addresses = [listeners.parse(text) for text in listen]
        zones = frozenset(names.parse(text) for text in only)
        by_flags = Plan(plan.serving(flags), only=zones)
        file = PlanFile(config, flags, zones) if config is not None else None
        chosen = Options(
            name=options.checked_name(name or options.default_name(addresses)),
            listen=addresses,
            plan=file.read() if file is not None else by_flags,
            config=file,
            metrics=listeners.parse(metrics) if metrics is not None else None,
            transfer_to=(*axfr.LOOPBACK, *map(axfr.network, transfer_to)),
        )
    except ZonegitError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise click.UsageError(f"{error.message}{hint}") from error
    serve = partial(app.run, chosen)
    sys.exit(process.run(app.NAME, serve, data=data, nats_url=nats_url, log_level=log_level))


if __name__ == "__main__":
    main()
