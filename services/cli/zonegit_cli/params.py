"""Kinds of arguments: what they convert to, and what a shell completes them with."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from zonegit.errors import Invalid
from zonegit.store.ref_names import DEFAULT_HEAD
from zonegit.zone import names, reverse, rrtypes
from zonegit.zone.names import Name

LONGEST_REASON: Final = 1_000
"""Characters, as the wire has it (``wire.messages.ChangeInfo``)."""


class ZoneName(click.ParamType[Name]):
    """A zone's name, absolute whether it ends in a dot or not."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Name:
        return value if isinstance(value, bytes) else names.parse(value)  # type: ignore[return-value]

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(zone) for zone in _zones(ctx, incomplete)]


class NewZone(ZoneName):
    """The name of a zone that is to be registered; a network is refused with its reverse zone.
    With a final dot it is taken as a name."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Name:
        found = reverse.find_reverse_zones(value) if isinstance(value, str) else None
        if found is None:
            return super().convert(value, param, ctx)
        command = ctx.command_path if ctx is not None else "zonegit zone add"
        zone = names.text(found.first)
        more = f" and so on to {names.text(found.last)}, {found.count} zones in all"
        raise Invalid(
            f"{value!r} is an address or a network, and a zone has a name",
            hint=f"{found.network} has its reverse zone: {command} {zone}"
            f"{more if found.count > 1 else ''}",
        )


class Word(click.ParamType[str]):
    """A word that stays as it was typed; ``fitting`` are those that begin with what was."""

    def __init__(self, name: str, fitting: Callable[[click.Context, str], Iterable[str]]) -> None:
        self.name = name
        self._fitting = fitting

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(word) for word in self._fitting(ctx, incomplete)]


class Reason(click.ParamType[str]):
    """What the reflog keeps of why something had to be: a line that says something."""

    name = "reason"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        said = " ".join(str(value).split())
        if not said:
            self.fail("a reason says something", param, ctx)
        if len(said) > LONGEST_REASON:
            self.fail(f"a reason has {LONGEST_REASON:,} characters at the most", param, ctx)
        return said


def _zones(ctx: click.Context, typed: str) -> list[str]:
    from zonegit_cli import complete_names

    return _starting(typed.lower(), complete_names.zones(ctx))


def _branches(ctx: click.Context, typed: str) -> list[str]:
    from zonegit_cli import complete_names

    return _starting(typed, complete_names.branches(ctx))


def _tags(ctx: click.Context, typed: str) -> list[str]:
    from zonegit_cli import complete_names

    return _starting(typed, complete_names.tags(ctx))


def _refish(ctx: click.Context, typed: str) -> list[str]:
    """Of two commits with ``..`` or ``...`` between them, the second."""
    from zonegit_cli import complete_names

    head, dots, _ = typed.rpartition("..")
    known = [DEFAULT_HEAD, *complete_names.branches_and_tags(ctx)]
    return _starting(typed, (head + dots + word for word in known))


def _types(_ctx: click.Context, typed: str) -> list[str]:
    return _starting(typed.upper(), rrtypes.NUMBERS)


def _starting(typed: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(typed)]


ZONE: Final = ZoneName()
NEW_ZONE: Final = NewZone()
ZONE_AT: Final = Word("zone", _zones)
BRANCH: Final = Word("branch", _branches)
TAG: Final = Word("tag", _tags)
REFISH: Final = Word("refish", _refish)
TYPE: Final = Word("type", _types)
