"""Authors, committers and taggers as JSON."""

from zonegit.objects.model import Identity
from zonegit.views.document import Document


class IdentityDocument(Document, kw_only=True):
    """A person or program with a time in seconds since 1970, and the offset of its time zone, such
    as ``+0200``."""

    name: str
    email: str
    time: int
    zone: str


def make_identity(identity: Identity) -> IdentityDocument:
    """Return an identity as a document."""
    return IdentityDocument(
        name=identity.name, email=identity.email, time=identity.time, zone=identity.zone
    )
