"""Create git repositories with git."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


class GitRepository:
    """A repository with a working tree and a committer."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(
        self, *words: str, stdin: bytes | None = None, env: dict[str, str] | None = None
    ) -> str:
        """Run git in the repository, and return its output."""
        who = {"NAME": "Ada", "EMAIL": "ada@example.net", "DATE": "1600000000 +0200"}
        fixed = {f"GIT_{role}_{key}": who[key] for role in ("AUTHOR", "COMMITTER") for key in who}
        nothing = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        done = subprocess.run(
            ["git", *words], cwd=self.path, input=stdin, capture_output=True, check=False,
            env={**os.environ, **fixed, **nothing, **(env or {})},
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout.decode()

    def commit(self, message: str, files: dict[str, str | None], **env: str) -> str:
        """Commit these files (delete those that are None), and return the id of the commit."""
        for name, text in files.items():
            at = self.path / name
            if text is None:
                at.unlink()
            else:
                at.parent.mkdir(parents=True, exist_ok=True)
                at.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, env=env)
        return self.git("rev-parse", "HEAD").strip()
