"""Warnings about HEAD: a setting overrides it, or another terminal moved it."""

from pathlib import Path
from typing import Final

from zonegit.repo.repo import HeadMemory, PositionDefaults
from zonegit.zone import names
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit_cli import terminal
from zonegit_cli.terminal import Terminal, TerminalKey

MOVED: Final = "head-moved"
WITHOUT_EFFECT: Final = "head-without-effect"


class SessionHead(HeadMemory):
    """The HEAD that this command uses, and the one that its terminal session used last.

    Args:
        state_folder: the operator's state folder.
        session: the terminal session; None without a terminal: then nothing is recorded.
        installation: identifies the stores and the actor.
    """

    def __init__(self, state_folder: Path, session: Terminal | None, installation: str) -> None:
        self._state_folder = state_folder
        self._terminal = session
        self._installation = installation
        self._before: TerminalKey | None = None
        self._now: TerminalKey | None = None

    def note_used(self, zone: Name, branch: str) -> None:
        """Record that a command uses HEAD; the first one in a session is accepted at once."""
        if self._terminal is None or self._now is not None:
            return
        self._now = (names.text(zone), branch)
        self._before = terminal.read(self._state_folder, self._terminal, self._installation)
        if self._before is None:
            self.accept()

    def note_moved(self, zone: Name, branch: str) -> None:
        """Record that this command moved HEAD."""
        self._before = self._now = (names.text(zone), branch)
        if self._terminal is not None:
            terminal.write(self._state_folder, self._terminal, self._installation, self._now)

    def note_removed(self) -> None:
        """Record that this command removed HEAD; the default HEAD applies from now on."""
        if self._terminal is not None:
            terminal.write(self._state_folder, self._terminal, self._installation, None)

    def accept(self) -> None:
        """Record the HEAD that was used as the one that the operator knows."""
        if self._terminal is not None and self._now not in (None, self._before):
            assert self._now is not None
            terminal.write(self._state_folder, self._terminal, self._installation, self._now)

    def find_warnings(self) -> tuple[Finding, ...]:
        """Return the warning that HEAD was moved from elsewhere since this session last used it."""
        if self._before is None or self._now is None or self._before == self._now:
            return ()
        zone, branch = self._now
        was = " ".join(self._before)
        return (
            Finding(
                MOVED,
                "warning",
                f"HEAD was moved from elsewhere: this command uses {zone} {branch}, the last one in"
                f" this terminal used {was} (set --zone or ZONEGIT_ZONE to choose)",
                names.parse(zone),
            ),
        )


def find_overrides(
    default: PositionDefaults, zone: Name, branch: str, *, is_switch: bool
) -> tuple[Finding, ...]:
    """Return the warning that a setting overrides HEAD, after a command that moved HEAD.

    Args:
        default: the settings that override HEAD.
        zone: the zone that HEAD names now.
        branch: the branch that HEAD names now.
        is_switch: whether the command chose the zone, not only a branch.
    """
    if default.zone is not None and (is_switch or default.zone != zone):
        source, value = default.zone_source, names.text(default.zone)
    elif default.branch is not None and default.branch != branch:
        source, value = default.branch_source, default.branch
    else:
        return ()
    text = f"no effect here: {source} is {value} and overrides HEAD"
    return (Finding(WITHOUT_EFFECT, "warning", text, zone),)
