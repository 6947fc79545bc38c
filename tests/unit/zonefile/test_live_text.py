"""The text of a zone updated by changes equals the text written from the result."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import strategies
from tests.support.strategies import APEX

from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_from_text, rrset
from zonegit.zone.rrtypes import RRSIG, A
from zonegit.zonefile import writer
from zonegit.zonefile.live_text import LiveText

few_owners = st.sampled_from([names.parse(text, APEX) for text in ("@", "a", "b", "a.b", "*.a")])
changes = st.lists(
    st.lists(st.tuples(strategies.rrsets(few_owners), st.booleans()), max_size=5), max_size=6
)


@settings(max_examples=120)
@given(changes)
def test_the_text_equals_that_written_from_the_same_rrsets(steps: list[list[tuple[RRset, bool]]]):
    live = LiveText(APEX)
    zone: dict[tuple[Name, int], RRset] = {}
    for step in steps:
        todo = {(value.owner, value.rdtype): value if kept else None for value, kept in step}
        live.apply(todo)
        zone |= {key: value for key, value in todo.items() if value is not None}
        for key in [key for key, value in todo.items() if value is None]:
            zone.pop(key, None)
        assert live.octets() == "".join(writer.write(zone.values(), APEX)).encode()


def test_an_rrsig_has_the_current_ttl_of_its_rrset():
    owner = names.parse("a", APEX)
    text = "A 8 3 300 20300101000000 20200101000000 1 foo.com. AAAA"
    live = LiveText(APEX)
    live.apply({(owner, RRSIG): rrset(owner, RRSIG, 7, [rdata_from_text(RRSIG, text)])})
    assert b" 7 IN RRSIG" in live.octets()
    live.apply({(owner, A): rrset(owner, A, 42, [b"\xc0\0\2\1"])})
    assert b" 42 IN RRSIG" in live.octets()
