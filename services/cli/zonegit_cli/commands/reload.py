"""zonegit reload: let the resolvers read their configuration files again."""

import asyncio
from typing import TYPE_CHECKING, Any

from zonegit.errors import Invalid, Unavailable, ZonegitError
from zonegit.wire.messages import ConfigReload
from zonegit_cli import options
from zonegit_cli.session import Session

if TYPE_CHECKING:
    from zonegit.bus.connection import Bus

Results = dict[str, ConfigReload | None]
"""The results of the resolvers by name; None for one that does not answer."""


@options.session_command("reload")
async def command(session: Session) -> None:
    """Let every resolver read its configuration file again.

    All files are checked first. If a resolver refuses its file, or does not answer, no resolver
    changes anything, and the command fails.

    \b
    zonegit reload
    """
    from zonegit.bus import resolver_status  # imports NATS, not needed for --help

    async with session.connect_bus() as bus:
        registry = await resolver_status.read_registry(
            bus,
            session.settings.actor,
            expected=session.list_local_resolvers(),
            timeout=session.timeout,
        )
        silent = {each.last.resolver for each in registry.resolvers if each.is_silent}
        asked = sorted(registry.names - silent)
        results = await _ask(session, bus, asked, is_check=True)
        results.update(dict.fromkeys(silent))
        failure = _find_failure(results, "nothing was changed")
        if failure is None:
            results = await _ask(session, bus, asked, is_check=False)
            failure = _find_failure(results, "the other resolvers have reloaded")
    named = sorted(results.items())
    lines = [line for name, result in named for line in _format_result(name, result)]
    documents = [_to_json(name, result) for name, result in named]
    session.output.print_result(documents, lines or ["no resolver runs"])
    if failure is not None:
        raise failure


async def _ask(session: Session, bus: "Bus", names: list[str], *, is_check: bool) -> Results:
    from zonegit.bus.resolver_status import ask_reload

    asks = (ask_reload(bus, each, is_check=is_check, timeout=session.timeout) for each in names)
    return dict(zip(names, await asyncio.gather(*asks), strict=True))


def _find_failure(results: Results, effect: str) -> ZonegitError | None:
    for name, result in sorted(results.items()):
        if result is None:
            return Unavailable(
                f"{name} does not answer; {effect}", hint="zonegit doctor checks the stack"
            )
        if result.error is not None:
            return Invalid(f"{name} refused its file; {effect}: {result.error}", hint=result.hint)
    return None


def _format_result(name: str, result: ConfigReload | None) -> list[str]:
    if result is None:
        return [f"{name}: does not answer"]
    if result.file is None:
        return [f"{name}: has no configuration file"]
    if result.error is not None:
        return [f"{name}: refused {result.file}"]
    if not result.changes:
        return [f"{name}: read {result.file}, no changes"]
    more = [f"  and {result.more:,} more"] if result.more else []
    return [f"{name}: read {result.file}", *(f"  {line}" for line in result.changes), *more]


def _to_json(name: str, result: ConfigReload | None) -> dict[str, Any]:
    found = result or ConfigReload(resolver=name)
    return {
        "resolver": name,
        "answered": result is not None,
        "file": found.file,
        "changes": found.changes,
        "more": found.more,
        "error": found.error,
    }
