"""Convert the authors, dates and messages of commits between git and zonegit. Pure.

A git repository is untrusted input: any value of a field is converted to one that a zonegit commit
can have. In the other direction it is converted to one that ``git fsck --strict`` accepts.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Commit, Identity

MAX_NAME: Final = 1_000
"""Characters of a name or mail address that are kept."""
MAX_MESSAGE: Final = 64 * 1024
"""Characters of a message that are kept."""
MAX_TIME: Final = 10**12
"""Seconds since 1970, about 30,000 years; git cannot compute later dates."""

UNKNOWN_NAME: Final = "unknown"
TRAILER: Final = "Zonegit-Commit"

_NAMED: Final = re.compile(rf"^{TRAILER}: ([0-9a-f]{{64}})\s*\Z", re.ASCII | re.MULTILINE)
_UNFIT: Final = re.compile(r"[<>\x00-\x1f\x7f]+")
_ZONE: Final = re.compile(r"[+-](?:(?:0\d|1[0-3])[0-5]\d|1400)", re.ASCII)
_TIME: Final = re.compile(r"\d{1,18}", re.ASCII)
# Encodings that a commit may name (i18n.commitEncoding). Python has others that are not for text.
_ENCODING: Final = re.compile(
    r"utf-?8|us-ascii|ascii|latin-?1|iso-?8859-\d{1,2}|(?:windows|cp)-?125\d|koi8-[ru]"
    r"|shift_jis|euc-(?:jp|kr)|iso-2022-jp|gbk|gb2312|gb18030|big5",
    re.ASCII | re.IGNORECASE,
)


class GitCommit(msgspec.Struct, frozen=True):
    """The contents of a git commit, as zonegit represents them."""

    author: Identity
    committer: Identity
    message: str


def parse_commit(octets: bytes) -> GitCommit:
    """Parse a git commit (the output of ``git cat-file commit``)."""
    head, _, body = octets.partition(b"\n\n")
    headers: dict[bytes, bytes] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        headers.setdefault(key, value)  # a continuation line begins with a space: its key is empty
    encoding = headers.get(b"encoding", b"utf-8").decode("latin-1").strip()

    def decode_field(value: bytes) -> str:
        return _decode(value, encoding)

    return GitCommit(
        author=_parse_identity(decode_field(headers.get(b"author", b""))),
        committer=_parse_identity(decode_field(headers.get(b"committer", b""))),
        message=decode_field(body).replace("\r\n", "\n").rstrip("\n")[:MAX_MESSAGE],
    )


def _decode(octets: bytes, encoding: str) -> str:
    """Decode text as the stated encoding, else as UTF-8, else as Latin-1, which never fails."""
    for each in (encoding, "utf-8"):
        if _ENCODING.fullmatch(each):
            try:
                return octets.decode(each)
            except (UnicodeDecodeError, LookupError):
                continue
    return octets.decode("latin-1")


def _parse_identity(line: str) -> Identity:
    """Parse ``name <mail> seconds +hhmm``; missing or malformed fields get defaults."""
    name, _, rest = line.partition("<")
    mail, _, when = rest.rpartition(">")
    time, _, zone = when.strip().partition(" ")
    return Identity(
        _sanitise(name),
        _sanitise(mail),
        min(int(time), MAX_TIME) if _TIME.fullmatch(time) else 0,
        zone if _ZONE.fullmatch(zone) else "+0000",
    )


def _sanitise(text: str) -> str:
    """Remove characters that a name or mail address cannot have."""
    return _UNFIT.sub("", text).strip()[:MAX_NAME]


def format_identity(who: Identity) -> bytes:
    """Format an identity and its time for a git commit, which requires a name and a valid date."""
    name, mail = _sanitise(who.name), _sanitise(who.email)
    zone = who.zone if _ZONE.fullmatch(who.zone) else "+0000"
    return f"{name or mail or UNKNOWN_NAME} <{mail}> {min(who.time, MAX_TIME)} {zone}".encode()


def format_message(commit_id: CommitId, commit: Commit) -> bytes:
    """Return the message for the git commit: that of the zonegit commit, with a trailer that names
    its id."""
    message = commit.message.replace("\0", "\ufffd").strip("\n")
    named = f"{TRAILER}: {commit_id.hex()}\n"
    return (f"{message}\n\n{named}" if message else named).encode()


def read_commit_id(message: str) -> CommitId | None:
    """Return the zonegit commit that the message of a git commit names, None if it names none.

    A commit derived from an export, for example an amended one, keeps the line. The caller has to
    check that it still has the same content.
    """
    found = _NAMED.search(message)
    return CommitId(ObjectId(bytes.fromhex(found[1]))) if found else None


def format_commit(
    ref: str,
    mark: int,
    author: Identity,
    committer: Identity,
    message: bytes,
    parents: Sequence[int],
    files: Mapping[str, int],
) -> bytes:
    """Return the command of ``git fast-import`` that creates a commit.

    Args:
        ref: the branch to create it on.
        mark: its mark.
        author: the author and the time.
        committer: the committer and the time.
        message: the message.
        parents: the marks of its parents.
        files: the files that change from the first parent: the mark of the content, by path.
    """
    roles = [b"from", *(b"merge" for _ in parents[1:])]
    lines = [
        b"commit %b" % ref.encode(),
        b"mark :%d" % mark,
        b"author %b" % format_identity(author),
        b"committer %b" % format_identity(committer),
        b"data %d\n%b" % (len(message), message),
        *(b"%b :%d" % (role, parent) for role, parent in zip(roles, parents, strict=False)),
        *(b"M 100644 :%d %b" % (content, _quote(path)) for path, content in files.items()),
    ]
    return b"\n".join(lines) + b"\n\n"


def format_blob(mark: int, octets: bytes) -> bytes:
    """Return the command of ``git fast-import`` that creates a blob."""
    return b"blob\nmark :%d\ndata %d\n%b\n" % (mark, len(octets), octets)


def _quote(path: str) -> bytes:
    """Quote a path of printable ASCII."""
    return b'"%b"' % path.replace("\\", "\\\\").replace('"', '\\"').encode()
