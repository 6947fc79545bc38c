"""Files that are replaced as a whole, and files that are opened without following links."""

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from zonegit.errors import Invalid
from zonegit.files import open_file, replace_file


@pytest.fixture
def full_disk() -> Iterator[None]:
    """Limit the size of files to 1,000 octets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_file_is_replaced_and_readable_only_by_its_owner(tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.write_bytes(b"before")
    file.chmod(0o644)
    replace_file(file, b"now")
    assert file.read_bytes() == b"now"
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    file = tmp_path / "state"
    replace_file(file, b"before")
    with pytest.raises(OSError, match="large"):
        replace_file(file, bytes(10_000))
    assert file.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [file]


def test_a_link_that_took_the_place_of_a_checked_file_is_not_followed(tmp_path: Path) -> None:
    secret, file = tmp_path / "secret", tmp_path / "db.example"
    secret.write_bytes(b"secret")
    file.symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"):
        open_file(file, is_resolved=True)
    with open_file(file) as opened:
        assert opened.read() == b"secret"


def test_a_link_that_took_the_place_of_a_checked_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "db").write_bytes(b"secret")
    (tmp_path / "zones").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Invalid, match="was replaced"):
        open_file(tmp_path / "zones" / "db", is_resolved=True)
    with open_file(tmp_path / "elsewhere" / "db", is_resolved=True) as opened:
        assert opened.read() == b"secret"
