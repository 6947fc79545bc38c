"""Logs are rotated while they are written."""

from pathlib import Path

import pytest

from zonegit_cli.stack.logs import LogBounds, rotate


def test_an_open_log_is_rotated_and_the_latest_are_kept(tmp_path: Path) -> None:
    log = tmp_path / "refs.log"
    with log.open("ab", buffering=0) as writing:
        for number in range(5):
            writing.write(b"%d" % number * 20)
            rotate(log, LogBounds(10, 2))
        writing.write(b"after")
    assert log.read_bytes() == b"after"
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path != log}
    assert kept == {"refs.log.1": b"4" * 20, "refs.log.2": b"3" * 20}


def test_a_log_within_its_bound_and_a_missing_one_are_not_rotated(tmp_path: Path) -> None:
    rotate(tmp_path / "none.log", LogBounds(1, 1))
    (tmp_path / "short.log").write_text("1")
    rotate(tmp_path / "short.log", LogBounds(1, 1))
    assert [path.name for path in tmp_path.iterdir()] == ["short.log"]


@pytest.mark.parametrize("files", [0, 1])
def test_a_log_that_cannot_be_copied_is_truncated(tmp_path: Path, files: int) -> None:
    log = tmp_path / "refs.log"
    log.write_text("long")
    (tmp_path / "refs.log.1").mkdir()
    rotate(log, LogBounds(1, files))
    assert log.read_text() == ""
