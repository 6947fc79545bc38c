"""Answers that differ from those of all other servers, with the reason and an example.

The decisions are those of ``docs/answers.md``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
from tests.support.differential import signed_zones
from tests.support.differential.questions import Question
from tests.support.differential.replies import ReplyContent, read_content

MAX_ALIASES = 16
ADDRESS_COUNT = 100
"""More additional addresses than fit."""
DNSSEC_TYPES = (dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.NSEC3)

Covers = Callable[[Question, dns.message.Message, Sequence[ReplyContent]], bool]


@dataclass(frozen=True, slots=True)
class Exemption:
    """A deliberate difference from other servers.

    ``covers`` decides whether a reply is the intended one. ``zone`` and ``question`` are an example
    for which all servers in ``against`` answer otherwise. ``child`` is a child zone, ``denial`` the
    way in which both are signed (unsigned if None).
    """

    why: str
    covers: Covers
    zone: str
    question: Question
    against: tuple[str, ...] = ("nsd", "knotd", "named")
    child: str = ""
    denial: str | None = None

    @property
    def texts(self) -> dict[str, str]:
        """Return the zones of the example."""
        head = "@ 300 SOA ns.example. h.example. 7 7200 900 1209600 300\n@ 300 NS ns.example.\n"
        texts = {"example.test.": head + self.zone}
        texts |= {"sub.example.test.": head + self.child} if self.child else {}
        if self.denial is None:
            return texts
        return {apex: signed_zones.sign(apex, text, self.denial) for apex, text in texts.items()}


def find_exemption(
    question: Question, ours: dns.message.Message, theirs: Sequence[ReplyContent]
) -> Exemption | None:
    """Return the exemption that covers a disagreement; None for a fault."""
    covering = (each for each in EXEMPTIONS if each.covers(question, ours, theirs))
    return next(covering, None)


def _is_one_of_any(
    question: Question, ours: dns.message.Message, theirs: Sequence[ReplyContent]
) -> bool:
    told = {rrset.rdtype for rrset in ours.answer} - set(DNSSEC_TYPES)
    return question.rdtype == "ANY" and not question.tcp and len(told) <= 1


def _is_long(question: Question, ours: dns.message.Message, theirs: Sequence[ReplyContent]) -> bool:
    return ours.rcode() == dns.rcode.SERVFAIL and len(_aliases(ours)) == MAX_ALIASES


def _is_loop(question: Question, ours: dns.message.Message, theirs: Sequence[ReplyContent]) -> bool:
    owners = {rrset.name for rrset in ours.answer}
    returns = any(rrset[0].target in owners for rrset in _aliases(ours)[-1:])
    given_up = all(reply.rcode == "SERVFAIL" for reply in theirs)
    return returns and given_up and ours.rcode() == dns.rcode.NOERROR


def _is_proved(
    question: Question, ours: dns.message.Message, theirs: Sequence[ReplyContent]
) -> bool:
    if ours.rcode() or all(rrset.rdtype != dns.rdatatype.SOA for rrset in ours.authority):
        return False
    told = read_content(ours).essence
    without = [each for each in theirs if told._replace(authority=each.authority) == each.essence]
    more = [told.authority - each.authority for each in without]
    return bool(more) and all(lines and all(" nsec " in line for line in lines) for lines in more)


def _is_its_own_host(
    question: Question, ours: dns.message.Message, theirs: Sequence[ReplyContent]
) -> bool:
    owners = {rrset.name for rrset in ours.answer}
    own = {rrset.name for rrset in ours.additional} <= owners
    return question.rdtype in ("SVCB", "HTTPS") and bool(ours.additional) and own


def _is_much(question: Question, ours: dns.message.Message, theirs: Sequence[ReplyContent]) -> bool:
    brought = read_content(ours).additional
    return any(
        each.essence == read_content(ours).essence
        and len(each.additional - brought) > ADDRESS_COUNT
        for each in theirs
    )


def _is_of_the_parent(
    question: Question, ours: dns.message.Message, theirs: Sequence[ReplyContent]
) -> bool:
    targets = {rrset[0].target for rrset in _aliases(ours)[-1:]}
    is_above = all(
        target.is_subdomain(rrset.name) for target in targets for rrset in ours.authority
    )
    return question.rdtype == "DS" and bool(targets) and is_above


def _is_referred(
    question: Question, ours: dns.message.Message, theirs: Sequence[ReplyContent]
) -> bool:
    is_referral = read_content(ours).names_servers and not ours.rcode()  # possibly after aliases
    given = all(any(" nsec " in line for line in each.answer) for each in theirs)
    return question.rdtype == "NSEC" and is_referral and given


def _aliases(reply: dns.message.Message) -> list[dns.rrset.RRset]:
    return [rrset for rrset in reply.answer if rrset.rdtype == dns.rdatatype.CNAME]


def _asked(name: str, rdtype: str, *, tcp: bool = False) -> Question:
    return Question(dns.name.from_text(f"{name}.example.test."), rdtype, tcp=tcp)


EXEMPTIONS = (
    Exemption(
        "ANY in a datagram gets one RRset and its signature (RFC 8482 section 4.1)",
        _is_one_of_any,
        "www A 192.0.2.1\nwww MX 1 www\n",
        _asked("www", "ANY"),
        ("named",),
    ),
    Exemption(
        "A chain of more than 16 aliases ends in SERVFAIL, with what was found",
        _is_long,
        "".join(f"a{number} CNAME a{number + 1}\n" for number in range(20)),
        _asked("a0", "A", tcp=True),
    ),
    Exemption(
        "A loop of aliases is no error, and told once (RFC 1034 section 3.6.2)",
        _is_loop,
        "a CNAME b\nb CNAME a\n",
        _asked("a", "A"),
        ("named",),
    ),
    Exemption(
        "The DS that an alias leads to is the parent's to tell (RFC 4035 section 3.1.4.1)",
        _is_of_the_parent,
        "sub NS ns.example.\n",
        _asked("a.sub", "DS"),
        ("knotd", "named"),
        "a CNAME sub.example.test.\n",
    ),
    Exemption(
        "A service at its own name brings that name's addresses (RFC 9460 sections 2.5.2 and 4.1)",
        _is_its_own_host,
        "*.www HTTPS 1 . alpn=h2\n*.www A 192.0.2.1\n",
        _asked("*.www", "HTTPS", tcp=True),
        ("knotd", "named"),
    ),
    Exemption(
        "More than 4 KiB of addresses nobody asked for stay out",
        _is_much,
        "www MX 1 host\n" + "".join(f"host AAAA 2001:db8::{n}\n" for n in range(150)),
        _asked("www", "MX", tcp=True),
        ("knotd", "named"),
    ),
    Exemption(
        "That a wildcard has no data is proved where it is an empty non-terminal too (RFC 4035"
        " section 3.1.3.4)",
        _is_proved,
        "x.* A 192.0.2.1\n",
        replace(_asked("z", "A"), payload=1232, do=True),
        ("knotd", "named"),
        denial="nsec",
    ),
    Exemption(
        "At a cut the parent's side answers for DS alone, not for NSEC (RFC 4035 section 3.1.4.1)",
        _is_referred,
        "sub NS ns.example.\n",
        replace(_asked("sub", "NSEC"), payload=1232, do=True),
        ("named",),
        denial="nsec",
    ),
)
