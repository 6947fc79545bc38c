"""Serve zones with all servers, and send the same questions to all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import dns.flags
import dns.message
import dns.name
import dns.rdatatype
from dns.name import Name
from tests.dns.local_server import LocalServer
from tests.support import peers
from tests.support.differential import query_client
from tests.support.differential.exemptions import MAX_ALIASES, Exemption, find_exemption
from tests.support.differential.questions import Question
from tests.support.differential.random_zones import RandomZone
from tests.support.differential.replies import (
    ReplyContent,
    agrees_by_zone,
    combine_replies,
    find_unfollowed,
    read_content,
)

from zonegit.nameserver.message.fragment import HEADER, QUESTION_TAIL
from zonegit.nameserver.message.query import DATAGRAM, STREAM

ADDING_PROGRAMS = ("knotd", "named")
"""Those that bring along addresses of the hosts they name; NSD is told to leave that."""
SLACK = 128
"""Octets that a reply of ours may be longer for want of compression."""
REFERENCES = ("nsd", "knotd", "named")


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A question that zonegit answers as no other server does.

    ``theirs`` has several replies from a server that leaves it to the client to follow an alias
    into another of its zones. ``exemption`` is the reason for our answer; None for a fault.
    """

    question: Question
    ours: dns.message.Message
    theirs: Mapping[str, Sequence[dns.message.Message]]
    exemption: Exemption | None

    @property
    def is_of_space(self) -> bool:
        """Return whether the size of a datagram may explain the difference.

        Either theirs is truncated and ours is not; or ours is, and theirs comes in several replies,
        is an error, or fits by less than ``SLACK``. Servers compress names differently, and some
        leave out required glue (RFC 9471 section 3.1).
        """
        if not _is_truncated(self.ours):
            return any(_is_truncated(replies[-1]) for replies in self.theirs.values())
        return any(
            len(replies) > 1
            or replies[0].rcode()
            or len(replies[0].wire or b"") > self.question.room - SLACK
            for replies in self.theirs.values()
        )

    def __str__(self) -> str:
        told = [f"{self.question}", ";; zonegit", str(self.ours)]
        for program, replies in self.theirs.items():
            told += [f";; {program}", *(str(reply) for reply in replies)]
        return "\n".join(told)


def _is_truncated(reply: dns.message.Message) -> bool:
    return bool(reply.flags & dns.flags.TC)


def list_references(zones: Iterable[RandomZone]) -> list[str]:
    """Return the installed servers that serve such zones; only BIND serves data below a DNAME."""
    able = REFERENCES if not any(_is_occluding(zone) for zone in zones) else ("named",)
    return [program for program in able if peers.find_program(program)]


def _is_occluding(zone: RandomZone) -> bool:
    redirected = [record.owner for record in zone.records if record.rdtype == "DNAME"]
    return any(
        record.owner != owner and record.owner.is_subdomain(owner)
        for owner in redirected
        for record in zone.records
    )


@contextmanager
def run_servers(
    texts: Mapping[str, str], programs: Iterable[str]
) -> Iterator[dict[str, peers.Peer]]:
    """Run these servers with these zones, and yield them by program."""
    with ExitStack() as running:
        started = {}
        for program in programs:
            folder = Path(running.enter_context(TemporaryDirectory()))
            zones = peers.write_zones(folder, texts)
            started[program] = running.enter_context(
                peers.run_peer(program, folder, zones, minimal=program == "nsd")
            )
        yield started


def find_disagreements(
    texts: Mapping[str, str], programs: Iterable[str], questions: Sequence[Question]
) -> Iterator[Disagreement]:
    """Yield the questions that zonegit answers differently from all of ``programs``."""
    server = LocalServer(dict(texts))
    apexes = [dns.name.from_text(apex) for apex in texts]
    with run_servers(texts, programs) as servers:
        theirs = {name: _told(peer, questions, apexes) for name, peer in servers.items()}
        for number, question in enumerate(questions):
            of_each = {name: replies[number] for name, replies in theirs.items()}
            found = _compared(server, question, of_each, apexes)
            if found is not None and found.is_of_space:
                whole = replace(question, tcp=True)
                again = {name: _told(peer, [whole], apexes)[0] for name, peer in servers.items()}
                found = _compared(server, whole, again, apexes)
            if found is not None:
                yield found


def _compared(
    server: LocalServer,
    question: Question,
    theirs: Mapping[str, Sequence[dns.message.Message]],
    apexes: Sequence[Name],
) -> Disagreement | None:
    wire = question.query()
    octets = server.exchange(wire, limit=STREAM if question.tcp else DATAGRAM)
    assert octets is not None
    assert question.tcp or len(octets) <= question.room
    end = HEADER + len(question.name.to_wire()) + QUESTION_TAIL
    assert octets[HEADER:end] == wire[HEADER:end]  # The question is copied with its case.
    ours = dns.message.from_wire(octets)
    told = {
        name: combine_replies(list(map(read_content, replies))) for name, replies in theirs.items()
    }
    agreeing = {
        name: each for name, each in told.items() if each.essence == read_content(ours).essence
    }
    if agreeing and not _brings_other(question, read_content(ours), agreeing):
        return None
    if not agreeing and agrees_by_zone(read_content(ours), list(told.values()), apexes):
        return None
    return Disagreement(question, ours, theirs, find_exemption(question, ours, list(told.values())))


def _brings_other(
    question: Question, ours: ReplyContent, agreeing: Mapping[str, ReplyContent]
) -> bool:
    """Return whether our additional records differ from those of servers that answer alike.

    Only complete replies count. The amount of sibling glue in a referral is up to each server (RFC
    9471 section 3.2).
    """
    brought = [agreeing[name].additional for name in ADDING_PROGRAMS if name in agreeing]
    is_whole = question.tcp and not question.do and not ours.names_servers
    return is_whole and bool(brought) and ours.additional not in brought


def _told(
    peer: peers.Peer, questions: Sequence[Question], apexes: Sequence[Name]
) -> list[list[dns.message.Message]]:
    """Return the replies of a server to each question, and to further ones that follow its
    aliases."""
    told = [[reply] for reply in _asked(peer, questions)]
    pending = dict(enumerate(questions))
    for _ in range(MAX_ALIASES):
        further = {}
        for number, question in pending.items():
            qtype = dns.rdatatype.from_text(question.rdtype)
            target = find_unfollowed(told[number][-1], qtype, apexes)
            met = {rrset.name for reply in told[number] for rrset in reply.answer}
            if target is not None and target not in met and any(map(target.is_subdomain, apexes)):
                further[number] = replace(question, name=target)
        for number, reply in zip(further, _asked(peer, list(further.values())), strict=True):
            told[number].append(reply)
        pending = further
    return told


def _asked(peer: peers.Peer, questions: Sequence[Question]) -> list[dns.message.Message]:
    replies: dict[int, dns.message.Message] = {}
    for tcp, ask in ((False, query_client.query_udp), (True, query_client.query_tcp)):
        chosen = [number for number, question in enumerate(questions) if question.tcp == tcp]
        wires = [questions[number].query(number) for number in chosen]
        for number, reply in zip(chosen, ask(peer.address, wires), strict=True):
            replies[number] = dns.message.from_wire(reply)
    return [replies[number] for number in range(len(questions))]
