"""Parameter types: the conversion of arguments, and their shell completion."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import click
from click.shell_completion import CompletionItem

from zonegit.errors import Invalid
from zonegit.store.ref_names import DEFAULT_HEAD
from zonegit.zone import names, reverse, rrtypes
from zonegit.zone.names import Name

MAX_REASON: Final = 1_000
"""Characters; the limit of the wire format (``wire.messages.ChangeInfo``)."""


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


def _complete_zones(ctx: click.Context, typed: str) -> list[str]:
    from zonegit_cli import complete_names

    return _filter_prefix(typed.lower(), complete_names.list_zones(ctx))


def _complete_branches(ctx: click.Context, typed: str) -> list[str]:
    from zonegit_cli import complete_names

    return _filter_prefix(typed, complete_names.list_branches(ctx))


def _complete_tags(ctx: click.Context, typed: str) -> list[str]:
    from zonegit_cli import complete_names

    return _filter_prefix(typed, complete_names.list_tags(ctx))


def _complete_refish(ctx: click.Context, typed: str) -> list[str]:
    """Complete a refish; in ``A..B`` and ``A...B`` the second one."""
    from zonegit_cli import complete_names

    head, dots, _ = typed.rpartition("..")
    known = [DEFAULT_HEAD, *complete_names.list_branches_and_tags(ctx)]
    return _filter_prefix(typed, (head + dots + word for word in known))


def _complete_types(_ctx: click.Context, typed: str) -> list[str]:
    return _filter_prefix(typed.upper(), rrtypes.NUMBERS)


def _filter_prefix(typed: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(typed)]


ZONE: Final = ZoneName()
NEW_ZONE: Final = NewZone()
ZONE_AT: Final = Word("zone", _complete_zones)
BRANCH: Final = Word("branch", _complete_branches)
TAG: Final = Word("tag", _complete_tags)
REFISH: Final = Word("refish", _complete_refish)
TYPE: Final = Word("type", _complete_types)
