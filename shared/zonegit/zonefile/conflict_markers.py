"""Find the conflict markers that git leaves in a file whose merge is not finished.

The reader looks for them before it parses a file. Most conflicts of master files are inside the
parentheses of an SOA, where the parser would only report a malformed record.
"""

from typing import Final

from zonegit.errors import Invalid

_STARTS: Final = (b"<<<<<<< ", b"||||||| ", b">>>>>>> ")
_MIDDLE: Final = b"======="
MAX_SHOWN: Final = 60
"""Characters of a marker that an error shows."""


def refuse_markers(octets: bytes, source: str) -> None:
    """Refuse a file that has conflict markers.

    Args:
        octets: the content of the file.
        source: the name of the file, for errors.

    Raises:
        Invalid: the file has a marker; the message shows the first one and its line.
    """
    found = [at for start in _STARTS if (at := _find_line(octets, start)) is not None]
    for end in (b"\n", b"\r\n"):
        if (at := _find_line(octets, _MIDDLE + end)) is not None:
            found.append(at)
    if not found:
        return
    first = min(found)
    line = octets.count(b"\n", 0, first) + 1
    text = octets[first:].partition(b"\n")[0].rstrip().decode("utf-8", "replace")
    raise Invalid(
        f"{source}:{line}: a conflict marker of git: {text[:MAX_SHOWN]}",
        hint="the merge is not finished: keep what is right, and delete the lines of the markers",
    )


def _find_line(octets: bytes, start: bytes) -> int | None:
    """Return the offset of the first line that begins with ``start``, or None."""
    if octets.startswith(start):
        return 0
    at = octets.find(b"\n" + start)
    return at + 1 if at >= 0 else None
