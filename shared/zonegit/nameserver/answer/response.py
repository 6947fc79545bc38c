"""Build the sections of a reply from fragments: answers, then proofs, then additional records."""

import msgspec

from zonegit.nameserver.answer.render import render_proof
from zonegit.nameserver.message.fragment import AA, HEADER, MAX_NEAR_START, Fragment, encode_headers
from zonegit.nameserver.message.query import RCODE
from zonegit.nameserver.zone.snapshot import NsecRecord, ZoneSnapshot


class Response(msgspec.Struct, frozen=True):
    """All sections of a reply.

    Attributes:
        flags: AA and the RCODE.
        cuts: see :class:`Fragment`.
        is_alias: whether the name of the question is itself the owner of a CNAME. The number of
            such replies is bounded by the number of CNAMEs and types.
    """

    octets: bytes
    flags: int
    answers: int
    authority: int
    additional: int
    cuts: tuple[tuple[int, int], ...]
    is_alias: bool = False

    def headers(self) -> tuple[bytes, ...]:
        """Return the header variants, as ``Fragment.heads``."""
        return encode_headers(self.flags, self.answers, self.authority, self.additional)


class ResponseBuilder:
    """Appends fragments to each other, section by section.

    The additional section is that of the last fragment. The answer is authoritative if its first
    owner is (RFC 1035 section 4.1.1).

    Proofs are in the authority section: after all answers, before a referral. If an answer has
    optional additional records, these are dropped to make room for proofs.
    """

    __slots__ = (
        "_additional",
        "_answers",
        "_authority",
        "_cuts",
        "_flags",
        "_is_minimal",
        "_needed",
        "_octets",
        "_proofs",
        "_proven",
        "_start",
        "is_alias",
    )

    def __init__(self, question: int, *, is_minimal: bool) -> None:
        self.is_alias = False
        self._is_minimal = is_minimal
        self._start = HEADER + question
        self._octets = bytearray()
        self._answers = self._authority = self._additional = 0
        self._needed = (0, 0)
        self._cuts: tuple[tuple[int, int], ...] = ()
        self._flags: int | None = None
        self._proofs: list[tuple[ZoneSnapshot, NsecRecord, int, int]] = []
        self._proven: set[int] = set()

    @property
    def is_empty(self) -> bool:
        """Return whether nothing was added yet."""
        return self._flags is None

    @property
    def end(self) -> int:
        """Return the offset in the message at which the next fragment begins."""
        return self._start + len(self._octets)

    def add(
        self, fragment: Fragment, name_at: int, name_length: int, *, is_bare: bool = False
    ) -> None:
        """Append the fragment of an outcome.

        Args:
            fragment: the fragment.
            name_at: the offset of its name in the message.
            name_length: the octets of that name.
            is_bare: leave out optional additional records.
        """
        if not fragment.answers:
            self._add_proofs()
        at = len(self._octets)
        self._octets += fragment.place(name_at, name_length, self.end)
        self._needed = at + fragment.needed[0], fragment.needed[1]
        self._answers += fragment.answers
        self._authority += fragment.authority
        self._additional = fragment.additional
        self._cuts = tuple((at + end, count) for end, count in fragment.cuts)
        if is_bare or self._is_minimal:
            self._drop_optional()
        is_authoritative = (fragment.flags if self._flags is None else self._flags) & AA
        self._flags = is_authoritative | fragment.flags & RCODE

    def add_proof(
        self, snapshot: ZoneSnapshot, nsec: NsecRecord, name_at: int, name_length: int
    ) -> None:
        """Append a record that proves the fragment added last, unless the reply has it already."""
        if id(nsec) not in self._proven:
            self._proven.add(id(nsec))
            self._proofs.append((snapshot, nsec, name_at, name_length))

    def build(self, rcode: int | None = None) -> Response:
        """Return the response, with another RCODE than the last fragment's if one is given."""
        self._add_proofs()
        assert self._flags is not None
        return Response(
            bytes(self._octets),
            self._flags if rcode is None else self._flags & AA | rcode,
            self._answers,
            self._authority,
            self._additional,
            self._cuts,
            self.is_alias,
        )

    def _add_proofs(self) -> None:
        if self._proofs:
            self._drop_optional()
        for snapshot, nsec, name_at, name_length in self._proofs:
            fragment = render_proof(snapshot, nsec, is_far=self.end > MAX_NEAR_START)
            self._octets += fragment.place(name_at, name_length, self.end)
            self._authority += fragment.authority
        self._proofs.clear()

    def _drop_optional(self) -> None:
        """Drop the optional additional records of the fragment added last."""
        end, self._additional = self._needed
        del self._octets[end:]
        self._cuts = tuple(cut for cut in self._cuts if cut[0] < end)
