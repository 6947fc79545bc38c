"""The reports of several resolvers about one secondary."""

import msgspec

from zonegit.bus.secondaries import join_transfers
from zonegit.wire.messages import SecondaryReport
from zonegit.zone import names

ZONE = names.parse("foo.com.")
IN_STEP = SecondaryReport(
    zone=ZONE, secondary="192.0.2.1:53", progress="in step", notified=2, age=9.0,
    has=2, transfer="ixfr", transfer_age=8.0,
)  # fmt: skip
BEHIND = SecondaryReport(
    zone=ZONE, secondary="192.0.2.1:53", progress="behind", notified=2, age=7.0,
    has=1, transfer="axfr", transfer_age=60.0,
)  # fmt: skip


def join(report: SecondaryReport, other: SecondaryReport) -> SecondaryReport:
    return join_transfers({"r1": [report], "r2": [other]})["r1"][0]


def test_a_transfer_from_one_resolver_counts_for_the_others() -> None:
    joined = join(BEHIND, IN_STEP)
    assert joined == msgspec.structs.replace(IN_STEP, age=7.0)
    answered = msgspec.structs.replace(BEHIND, progress="answered", has=None, transfer=None)
    assert join(answered, IN_STEP).progress == "in step"


def test_it_does_not_count_for_another_serial_zone_or_secondary() -> None:
    for changes in ({"has": 1}, {"zone": names.parse("bar.com.")}, {"secondary": "192.0.2.2:53"}):
        other = msgspec.structs.replace(IN_STEP, **changes)
        assert join(BEHIND, other) == BEHIND


def test_a_secondary_that_refuses_or_is_silent_stays_so() -> None:
    for progress in ("refused", "silent", "waiting"):
        report = msgspec.structs.replace(BEHIND, progress=progress)
        assert join(report, IN_STEP) == report
