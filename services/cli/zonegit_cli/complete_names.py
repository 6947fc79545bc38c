"""The names of zones, branches and tags for shell completion, read over the bus.

Completion must not delay the operator, so it has a short timeout and ignores errors: the command
itself reports them.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

import click

from zonegit.repo import heads, many_zones
from zonegit.repo.repo import Repo
from zonegit.store.refs import ZoneRefs
from zonegit.zone import names
from zonegit_cli.output import Output
from zonegit_cli.session import Session

TIMEOUT_S: Final = 0.7
"""The default of ``ZONEGIT_COMPLETION_TIMEOUT``."""

T = TypeVar("T")


def list_zones(ctx: click.Context) -> list[str]:
    """Return the zones; if there are very many, those that were read within the timeout."""
    found: list[str] = []

    async def read(repo: Repo) -> None:
        async for refs in many_zones.iter_zones(repo):
            found.append(names.text(refs.zone))

    _read(ctx, read)
    return found


def list_branches(ctx: click.Context) -> list[str]:
    """Return the branches of the zone that the command line names, else of the current zone."""
    refs = _read_refs(ctx)
    return sorted(refs.heads) if refs is not None else []


def list_tags(ctx: click.Context) -> list[str]:
    """Return the tags of that zone."""
    refs = _read_refs(ctx)
    return sorted(refs.tags) if refs is not None else []


def list_branches_and_tags(ctx: click.Context) -> list[str]:
    """Return the branches of that zone, then its tags."""
    refs = _read_refs(ctx)
    return [*sorted(refs.heads), *sorted(refs.tags)] if refs is not None else []


def _read_refs(ctx: click.Context) -> ZoneRefs | None:
    async def read(repo: Repo) -> ZoneRefs:
        zone = ctx.params.get("zone")
        return await repo.refs.zone(await heads.find_zone(repo, zone), repo.actor)

    return _read(ctx, read)


def _read(ctx: click.Context, read: Callable[[Repo], Awaitable[T]]) -> T | None:
    """Return the result of ``read``; None if it fails or takes too long."""
    logging.disable()

    async def run() -> T:
        data = ctx.params.get("data")
        timeout = float(os.environ.get("ZONEGIT_COMPLETION_TIMEOUT") or TIMEOUT_S)
        session = Session(Output(False), timeout, Path(data) if data else None)
        async with asyncio.timeout(timeout), session.connect() as repo:
            return await read(repo)

    with suppress(Exception):
        return asyncio.run(run())
    return None
