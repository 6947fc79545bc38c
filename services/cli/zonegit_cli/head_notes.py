"""Notes about HEAD: a setting that overrides it, and a move of it from another terminal."""

from pathlib import Path
from typing import Final

from zonegit.repo.heads import Default, HeadMemory
from zonegit.zone import names
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit_cli import terminal
from zonegit_cli.terminal import Terminal, TerminalKey

MOVED: Final = "head-moved"
WITHOUT_EFFECT: Final = "head-without-effect"


class SessionHead(HeadMemory):
    """The HEAD that this command uses, against the one that its terminal session used last."""

    def __init__(self, home: Path, at: Terminal | None, installation: str) -> None:
        """Take note below ``home``; ``at`` None: there is no terminal, and nothing is noted."""
        self._home = home
        self._terminal = at
        self._installation = installation
        self._before: TerminalKey | None = None
        self._now: TerminalKey | None = None

    def note_used(self, zone: Name, branch: str) -> None:
        """Take note that a command works by HEAD; the first time, as what the session knows."""
        if self._terminal is None or self._now is not None:
            return
        self._now = (names.text(zone), branch)
        self._before = terminal.read(self._home, self._terminal, self._installation)
        if self._before is None:
            self.accept()

    def note_moved(self, zone: Name, branch: str) -> None:
        """Take note that this command moved HEAD."""
        self._before = self._now = (names.text(zone), branch)
        if self._terminal is not None:
            terminal.write(self._home, self._terminal, self._installation, self._now)

    def note_removed(self) -> None:
        """Take note that this command removed HEAD: another one decides from now on."""
        if self._terminal is not None:
            terminal.write(self._home, self._terminal, self._installation, None)

    def accept(self) -> None:
        """Take the HEAD that was used as known to the operator."""
        if self._terminal is not None and self._now not in (None, self._before):
            assert self._now is not None
            terminal.write(self._home, self._terminal, self._installation, self._now)

    def find(self) -> tuple[Finding, ...]:
        """Return the warning that HEAD was moved from elsewhere since this session used it."""
        if self._before is None or self._now is None or self._before == self._now:
            return ()
        zone, branch = self._now
        was = " ".join(self._before)
        return (
            Finding(
                MOVED,
                "warning",
                f"HEAD was moved from elsewhere: this works on {zone} {branch}, and the last"
                f" command here worked on {was} (--zone, ZONEGIT_ZONE say which is meant)",
                names.parse(zone),
            ),
        )


def find_overrides(
    default: Default, zone: Name, branch: str, *, is_switch: bool
) -> tuple[Finding, ...]:
    """Return the warning that HEAD was moved, and that commands do not work by it.

    Args:
        default: the settings that win over HEAD.
        zone: where HEAD is now.
        branch: the branch there, which is remembered for the zone.
        is_switch: whether the command chose the zone, and not a branch of it.
    """
    if default.zone is not None and (is_switch or default.zone != zone):
        source, value = default.zone_source, names.text(default.zone)
    elif default.branch is not None and default.branch != branch:
        source, value = default.branch_source, default.branch
    else:
        return ()
    text = f"this has no effect here: {source} is {value}, and wins over HEAD"
    return (Finding(WITHOUT_EFFECT, "warning", text, zone),)
