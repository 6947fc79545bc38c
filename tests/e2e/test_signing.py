"""Keys, signed commits and their verification."""

import base64
from pathlib import Path

import pytest
from tests.e2e.stack import Stack


@pytest.fixture
def zone(stack: Stack) -> str:
    """Create a zone of this test's own with one commit at the operator's HEAD, and return its
    name."""
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.example"
    stack.zone(zone)
    return f"{zone}."


@pytest.fixture
def key(stack: Stack, tmp_path: Path) -> Path:
    stack.run("keygen", str(tmp_path / "alice"))
    return tmp_path / "alice"


@pytest.mark.usefixtures("zone")
def test_a_signed_commit_is_verified_with_the_public_key(stack: Stack, key: Path) -> None:
    stack.run("set", "api", "A", "300", "192.0.2.81", "--sign", str(key), "--wait")
    said = stack.run("verify", "--key", f"{key}.pub").out
    assert " signed by alice (" in said
    assert "set api A" in said
    assert stack.json("verify", "--key", str(key.parent))["state"] == "good"


@pytest.mark.usefixtures("zone")
def test_verify_names_every_failed_commit_with_the_reason(stack: Stack, key: Path) -> None:
    stack.run("keygen", str(key.parent / "bob"))
    for number, options in enumerate(([], ["--sign", str(key)], ["--sign", f"{key.parent}/bob"])):
        stack.run("set", f"n{number}", "A", "300", "192.0.2.1", *options)
    said = stack.run("verify", "--chain", "--key", f"{key}.pub", status=1).out.splitlines()
    assert [line.rpartition(": ")[2] for line in said[:-1]] == [
        "set n2 A",
        "set n0 A",
        "import stdin",
    ]
    assert "not signed by a trusted key" in said[0]
    assert "not signed" in said[1]
    assert said[-1].startswith("4 verified: 2 unsigned, 1 bad; good: alice (")
    assert stack.run("verify", "HEAD~1", "--key", f"{key}.pub").out.endswith("set n1 A\n")


@pytest.mark.usefixtures("zone")
def test_a_configured_key_signs_unless_disabled(stack: Stack, key: Path) -> None:
    stack.environment["ZONEGIT_SIGNING_KEY"] = str(key)
    stack.environment["ZONEGIT_TRUSTED_KEYS"] = str(key.parent)
    stack.run("set", "a", "A", "300", "192.0.2.1")
    stack.run("verify")
    stack.run("set", "b", "A", "300", "192.0.2.1", "--no-sign")
    assert "not signed" in stack.run("verify", status=1).out
    stack.run("set", "c", "A", "300", "192.0.2.1", "--sign", str(key), "--no-sign", status=2)


@pytest.mark.usefixtures("zone")
def test_merges_and_reverts_are_signed_like_edits(stack: Stack, key: Path) -> None:
    stack.run("sign-commit", "--key", str(key))
    stack.environment["ZONEGIT_SIGNING_KEY"] = str(key)
    stack.run("branch", "canary")
    stack.run("set", "a", "A", "300", "192.0.2.1")
    stack.run("set", "b", "A", "300", "192.0.2.2", "--branch", "canary")
    stack.run("merge", "canary")
    stack.run("revert", "HEAD", "-m", "1")
    stack.run("reset", "--hard", "HEAD~1")
    said = stack.json("verify", "--chain", "--key", f"{key}.pub")
    assert (said["verified"], said["good"]) == (5, 5)


@pytest.mark.usefixtures("zone")
def test_a_signed_tag_verifies_an_unsigned_commit(stack: Stack, key: Path) -> None:
    stack.run("tag", "v1", "-m", "as agreed", "--sign", str(key))
    said = stack.run("verify", "v1", "--key", f"{key}.pub").out
    assert said.startswith("tag ")
    assert said.endswith(": as agreed\n")
    assert "not signed" in stack.run("verify", "v1~0", "--key", f"{key}.pub", status=1).out
    stack.environment["ZONEGIT_TRUSTED_KEYS"] = f"{key}.pub"
    lines = stack.run("show", "v1").out.splitlines()
    assert lines[0] == "tag v1"
    assert lines[3].startswith("Trust:  signed by alice (")
    assert "    as agreed" in lines
    assert "Trust:  not signed" in lines
    assert stack.json("show", "v1")["tag"]["name"] == "v1"


def test_a_tip_is_signed_afterwards_and_served_as_before(
    stack: Stack, zone: str, key: Path
) -> None:
    before = stack.json("rev-parse", "HEAD")["id"]
    tree = stack.json("rev-parse", "HEAD^{tree}")["id"]
    told = stack.run("sign-commit", "--key", str(key), "--dry-run").out
    assert f"would move {zone}" in told
    assert stack.json("rev-parse", "HEAD")["id"] == before
    said = stack.json("sign-commit", "--key", str(key), "--wait")
    assert (said["replaced"], said["served_by"]) == (before, ["resolver-1"])
    assert stack.json("rev-parse", "HEAD")["id"] == said["commit"]
    assert stack.json("rev-parse", "HEAD^{tree}")["id"] == tree
    assert stack.answer(f"api.{zone}") == ["192.0.2.80"]
    stack.run("verify", "--key", f"{key}.pub")
    assert "nothing to do" in stack.run("sign-commit", "--key", str(key)).out
    stack.run("set", "api", "A", "300", "192.0.2.81")
    refused = stack.run("sign-commit", "HEAD~1", "--key", str(key), status=1)
    assert "rewrite every commit" in refused.err


@pytest.mark.usefixtures("zone")
def test_a_key_file_of_the_original_signs(stack: Stack, tmp_path: Path) -> None:
    """The file is base64 of seed and public key; this pair is test 1 of RFC 8032 section 7.1."""
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    (tmp_path / "go").write_bytes(base64.b64encode(seed + public) + b"\n")
    (tmp_path / "go.pub").write_bytes(base64.b64encode(public))
    (tmp_path / "go").chmod(0o644)
    said = stack.run("sign-commit", "--key", str(tmp_path / "go"))
    assert "other users can read the private key" in said.err
    stack.run("verify", "--key", str(tmp_path / "go.pub"))


@pytest.mark.usefixtures("zone")
def test_an_invalid_key_is_refused_and_nothing_is_committed(stack: Stack, key: Path) -> None:
    before = stack.json("rev-parse", "HEAD")["id"]
    edit = ["set", "api", "A", "300", "192.0.2.81", "--sign"]
    for file, status, said in (
        (f"{key}.pub", 1, "the name of a public key"),
        (str(key.parent / "nobody"), 3, "cannot read the key"),
        (str(key.parent), 3, "cannot read the key"),
    ):
        assert said in stack.run(*edit, file, status=status).err
    assert "no trusted key" in stack.run("verify", status=3).err
    assert "private key" in stack.run("verify", "--key", str(key), status=1).err
    assert "no signing key" in stack.run("sign-commit", status=1).err
    assert "never overwritten" in stack.run("keygen", str(key), status=4).err
    assert stack.json("rev-parse", "HEAD")["id"] == before
