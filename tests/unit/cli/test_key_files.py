"""Key files are read, refused, written, and never overwritten."""

import base64
import os
from pathlib import Path

import pytest

from zonegit.errors import Conflict, Invalid, NotFound
from zonegit.objects import commit_signatures
from zonegit.objects.commit_signatures import SigningKey
from zonegit_cli.parse import key_files

ALICE = SigningKey(bytes(32))
BOB = SigningKey(bytes(31) + b"\1")


def written(path: Path, octets: bytes) -> Path:
    path.write_bytes(octets)
    return path


def test_a_pair_is_written_and_read_back(tmp_path: Path) -> None:
    public = key_files.write_pair(tmp_path / "alice", ALICE)
    assert public == tmp_path / "alice.pub"
    assert key_files.read_signing_key(tmp_path / "alice").public == ALICE.public
    assert key_files.read_trusted([public]) == {ALICE.public: "alice"}


def test_a_private_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    key_files.write_pair(tmp_path / "alice", ALICE)
    assert (tmp_path / "alice").stat().st_mode & 0o777 == 0o600
    assert not key_files.is_exposed(tmp_path / "alice")
    (tmp_path / "alice").chmod(0o640)
    assert key_files.is_exposed(tmp_path / "alice")


def test_a_private_key_has_the_format_of_the_original(tmp_path: Path) -> None:
    key_files.write_pair(tmp_path / "alice", ALICE)
    octets = base64.b64decode((tmp_path / "alice").read_bytes().strip(), validate=True)
    assert octets == bytes(32) + ALICE.public


@pytest.mark.parametrize("taken", ["alice", "alice.pub"])
def test_a_key_is_never_overwritten_and_no_half_of_a_pair_remains(
    tmp_path: Path, taken: str
) -> None:
    written(tmp_path / taken, b"what was there")
    with pytest.raises(Conflict, match=f"{taken} already exists"):
        key_files.write_pair(tmp_path / "alice", ALICE)
    assert [each.name for each in tmp_path.iterdir()] == [taken]
    assert (tmp_path / taken).read_bytes() == b"what was there"


def test_a_key_is_not_written_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "alice").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Conflict):
        key_files.write_pair(tmp_path / "alice", ALICE)
    assert not (tmp_path / "elsewhere").exists()


def test_the_public_keys_of_a_folder_are_trusted_by_their_file_names(tmp_path: Path) -> None:
    key_files.write_pair(tmp_path / "alice", ALICE)
    key_files.write_pair(tmp_path / "bob", BOB)
    written(tmp_path / "README", b"no key")
    assert key_files.read_trusted([tmp_path]) == {ALICE.public: "alice", BOB.public: "bob"}


def test_a_file_of_32_octets_is_a_seed_for_signing_and_a_public_key_for_trust(
    tmp_path: Path,
) -> None:
    """A file of 32 octets may be either; its use decides."""
    file = written(tmp_path / "key", commit_signatures.format_public_key(ALICE.public))
    assert list(key_files.read_trusted([file])) == [ALICE.public]
    assert key_files.read_signing_key(file).public == SigningKey(ALICE.public).public


def test_a_file_named_as_a_public_key_does_not_sign(tmp_path: Path) -> None:
    """Its content as a seed would be a private key that anyone knows."""
    public = key_files.write_pair(tmp_path / "alice", ALICE)
    with pytest.raises(Invalid, match="the name of a public key") as caught:
        key_files.read_signing_key(public)
    assert str(tmp_path / "alice") in (caught.value.hint or "")


def test_a_malformed_key_is_named_by_its_file_and_not_shown(tmp_path: Path) -> None:
    secret = base64.b64encode(b"s" * 63)
    file = written(tmp_path / "alice", secret)
    with pytest.raises(Invalid, match=f"{file}: a private key has 64 or 32") as caught:
        key_files.read_signing_key(file)
    assert secret.decode() not in f"{caught.value!r}{caught.value.hint}"


def test_a_key_that_cannot_be_read_is_not_found(tmp_path: Path) -> None:
    for path in (tmp_path / "nobody", tmp_path):
        with pytest.raises(NotFound, match="cannot read the key"):
            key_files.read_signing_key(path)
    with pytest.raises(NotFound, match="no public key in"):
        key_files.read_trusted([tmp_path])


def test_a_key_file_is_read_up_to_a_bound(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="larger than"):
        key_files.read_trusted([written(tmp_path / "huge.pub", b"A" * 5_000)])
    with pytest.raises(Invalid, match="larger than"):
        key_files.read_signing_key(Path(os.devnull).with_name("zero"))


def test_the_number_of_keys_in_a_folder_is_bounded(tmp_path: Path) -> None:
    for number in range(key_files.MAX_TRUSTED + 1):
        (tmp_path / f"{number}.pub").touch()
    with pytest.raises(Invalid, match="more than"):
        key_files.read_trusted([tmp_path])
