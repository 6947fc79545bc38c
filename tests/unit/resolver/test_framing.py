"""Messages on a stream, in pieces of any size."""

from hypothesis import given
from hypothesis import strategies as st

from zonegit_resolver.listen.framing import Frames, frame

MESSAGES = st.lists(st.binary(max_size=300), max_size=12)


@given(MESSAGES, st.lists(st.integers(1, 700), min_size=1), st.integers(1, 5))
def test_messages_are_read_as_they_were_written_for_any_chunks(
    messages: list[bytes], cuts: list[int], most: int
) -> None:
    octets = b"".join(map(frame, messages))
    frames, found, at = Frames(), [], 0
    while at < len(octets):
        cut = cuts[at % len(cuts)]
        frames.feed(octets[at : at + cut])
        at += cut
        while taken := frames.take(most):
            assert len(taken) <= most
            found += taken
    assert found == messages


def test_the_longest_message_is_one() -> None:
    frames = Frames()
    frames.feed(frame(bytes(65_535))[:-1])
    assert frames.take(9) == []
    frames.feed(b"\0")
    assert frames.take(9) == [bytes(65_535)]
