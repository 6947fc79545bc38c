"""How random zones are signed: with NSEC, with NSEC3, with NSEC3 and opt-out."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support import signing

DENIALS = {
    "nsec": signing.NSEC,
    "nsec3": signing.NSEC3,
    "opt-out": signing.NSEC3_OPT_OUT,
}
"""How absence is proved (RFC 4034 section 4, RFC 5155)."""


def signed(apex: str, text: str, denial: str) -> str:
    """A master file, relative to its apex, with signatures by one key."""
    with TemporaryDirectory() as folder:
        return signing.signed(Path(folder), apex, text, *DENIALS[denial])
