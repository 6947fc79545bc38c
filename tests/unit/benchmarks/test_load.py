"""The load generator counts the replies that a server sent."""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from benchmarks import load, questions, zones
from benchmarks.load import Load
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="segmented sends are Linux's")

QUESTIONS = [questions.question(f"h{number}.test.", zones.A) for number in range(8)]
SECONDS = 0.05


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Count silence as loss only where a test is about loss."""
    monkeypatch.setattr(load, "PATIENCE_S", DEADLINE_S)


def run_until(
    is_enough: Callable[[Load], object], address: tuple[str, int], **options: object
) -> Load:
    """Run the generator for longer and longer until ``is_enough`` accepts a run."""
    seconds = SECONDS
    while not is_enough(seen := load.run(address, QUESTIONS, seconds, window=4, **options)):
        seconds *= 2
        assert seconds < DEADLINE_S
    return seen


Reply = Callable[[bytes], bytes | None]


def echo(query: bytes) -> bytes:
    return query


@contextmanager
def server(reply: Reply) -> Iterator[tuple[str, int]]:
    """Run a UDP server in a thread; it sends the result of ``reply``, if any."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))

        def serve() -> None:
            while True:
                query, peer = sock.recvfrom(512)
                if peer == stopper.getsockname():
                    return
                if (answer := reply(query)) is not None:
                    sock.sendto(answer, peer)

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stopper:
            stopper.connect(sock.getsockname())
            thread = threading.Thread(target=serve)
            thread.start()
            try:
                yield sock.getsockname()
            finally:
                stopper.send(b"stop")
                thread.join()


@pytest.mark.usefixtures("_patient")
def test_a_server_that_answers_everything_loses_nothing() -> None:
    with server(echo) as address:
        seen = run_until(lambda seen: seen.answers, address)
    assert seen.lost == 0
    assert seen.by_rcode.keys() == {0}


def test_a_silent_server_loses_everything_and_the_run_still_ends() -> None:
    with server(lambda _: None) as address:
        seen = load.run(address, QUESTIONS, 2 * load.PATIENCE_S, window=4)
    assert seen.answers == 0
    assert seen.lost > 0


def test_every_datagram_is_sent_as_it_was_given_but_for_its_id() -> None:
    heard = set()

    def listen(query: bytes) -> bytes:
        heard.add(query)
        return query

    with server(listen) as address:
        run_until(lambda _: len(heard) == len(QUESTIONS), address)
    assert {query[2:] for query in heard} == {query[2:] for query in QUESTIONS}
    assert len({query[:2] for query in heard}) == len(QUESTIONS)


def test_each_answer_has_a_latency_when_they_are_asked_for() -> None:
    with server(echo) as address:
        seen = run_until(lambda seen: seen.answers, address, latencies=True)
    assert len(seen.latencies_us) == seen.answers
    assert min(seen.latencies_us) > 0


def test_rcodes_tell_a_server_that_answers_wrongly() -> None:
    with server(lambda query: query[:3] + b"\x02" + query[4:]) as address:
        seen = run_until(lambda seen: seen.answers, address)
    assert seen.by_rcode.keys() == {2}


def test_datagrams_of_several_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        load.run(("127.0.0.1", 9), [b"a" * 12, b"a" * 13], SECONDS)


def test_the_generator_leaves_its_core_when_it_is_done() -> None:
    before = os.sched_getaffinity(0)
    with server(echo) as address:
        load.run(address, QUESTIONS, SECONDS, window=4, core=min(before))
    assert os.sched_getaffinity(0) == before
