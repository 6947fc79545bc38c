"""The load generator: counted answers, losses, latencies and RCODEs."""

import os
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from benchmarks import load, queries, zones
from benchmarks.load import LoadResult
from tests.support.waiting import DEADLINE_S

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="segmented sends are Linux's")

QUERIES = [queries.build_query(f"h{number}.test.", zones.A) for number in range(8)]
SECONDS = 0.05


@pytest.fixture
def _long_loss_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the time after which silence counts as loss."""
    monkeypatch.setattr(load, "LOSS_TIMEOUT_S", DEADLINE_S)


def run_until(
    is_enough: Callable[[LoadResult], object], address: tuple[str, int], **options: object
) -> LoadResult:
    """Run the generator, each time for twice as long, until ``is_enough`` accepts the result."""
    seconds = SECONDS
    while not is_enough(result := load.run(address, QUERIES, seconds, window=4, **options)):
        seconds *= 2
        assert seconds < DEADLINE_S
    return result


Reply = Callable[[bytes], bytes | None]


def echo(query: bytes) -> bytes:
    return query


@contextmanager
def run_server(reply: Reply) -> Iterator[tuple[str, int]]:
    """Run a UDP server in a thread; it sends the result of ``reply`` unless that is None."""
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


@pytest.mark.usefixtures("_long_loss_timeout")
def test_a_server_that_answers_everything_loses_nothing() -> None:
    with run_server(echo) as address:
        result = run_until(lambda result: result.answers, address)
    assert result.lost == 0
    assert result.by_rcode.keys() == {0}


def test_a_silent_server_loses_everything_and_the_run_still_ends() -> None:
    with run_server(lambda _: None) as address:
        result = load.run(address, QUERIES, 2 * load.LOSS_TIMEOUT_S, window=4)
    assert result.answers == 0
    assert result.lost > 0


def test_datagrams_are_sent_unchanged_except_for_their_ids() -> None:
    received = set()

    def record(query: bytes) -> bytes:
        received.add(query)
        return query

    with run_server(record) as address:
        run_until(lambda _: len(received) == len(QUERIES), address)
    assert {query[2:] for query in received} == {query[2:] for query in QUERIES}
    assert len({query[:2] for query in received}) == len(QUERIES)


def test_each_answer_has_a_latency_if_requested() -> None:
    with run_server(echo) as address:
        result = run_until(lambda result: result.answers, address, latencies=True)
    assert len(result.latencies_us) == result.answers
    assert min(result.latencies_us) > 0


def test_rcodes_reveal_a_server_that_answers_wrongly() -> None:
    with run_server(lambda query: query[:3] + b"\x02" + query[4:]) as address:
        result = run_until(lambda result: result.answers, address)
    assert result.by_rcode.keys() == {2}


def test_datagrams_of_several_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="one length"):
        load.run(("127.0.0.1", 9), [b"a" * 12, b"a" * 13], SECONDS)


def test_the_generator_restores_the_cores_of_its_process() -> None:
    before = os.sched_getaffinity(0)
    with run_server(echo) as address:
        load.run(address, QUERIES, SECONDS, window=4, core=min(before))
    assert os.sched_getaffinity(0) == before
