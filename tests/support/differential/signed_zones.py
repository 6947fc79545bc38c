"""Sign random zones with NSEC, with NSEC3, or with NSEC3 and opt-out."""

from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support import zone_signing

DENIALS = {
    "nsec": zone_signing.NSEC,
    "nsec3": zone_signing.NSEC3,
    "opt-out": zone_signing.NSEC3_OPT_OUT,
}
"""The methods of denial of existence (RFC 4034 section 4, RFC 5155)."""


def sign(apex: str, text: str, denial: str) -> str:
    """Return the master file of a zone signed with one key, relative to its apex."""
    with TemporaryDirectory() as folder:
        return zone_signing.sign_zone(Path(folder), apex, text, *DENIALS[denial])
