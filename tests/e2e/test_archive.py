"""The archive of this platform, from `make dist`: a whole stack from one file."""

import os
import platform
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from tests.e2e.stack import FOO
from tests.support.waiting import DEADLINE_S

DIST = Path(__file__).parents[2] / "dist"
MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
HERE = (
    f"{'macos' if sys.platform == 'darwin' else sys.platform}"
    f"-{MACHINES.get(platform.machine().lower())}"
)
FOUND = sorted(DIST.glob(f"zonegit-*-{HERE}"))

pytestmark = pytest.mark.skipif(not FOUND, reason=f"no archive of {HERE}; make dist makes it")

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run the archive with a home folder of its own and nothing of this environment on the path."""
    environment = {
        "HOME": str(tmp_path),
        "PATH": f"{Path(sys.executable).resolve().parent}:/usr/bin:/bin",
        "SHIV_ROOT": str(tmp_path / "unpacked"),
        "ZONEGIT_DATA": str(tmp_path / "data"),
        "ZONEGIT_TIMEOUT": str(DEADLINE_S),
    }

    def run(*words: str) -> str:
        done = subprocess.run(
            [FOUND[-1], *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=2 * DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    return run


def test_a_stack_runs_from_the_archive_alone(run: Run, tmp_path: Path) -> None:
    zone = tmp_path / "foo.com.zone"
    zone.write_text(FOO)
    assert run("--version").startswith("zonegit ")
    run("up", "--detach", "--listen", "127.0.0.1:0")
    try:
        run("init", "foo.com")
        run("import", str(zone))
        run("set", "new", "A", "300", "192.0.2.7", "--wait")
        assert run("query", "new.foo.com", "A", "--short") == "192.0.2.7\n"
        run("doctor")
    finally:
        run("down")


def test_the_checksums_match_the_files() -> None:
    lines = (DIST / "SHA256SUMS").read_text().splitlines()
    listed = dict(reversed(line.split("  ")) for line in lines)
    files = {each.name: each for each in DIST.iterdir() if each.name != "SHA256SUMS"}
    assert set(listed) == set(files)
    assert all(sha256(files[name].read_bytes()).hexdigest() == listed[name] for name in listed)
    assert os.access(FOUND[-1], os.X_OK)
