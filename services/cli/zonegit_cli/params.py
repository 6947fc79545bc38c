"""Parameter types: the conversion of arguments, and their shell completion."""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click
from click.shell_completion import CompletionItem

from zonegit.errors import Invalid
from zonegit.store.ref_names import DEFAULT_HEAD
from zonegit.zone import names, reverse, rrtypes
from zonegit.zone.names import Name
from zonegit_cli.output import Output
from zonegit_cli.session import Session

if TYPE_CHECKING:
    from zonegit.repo.repo import Repo
    from zonegit.store.refs import ZoneRefs

COMPLETION_TIMEOUT_S: Final = 0.7
"""The default of ``ZONEGIT_COMPLETION_TIMEOUT``."""

MAX_REASON: Final = 1_000
"""Characters; the limit of the wire format (``wire.messages.ChangeInfo``)."""

T = TypeVar("T")


class ZoneName(click.ParamType[Name]):
    """A zone's name. It is absolute, with or without a final dot."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Name:
        return value if isinstance(value, bytes) else names.parse(value)  # type: ignore[return-value]

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(zone) for zone in _complete_zones(ctx, incomplete)]


class NewZone(ZoneName):
    """The name of a zone that is to be registered.

    An address or a network is refused, and the error names its reverse zone. With a final dot it is
    a name.
    """

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Name:
        found = reverse.find_reverse_zones(value) if isinstance(value, str) else None
        if found is None:
            return super().convert(value, param, ctx)
        command = ctx.command_path if ctx is not None else "zonegit zone add"
        zone = names.text(found.first)
        more = f" and so on to {names.text(found.last)}, {found.count} zones in all"
        raise Invalid(
            f"{value!r} is an address or a network, not a zone name",
            hint=f"the reverse zone of {found.network}: {command} {zone}"
            f"{more if found.count > 1 else ''}",
        )


class Word(click.ParamType[str]):
    """An argument that is passed on unchanged.

    Args:
        name: what usage calls it.
        complete: returns the values that begin with a prefix.
    """

    def __init__(self, name: str, complete: Callable[[click.Context, str], Iterable[str]]) -> None:
        self.name = name
        self._complete = complete

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(word) for word in self._complete(ctx, incomplete)]


class Reason(click.ParamType[str]):
    """A reason for the reflog: one line that is not empty."""

    name = "reason"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        reason = " ".join(str(value).split())
        if not reason:
            self.fail("the reason must not be empty", param, ctx)
        if len(reason) > MAX_REASON:
            self.fail(f"the reason must not exceed {MAX_REASON:,} characters", param, ctx)
        return reason


class Time(click.ParamType[float]):
    """A time as in a refish, in seconds since 1970."""

    name = "time"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        if isinstance(value, float):
            return value
        from zonegit.repo import refish_time

        return refish_time.parse_time(str(value), time.time())


def _complete_zones(ctx: click.Context, typed: str) -> list[str]:
    """Complete a zone; if there are very many, one of those that were read within the timeout."""
    from zonegit.repo import read_zones

    found: list[str] = []

    async def read(repo: "Repo") -> None:
        async for refs in read_zones.iter_zones(repo):
            found.append(names.text(refs.zone))

    _read_for_completion(ctx, read)
    return _filter_prefix(typed.lower(), found)


def _complete_branches(ctx: click.Context, typed: str) -> list[str]:
    """Complete a branch of the zone that the command line names, else of the current zone."""
    refs = _read_refs(ctx)
    return _filter_prefix(typed, sorted(refs.heads)) if refs is not None else []


def _complete_tags(ctx: click.Context, typed: str) -> list[str]:
    refs = _read_refs(ctx)
    return _filter_prefix(typed, sorted(refs.tags)) if refs is not None else []


def _complete_refish(ctx: click.Context, typed: str) -> list[str]:
    """Complete a refish with branches, then tags; in ``A..B`` and ``A...B`` the second one."""
    head, dots, _ = typed.rpartition("..")
    refs = _read_refs(ctx)
    known = [*sorted(refs.heads), *sorted(refs.tags)] if refs is not None else []
    return _filter_prefix(typed, (head + dots + word for word in [DEFAULT_HEAD, *known]))


def _complete_types(_ctx: click.Context, typed: str) -> list[str]:
    return _filter_prefix(typed.upper(), rrtypes.NUMBERS)


def _filter_prefix(typed: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(typed)]


def _read_refs(ctx: click.Context) -> "ZoneRefs | None":
    from zonegit.repo import heads

    async def read(repo: "Repo") -> "ZoneRefs":
        zone = ctx.params.get("zone")
        return await repo.refs.zone(await heads.find_zone(repo, zone), repo.actor)

    return _read_for_completion(ctx, read)


def _read_for_completion(ctx: click.Context, read: "Callable[[Repo], Awaitable[T]]") -> T | None:
    """Return the result of ``read``; None if it fails or takes too long.

    Completion must not delay the operator, so it has a short timeout and ignores errors: the
    command itself reports them.
    """
    logging.disable()

    async def run() -> T:
        data = ctx.params.get("data")
        timeout = float(os.environ.get("ZONEGIT_COMPLETION_TIMEOUT") or COMPLETION_TIMEOUT_S)
        session = Session(Output(False), timeout, Path(data) if data else None)
        async with asyncio.timeout(timeout), session.connect() as repo:
            return await read(repo)

    with suppress(Exception):
        return asyncio.run(run())
    return None


ZONE: Final = ZoneName()
NEW_ZONE: Final = NewZone()
ZONE_AT: Final = Word("zone", _complete_zones)
BRANCH: Final = Word("branch", _complete_branches)
TAG: Final = Word("tag", _complete_tags)
REFISH: Final = Word("refish", _complete_refish)
TYPE: Final = Word("type", _complete_types)
TIME: Final = Time()
