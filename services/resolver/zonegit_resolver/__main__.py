"""Run the process ``zonegit-resolver``: read the options and start the service."""

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import click

from zonegit import process
from zonegit.errors import Invalid, ZonegitError
from zonegit.nameserver import acl
from zonegit.nameserver.acl import LOOPBACK
from zonegit.nameserver.answer import canary
from zonegit.store import ref_names
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_resolver import app
from zonegit_resolver.config import options, serving, tsig_keys
from zonegit_resolver.config.config_file import PlanFile
from zonegit_resolver.config.options import ResolverOptions
from zonegit_resolver.config.serving import ServingPlan, ZoneSettings

DEFAULT_LISTEN = ("127.0.0.1:5353",)


@click.command()
@click.option(
    "--listen",
    multiple=True,
    metavar="HOST:PORT",
    default=DEFAULT_LISTEN,
    show_default=True,
    help="Address to answer DNS queries on, UDP and TCP. Port 0 picks a free port.",
)
@click.option("--zone", "only", multiple=True, metavar="ZONE", help="Serve this zone. [all]")
@click.option(
    "--branch", default=ref_names.DEFAULT_BRANCH, show_default=True, help="Branch to serve."
)
@click.option(
    "--at", metavar="REFISH", help="Serve this commit of each zone and do not follow the branch."
)
@click.option(
    "--canary",
    metavar="BRANCH:PERCENT",
    help="Answer this percentage of client subnets from another branch.",
)
@click.option(
    "--canary-salt",
    default=canary.DEFAULT_SALT,
    show_default=True,
    help="Salt for the subnet hash.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Settings of zones and of the server; they override options. Reloaded on SIGHUP.",
)
@click.option(
    "--config-if-exists",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="As --config; the file may be missing, and be written later.",
)
@click.option("--check-config", is_flag=True, help="Check options and file, and exit.")
@click.option("--metrics", metavar="HOST:PORT", help="Address for /metrics, /livez and /readyz.")
@click.option(
    "--transfer-to",
    multiple=True,
    metavar="CIDR",
    help="Network that may transfer zones, in addition to --allow-transfer.",
)
@click.option(
    "--allow-query", metavar="WORDS", help="Clients that may query: CIDR and key:NAME words. [all]"
)
@click.option(
    "--allow-transfer",
    metavar="WORDS",
    help="Clients that may transfer zones: CIDR and key:NAME words. [loopback]",
)
@click.option(
    "--notify",
    metavar="WORDS",
    help="Secondaries to NOTIFY: HOST:PORT words, each optionally followed by key:NAME.",
)
@click.option(
    "--keys",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File of TSIG keys in the format of tsig-keygen.",
)
@click.option("--nsid", metavar="TEXT", help="Name server identifier (RFC 5001): text or 0xHEX.")
@click.option("--identity", metavar="TEXT", help="Answer to id.server. [REFUSED]")
@click.option("--server-version", metavar="TEXT", help="Answer to version.server. [REFUSED]")
@click.option("--minimal-responses", is_flag=True, help="Omit optional additional records.")
@click.option("--max-udp-size", metavar="OCTETS", help="Maximum size of a UDP reply. [1232]")
@click.option("--max-tcp", metavar="COUNT", help="Maximum number of TCP connections. [2500]")
@click.option(
    "--max-tcp-per-subnet",
    metavar="COUNT",
    help="Maximum number of TCP connections from one /24 (IPv4) or /48 (IPv6). [250]",
)
@click.option(
    "--max-transfers",
    metavar="COUNT",
    help="Maximum number of concurrent zone transfers; others wait. [16]",
)
@click.option("--name", help="Name of this resolver. [HOST-PORT]")
@process.common_options
def main(
    listen: tuple[str, ...],
    only: tuple[str, ...],
    config: Path | None,
    config_if_exists: Path | None,
    check_config: bool,  # an option
    metrics: str | None,
    keys: Path | None,
    name: str | None,
    data: Path | None,
    nats_url: str | None,
    log_level: str,
    **settings: Any,
) -> None:
    """Answer DNS queries from zones as they are committed.

    Each change is announced on the bus and served within milliseconds. While the bus is down,
    queries are answered from memory, or after a restart from disk. Several resolvers can listen on
    one address.

    \b
    Examples:
      zonegit-resolver --listen 127.0.0.1:5300
      zonegit-resolver --at v1 --listen 127.0.0.1:5301
      zonegit-resolver --canary next:10
      zonegit-resolver --config /etc/zonegit/resolver.toml
    """
    try:
        zones = frozenset(names.parse(text) for text in only)
        flags = _make_flags(settings, keys)
        plan = _make_plan(flags, zones, keys)
        file = _make_file(config, config_if_exists, flags, zones)
        addresses = [acl.parse_address(text) for text in listen]
        chosen = ResolverOptions(
            name=options.check_name(name or options.default_name(addresses)),
            listen=addresses,
            plan=file.read() if file is not None else plan,
            config=file,
            metrics=acl.parse_address(metrics) if metrics is not None else None,
        )
    except ZonegitError as error:
        hint = f" ({error.hint})" if error.hint else ""
        click.echo(f"Error: {error.message}{hint}", err=True)
        sys.exit(process.USAGE_STATUS)
    if check_config:
        return
    serve = partial(app.run, chosen)
    sys.exit(process.run(app.NAME, serve, data=data, nats_url=nats_url, log_level=log_level))


def _make_file(
    config: Path | None, if_exists: Path | None, flags: ZoneSettings, only: frozenset[Name]
) -> PlanFile | None:
    if config is not None and if_exists is not None:
        raise Invalid("--config and --config-if-exists are mutually exclusive")
    path = config or if_exists
    if path is None:
        return None
    return PlanFile(path, flags, only, is_optional=config is None)


def _make_flags(settings: Mapping[str, Any], keys: Path | None) -> ZoneSettings:
    """Return the settings that options give. Each has the name of its option without the dashes."""
    every = (*serving.ZONE_SETTINGS, *serving.SERVER_SETTINGS)
    texts = {
        setting: settings[setting.replace("-", "_")] for setting in every if setting != serving.KEYS
    }
    texts[serving.KEYS] = str(keys.absolute()) if keys is not None else None
    texts[serving.MINIMAL_RESPONSES] = "yes" if texts[serving.MINIMAL_RESPONSES] else None
    if settings["transfer_to"]:
        first = texts[serving.ALLOW_TRANSFER] or str(LOOPBACK)
        texts[serving.ALLOW_TRANSFER] = " ".join((first, *settings["transfer_to"]))
    return {setting: text for setting, text in texts.items() if text is not None}


def _make_plan(flags: ZoneSettings, only: frozenset[Name], keys: Path | None) -> ServingPlan:
    server_options = serving.read_server_options(
        flags, tsig_keys.read(keys) if keys is not None else {}
    )
    return ServingPlan(
        serving.read_serving(flags, server_options.keys), {}, only, server_options, keys
    )


if __name__ == "__main__":
    main()
