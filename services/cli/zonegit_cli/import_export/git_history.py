"""The history of one file in a repository of git that somebody else made.

It is read through git's own plumbing, which knows every form a repository can have, and nothing in
it is run: no hook, pager, filter, file-system monitor or transport, whatever its settings say; and
what is missing is not fetched. All that git answers is bounded here.
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
"""Commits of git that may touch the file."""
MAX_COMMIT: Final = 1 << 20
"""Octets of a commit of git, its message and signature included."""
MAX_LINE: Final = 1 << 16
MAX_NAME: Final = 4_096
"""Characters of a revision or a path."""
SHOWN: Final = 12
"""Digits of an id that are shown."""

GIT: Final = "git"
CHECK: Final = "git fsck, in that repository, says what is missing or broken"
_SETTINGS: Final = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "protocol.allow=never")
_ENVIRONMENT: Final = {
    "GIT_ALLOW_PROTOCOL": "none",  # of no protocol, so that nothing is fetched from anywhere
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_GRAFT_FILE": "/dev/null",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C.UTF-8",
}


class Changed(msgspec.Struct, frozen=True):
    """A commit of git and the file as it stands there; ``content`` None: it is not there."""

    id: str
    said: GitCommit
    content: bytes | None

    @property
    def short(self) -> str:
        """Its id, for people."""
        return self.id[:SHOWN]


def command(*words: str) -> list[str]:
    """A command line of git with everything off that could run another program."""
    settings = (word for each in _SETTINGS for word in ("-c", each))
    return [GIT, "--no-pager", *settings, *words]


def environment() -> dict[str, str]:
    """What git finds around it: the operator's own settings, no repository but the one meant."""
    own = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith("GIT_") or key.startswith("GIT_CONFIG")
    }
    return {**own, **_ENVIRONMENT}


def said(words: Sequence[str]) -> str:
    """What a command of git that answers with a line says.

    Raises:
        Invalid: it failed; says what git says.
        NotFound: there is no git.
    """
    try:
        done = subprocess.run(  # a list, and no shell
            words, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise no_git() from error
    if done.returncode:
        raise failed(done.stderr)
    return os.fsdecode(done.stdout[:MAX_LINE]).removesuffix("\n")


def failed(stderr: bytes) -> Invalid:
    """The error of a git that did not do what it was told."""
    lines = stderr[:MAX_LINE].decode(errors="replace").strip().splitlines() or ["it failed"]
    more = " ".join(line.strip() for line in lines[1:8] if line.strip())
    return Invalid(f"git: {lines[0].removeprefix('fatal: ')}", hint=more or None)


def no_git() -> NotFound:
    """The error where git is not installed."""
    return NotFound("there is no git on this machine", hint="install it: apt install git")


class GitHistory:
    """The commits of a repository that touch a file."""

    def __init__(self, path: Path, file: str) -> None:
        """``path`` is a repository, bare or not, or a folder within its working tree; ``file``
        relative to the repository's top.

        Raises:
            Invalid: there is no repository, or it is not to be trusted; or no file can have that
                name.
            NotFound: there is no git.
        """
        self.file = _one_line(os.path.normpath(file), "path within a repository of git")
        if self.file.startswith(("/", "../")) or self.file in (".", ".."):
            raise Invalid(f"{file!r} is no file below the top of a repository")
        folder = said(command("-C", os.fspath(path), "rev-parse", "--absolute-git-dir"))
        self._git_dir = f"--git-dir={folder}"

    def refuse_shallow(self) -> None:
        """Raise Invalid for a shallow clone: its history has no beginning."""
        words = ("rev-parse", "--is-shallow-repository")
        if said(command(self._git_dir, *words)) == "true":
            raise Invalid(
                "that repository is a shallow clone, so its history is incomplete",
                hint="fetch the rest first: git fetch --unshallow",
            )

    def commits(self, rev: str, after: str | None = None) -> list[str]:
        """List the commits that gave the file of ``rev`` its content, the oldest first, each on
        the one before it: as ``git log -- FILE`` simplifies history, and where that still has
        merges, by their first parents. Those that ``after`` contains are left out.

        Raises:
            Invalid: there is no such revision; or the history is too long.
        """
        tip = self._resolved(rev)
        starts = [tip] if after is None else [tip, f"^{after}"]
        above: dict[str, str | None] = {}
        last: str | None = None
        with self._running(
            "rev-list", "--topo-order", "--parents", *starts, "--", self.file
        ) as output:
            for line in _lines(output):
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
        if self._names(f"{commit}^{{commit}}") is None:
            return False
        try:
            said(command(self._git_dir, "merge-base", "--is-ancestor", commit, self._resolved(rev)))
        except Invalid:
            return False
        return True

    def recorded(self, commits: Sequence[str]) -> Iterator[GitCommit]:
        """Yield what each of these commits says, without the file.

        Raises:
            Invalid: the repository is broken.
        """
        with self._asking() as batch:
            for commit in commits:
                yield git_format.parse_commit(_commit_octets(batch, commit))

    def read(self, commits: Sequence[str], known: int = 0) -> Iterator[Changed]:
        """Yield what each of these commits says, and its file; ``content`` is given where it is
        another than in the one before. The first ``known`` commits are left out.

        Raises:
            Invalid: the repository is broken, the file is none, or one is beyond a bound.
        """
        with self._asking() as batch:
            before: str | None = None
            if known:
                last = batch.ask(f"{commits[known - 1]}:{self.file}", "blob", MAX_OCTETS)
                before = last[0] if last is not None else None
            for commit in commits[known:]:
                octets = _commit_octets(batch, commit)
                found = batch.ask(f"{commit}:{self.file}", "blob", MAX_OCTETS)
                if found is None and self._names(f"{commit}:{self.file}"):
                    raise Invalid(f"git lacks {self.file} of {commit[:SHOWN]}", hint=CHECK)
                blob, content = found if found is not None else (None, None)
                if blob != before or blob is None:
                    yield Changed(commit, git_format.parse_commit(octets), content)
                before = blob

    def _resolved(self, rev: str) -> str:
        found = self._names(f"{_one_line(rev, 'revision of git')}^{{commit}}")
        if found is None:
            raise Invalid(
                f"{rev!r} is no commit of that repository",
                hint="--rev takes a branch, a tag or an id; HEAD is what it takes by itself",
            )
        return found

    def _names(self, name: str) -> str | None:
        """The id that a name stands for, held or not; None: it stands for nothing."""
        words = ("rev-parse", "--verify", "--quiet", "--end-of-options", name)
        try:
            return said(command(self._git_dir, *words)).splitlines()[-1]
        except Invalid:
            return None

    @contextmanager
    def _running(self, *words: str) -> Iterator[IO[bytes]]:
        """The output of a command, which must succeed if it is read to its end."""
        with tempfile.TemporaryFile() as stderr:
            process = subprocess.Popen(  # a list, and no shell
                command(self._git_dir, "--bare", *words),
                env=environment(),
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
                raise failed(stderr.read(MAX_LINE))

    @contextmanager
    def _asking(self) -> Iterator["_Batch"]:
        process = subprocess.Popen(  # a list, and no shell
            command(self._git_dir, "cat-file", "--batch"),
            env=environment(),
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
    """``git cat-file --batch``: one question, one answer."""

    def __init__(self, questions: IO[bytes], answers: IO[bytes]) -> None:
        self._questions = questions
        self._answers = answers

    def ask(self, name: str, kind: str, most: int) -> tuple[str, bytes] | None:
        """The id and the octets of what a name stands for, None: nothing.

        Raises:
            Invalid: it is of another kind, or larger than ``most`` octets; or git is at its end.
        """
        try:
            self._questions.write(os.fsencode(f"{name}\n"))
            self._questions.flush()
        except BrokenPipeError as error:
            raise _broke_off() from error
        line = self._answers.readline(MAX_LINE)
        if line.endswith((b" missing\n", b" ambiguous\n")):
            return None
        words = line.decode("ascii", "replace").split()
        if len(words) != 3 or not words[2].isdigit():  # id, kind and size
            raise _broke_off()
        object_id, is_a, size = words[0], words[1], int(words[2])
        if is_a != kind:
            raise Invalid(f"{name[:MAX_NAME]} is a {is_a} of git, not a {kind}")
        if size > most:
            raise Invalid(f"{name[:MAX_NAME]} has more than {most:,} octets")
        octets = self._answers.read(size)
        if len(octets) != size or self._answers.read(1) != b"\n":
            raise _broke_off()
        return object_id, octets


def _commit_octets(batch: _Batch, commit: str) -> bytes:
    octets = batch.ask(commit, "commit", MAX_COMMIT)
    if octets is None:
        raise Invalid(f"git has no object {commit[:SHOWN]}", hint=CHECK)
    return octets[1]


def _one_line(text: str, what: str) -> str:
    """Raises:
    Invalid: git cannot be asked about it in a line.
    """
    if not 0 < len(text) <= MAX_NAME or any(each in text for each in "\0\n"):
        raise Invalid(f"{text[:80]!r} is no {what}")
    return text


def _broke_off() -> Invalid:
    return Invalid("git stopped in the middle of its answer", hint=CHECK)


def _lines(output: IO[bytes]) -> Iterator[str]:
    """Raises:
    Invalid: one is longer than a line of git is.
    """
    while line := output.readline(MAX_LINE):
        if not line.endswith(b"\n"):
            raise Invalid("git gave a commit with more parents than can be")
        yield line.decode("ascii", "replace")
