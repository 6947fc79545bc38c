"""Read the history of one file in a git repository that is not trusted.

It is read with git's plumbing commands, which support every format of a repository. Programs that
the repository configures are not run: no hook, pager, filter, file-system monitor or transport, and
missing objects are not fetched. The output of git is read up to bounds.
"""

import os
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import msgspec

from zonegit.errors import Invalid, NotFound
from zonegit.repo.inspect import git_format
from zonegit.repo.inspect.git_format import GitCommit
from zonegit.zonefile.reader import MAX_OCTETS

MAX_COMMITS: Final = 1 << 18
"""Git commits that touch the file."""
MAX_COMMIT: Final = 1 << 20
"""Octets of a git commit, including its message and signature."""
MAX_LINE: Final = 1 << 16
"""Octets of a line of git's output."""
MAX_NAME: Final = 4_096
"""Characters of a revision or a path."""
ID_DIGITS: Final = 12
"""Digits of an id in messages."""

GIT: Final = "git"
CHECK: Final = "run git fsck in that repository"
_SETTINGS: Final = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.allow=never")
_ENVIRONMENT: Final = {
    "GIT_ALLOW_PROTOCOL": "none",  # no protocol of this name exists, so nothing is fetched
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}


class FileVersion(msgspec.Struct, frozen=True):
    """A git commit that changed the file; ``content`` is None if the file does not exist in it."""

    id: str
    commit: GitCommit
    content: bytes | None

    @property
    def short(self) -> str:
        """Return the abbreviated id."""
        return self.id[:ID_DIGITS]


def make_command(*words: str) -> list[str]:
    """Return a git command line with settings that prevent git from running other programs."""
    settings = (word for each in _SETTINGS for word in ("-c", each))
    return [GIT, "--no-pager", *settings, *words]


def make_environment() -> dict[str, str]:
    """Return the environment for git, without variables that select another repository."""
    inherited = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or key.startswith("GIT_CONFIG")
    }
    return {**inherited, **_ENVIRONMENT}


def run_git(words: Sequence[str]) -> str:
    """Run a git command that prints one line, and return the line.

    Raises:
        Invalid: it failed; has git's message.
        NotFound: git is not installed.
    """
    try:
        done = subprocess.run(  # a list, and no shell
            words,
            env=make_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise git_not_found_error() from error
    if done.returncode:
        raise git_error(done.stderr)
    return os.fsdecode(done.stdout[:MAX_LINE]).removesuffix("\n")


def git_error(stderr: bytes) -> Invalid:
    """Return the error for a git command that failed."""
    lines = stderr[:MAX_LINE].decode(errors="replace").strip().splitlines() or ["it failed"]
    more = " ".join(line.strip() for line in lines[1:8] if line.strip())
    return Invalid(f"git: {lines[0].removeprefix('fatal: ')}", hint=more or None)


def git_not_found_error() -> NotFound:
    """Return the error if git is not installed."""
    return NotFound("git is not installed", hint="install it: apt install git")


class GitHistory:
    """The commits of a repository that touch a file."""

    def __init__(self, path: Path, file: str) -> None:
        """Open a repository.

        Args:
            path: a repository, bare or not, or a folder within its working tree.
            file: the file, relative to the repository's top.

        Raises:
            Invalid: there is no repository, git refuses it, or ``file`` is malformed.
            NotFound: git is not installed.
        """
        self.file = _require_line(os.path.normpath(file), "path in a git repository")
        if self.file.startswith(("/", "../")) or self.file in (".", ".."):
            raise Invalid(f"{file!r} is not the path of a file in the repository")
        folder = run_git(make_command("-C", os.fspath(path), "rev-parse", "--absolute-git-dir"))
        self._git_dir = f"--git-dir={folder}"

    def refuse_shallow(self) -> None:
        """Raise Invalid for a shallow clone: its history has no beginning."""
        words = ("rev-parse", "--is-shallow-repository")
        if run_git(make_command(self._git_dir, *words)) == "true":
            raise Invalid(
                "the repository is a shallow clone, so its history is incomplete",
                hint="fetch the rest first: git fetch --unshallow",
            )

    def list_commits(self, rev: str, after: str | None = None) -> list[str]:
        """Return the commits that changed the file up to ``rev``, the oldest first.

        They are those of ``git log -- FILE``; at merges that remain in it, only the first parent is
        followed. Commits that ``after`` contains are left out.

        Raises:
            Invalid: the revision does not exist, or there are more than ``MAX_COMMITS``.
        """
        tip = self._resolve(rev)
        starts = [tip] if after is None else [tip, f"^{after}"]
        above: dict[str, str | None] = {}
        last: str | None = None
        with self._run("rev-list", "--topo-order", "--parents", *starts, "--", self.file) as output:
            for line in _read_lines(output):
                commit, *parents = line.split()
                above[commit] = parents[0] if parents else None
                last = last or commit
                if len(above) > MAX_COMMITS:
                    raise Invalid(f"more than {MAX_COMMITS:,} commits touch {self.file}")
        chain = []
        while last is not None and last in above:
            chain.append(last)
            last = above.pop(last)
        return chain[::-1]

    def contains(self, rev: str, commit: str) -> bool:
        """Return whether a commit is that of ``rev`` or one of its ancestors."""
        if self._find_id(f"{commit}^{{commit}}") is None:
            return False
        try:
            tip = self._resolve(rev)
            run_git(make_command(self._git_dir, "merge-base", "--is-ancestor", commit, tip))
        except Invalid:
            return False
        return True

    def read_commits(self, commits: Sequence[str]) -> Iterator[GitCommit]:
        """Yield these commits, without the file.

        Raises:
            Invalid: the repository is damaged.
        """
        with self._open_batch() as batch:
            for commit in commits:
                yield git_format.parse_commit(_read_commit(batch, commit))

    def read(self, commits: Sequence[str], known: int = 0) -> Iterator[FileVersion]:
        """Yield those of these commits in which the file differs from that of the commit before.

        Args:
            commits: commits, the oldest first.
            known: the number of commits at the beginning to leave out.

        Raises:
            Invalid: the repository is damaged, the path is not a file, or a bound is exceeded.
        """
        with self._open_batch() as batch:
            before: str | None = None
            if known:
                last = batch.ask(f"{commits[known - 1]}:{self.file}", "blob", MAX_OCTETS)
                before = last[0] if last is not None else None
            for commit in commits[known:]:
                octets = _read_commit(batch, commit)
                found = batch.ask(f"{commit}:{self.file}", "blob", MAX_OCTETS)
                if found is None and self._find_id(f"{commit}:{self.file}"):
                    raise Invalid(
                        f"the repository lacks {self.file} of {commit[:ID_DIGITS]}", hint=CHECK
                    )
                blob, content = found if found is not None else (None, None)
                if blob != before or blob is None:
                    yield FileVersion(commit, git_format.parse_commit(octets), content)
                before = blob

    def _resolve(self, rev: str) -> str:
        found = self._find_id(f"{_require_line(rev, 'git revision')}^{{commit}}")
        if found is None:
            raise Invalid(
                f"{rev!r} is not a commit of the repository",
                hint="--rev takes a branch, a tag or an id; its default is HEAD",
            )
        return found

    def _find_id(self, name: str) -> str | None:
        """Return the id that a name refers to, even if the object is missing; None if there is
        none."""
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        try:
            return run_git(make_command(self._git_dir, *words)).splitlines()[-1]
        except Invalid:
            return None

    @contextmanager
    def _run(self, *words: str) -> Iterator[IO[bytes]]:
        """Run a command and yield its output; raise an error if it fails."""
        with tempfile.TemporaryFile() as stderr:
            process = subprocess.Popen(  # a list, and no shell
                make_command(self._git_dir, "--bare", *words),
                env=make_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
            )
            assert process.stdout is not None
            try:
                yield process.stdout
            except BaseException:
                process.kill()
                raise
            finally:
                process.stdout.close()
                process.wait()
            if process.returncode:
                stderr.seek(0)
                raise git_error(stderr.read(MAX_LINE))

    @contextmanager
    def _open_batch(self) -> Iterator["_Batch"]:
        process = subprocess.Popen(  # a list, and no shell
            make_command(self._git_dir, "cat-file", "--batch"),
            env=make_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield _Batch(process.stdin, process.stdout)
        finally:
            process.kill()
            process.stdin.close()
            process.stdout.close()
            process.wait()


class _Batch:
    """A client of ``git cat-file --batch``."""

    def __init__(self, requests: IO[bytes], replies: IO[bytes]) -> None:
        self._requests = requests
        self._replies = replies

    def ask(self, name: str, kind: str, limit: int) -> tuple[str, bytes] | None:
        """Return the id and the octets of an object; None if it does not exist.

        Raises:
            Invalid: it has another kind or more than ``limit`` octets, or git exited.
        """
        try:
            self._requests.write(os.fsencode(f"{name}\n"))
            self._requests.flush()
        except BrokenPipeError as error:
            raise _incomplete_reply_error() from error
        line = self._replies.readline(MAX_LINE)
        if line.endswith((b" missing\n", b" ambiguous\n")):
            return None
        words = line.decode("ascii", "replace").split()
        if len(words) != 3 or not words[2].isdigit():  # id, kind and size
            raise _incomplete_reply_error()
        object_id, found_kind, size = words[0], words[1], int(words[2])
        if found_kind != kind:
            raise Invalid(f"{name[:MAX_NAME]} is a git {found_kind}, not a {kind}")
        if size > limit:
            raise Invalid(f"{name[:MAX_NAME]} has more than {limit:,} octets")
        octets = self._replies.read(size)
        if len(octets) != size or self._replies.read(1) != b"\n":
            raise _incomplete_reply_error()
        return object_id, octets


def _read_commit(batch: _Batch, commit: str) -> bytes:
    octets = batch.ask(commit, "commit", MAX_COMMIT)
    if octets is None:
        raise Invalid(f"the repository lacks commit {commit[:ID_DIGITS]}", hint=CHECK)
    return octets[1]


def _require_line(text: str, noun: str) -> str:
    """Return a text that can be a line of input for git.

    Raises:
        Invalid: it is empty, too long, or has a line end or a NUL.
    """
    if not 0 < len(text) <= MAX_NAME or any(each in text for each in "\0\n"):
        raise Invalid(f"invalid {noun} {text[:80]!r}")
    return text


def _incomplete_reply_error() -> Invalid:
    return Invalid("git exited before its output was complete", hint=CHECK)


def _read_lines(output: IO[bytes]) -> Iterator[str]:
    """Yield the lines of git's output.

    Raises:
        Invalid: a line exceeds ``MAX_LINE``.
    """
    while line := output.readline(MAX_LINE):
        if not line.endswith(b"\n"):
            raise Invalid(f"git printed a line of more than {MAX_LINE:,} octets")
        yield line.decode("ascii", "replace")
