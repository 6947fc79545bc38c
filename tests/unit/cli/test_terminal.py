"""The HEAD that a terminal session used is stored, and other files are not touched."""

import os
from pathlib import Path

import pytest

from zonegit.repo.repo import PositionDefaults
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli import head_notes, terminal
from zonegit_cli.head_notes import SessionHead
from zonegit_cli.terminal import Terminal

HERE = Terminal("boot", 1, 100)
ONE, OTHER = (names.parse(name) for name in ("one.test.", "other.test."))


def head(home: Path, at: Terminal | None = HERE, installation: str = "i") -> SessionHead:
    """Return the HEAD of one command."""
    return SessionHead(home, at, installation)


def used(found: SessionHead, zone: Name = ONE, branch: str = "main") -> list[str]:
    """Return the rules of the warnings for a command that uses HEAD."""
    found.note_used(zone, branch)
    return [each.rule for each in found.find_warnings()]


def test_a_head_that_was_moved_from_elsewhere_is_a_warning_until_it_is_accepted(
    tmp_path: Path,
) -> None:
    assert used(head(tmp_path)) == []
    for _ in range(2):  # a command that only reads changes nothing
        assert used(head(tmp_path), OTHER) == ["head-moved"]
    changing = head(tmp_path)
    used(changing, OTHER)
    (warning,) = changing.find_warnings()
    assert "other.test. main" in warning.message
    assert "one.test. main" in warning.message
    changing.accept()
    assert used(head(tmp_path), OTHER) == []


def test_another_branch_of_the_zone_is_another_head(tmp_path: Path) -> None:
    used(head(tmp_path))
    assert used(head(tmp_path), ONE, "canary") == ["head-moved"]


def test_a_move_of_this_session_is_not_from_elsewhere(tmp_path: Path) -> None:
    used(head(tmp_path))
    head(tmp_path).note_moved(OTHER, "main")
    assert used(head(tmp_path), OTHER) == []
    head(tmp_path).note_removed()
    assert used(head(tmp_path)) == []


def test_sessions_and_installations_have_separate_heads(tmp_path: Path) -> None:
    used(head(tmp_path))
    later = Terminal("boot", 1, 200)  # the id was used again
    assert used(head(tmp_path, later), OTHER) == []
    assert used(head(tmp_path, HERE, "j"), OTHER) == []
    assert used(head(tmp_path)) == []


def test_without_a_terminal_nothing_is_written_or_printed(tmp_path: Path) -> None:
    used(head(tmp_path))
    found = head(tmp_path, None)
    assert used(found, OTHER) == []
    found.accept()
    found.note_moved(OTHER, "main")
    assert used(head(tmp_path)) == []


def test_a_process_without_a_terminal_has_no_session(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.isatty", lambda descriptor: False)
    assert terminal.find_terminal() is None


def test_a_session_is_identified_by_its_id_and_the_start_of_its_leader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("os.isatty", lambda descriptor: descriptor == 2)
    monkeypatch.setattr("os.getsid", lambda process: os.getpid())
    found = terminal.find_terminal()
    assert found is not None
    assert (found.session, found) == (os.getpid(), terminal.find_terminal())
    assert found.start > 0


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text('{"i": ["other.test.", "main"]}')
    folder = tmp_path / terminal.FOLDER
    folder.mkdir(mode=0o700)
    (folder / HERE.name).symlink_to(secret)
    assert used(head(tmp_path)) == []
    assert secret.read_text() == '{"i": ["other.test.", "main"]}'
    assert not (folder / HERE.name).is_symlink()  # it was replaced


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"i": 3}', b"{" * 100_000])
def test_a_malformed_file_counts_as_missing(tmp_path: Path, content: bytes) -> None:
    used(head(tmp_path))
    (tmp_path / terminal.FOLDER / HERE.name).write_bytes(content)
    assert used(head(tmp_path), OTHER) == []


@pytest.mark.parametrize("kind", ["link", "open", "file"])
def test_a_folder_that_others_may_write_to_is_not_used(tmp_path: Path, kind: str) -> None:
    folder = tmp_path / terminal.FOLDER
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    match kind:
        case "link":
            folder.symlink_to(elsewhere)
        case "open":
            folder.mkdir()
            folder.chmod(0o777)
        case "file":
            folder.write_text("")
    assert used(head(tmp_path)) == []
    assert used(head(tmp_path), OTHER) == []
    assert not any(elsewhere.iterdir())


def test_files_of_sessions_that_ended_are_deleted_and_others_stay(tmp_path: Path) -> None:
    boot = terminal.find_boot()
    assert boot is not None
    ended = Terminal(boot, 2**22 + 1, 7)  # above the highest id of a process
    here = Terminal(boot, os.getpid(), terminal.find_start(os.getpid()) or 0)
    foreign = Terminal("another host", 3, 7)
    for each in (foreign, ended, here):
        used(head(tmp_path, each))
    old = tmp_path / terminal.FOLDER / Terminal("old boot", 4, 7).name
    old.write_text("{}")
    os.utime(old, (0, 0))
    used(head(tmp_path, Terminal(boot, os.getppid(), terminal.find_start(os.getppid()) or 0)))
    names_left = {each.name for each in (tmp_path / terminal.FOLDER).iterdir()}
    assert {foreign.name, here.name} <= names_left
    assert not {ended.name, old.name} & names_left


def test_a_session_remembers_a_bounded_number_of_installations(tmp_path: Path) -> None:
    for number in range(terminal.MAX_PLACES + 3):
        used(head(tmp_path, HERE, str(number)))
    assert used(head(tmp_path, HERE, "0"), OTHER) == []
    assert used(head(tmp_path, HERE, str(terminal.MAX_PLACES)), OTHER) == ["head-moved"]


@pytest.mark.parametrize(
    ("default", "is_switch", "said"),
    [
        (PositionDefaults(), True, None),
        (PositionDefaults(ONE, None, "ZONEGIT_ZONE"), True, "ZONEGIT_ZONE is one.test."),
        (PositionDefaults(OTHER, None, "ZONEGIT_ZONE"), False, "ZONEGIT_ZONE is other.test."),
        (PositionDefaults(ONE, None, "ZONEGIT_ZONE"), False, None),  # its branch is remembered, too
        (PositionDefaults(None, "canary", "", "ZONEGIT_BRANCH"), False, "ZONEGIT_BRANCH is canary"),
        (PositionDefaults(None, "main", "", "ZONEGIT_BRANCH"), False, None),
    ],
)
def test_moving_head_without_effect_is_a_warning(
    default: PositionDefaults, is_switch: bool, said: str | None
) -> None:
    found = head_notes.find_overrides(default, ONE, "main", is_switch=is_switch)
    assert [said in each.message for each in found] == ([True] if said else [])
