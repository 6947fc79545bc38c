"""The share of queries that a canary answers: counted since it was set, and shown as a bar."""

from zonegit.nameserver.answer.canary import Canary
from zonegit.nameserver.answer.zone_table import QueryCounts
from zonegit.wire.messages import ServedZone
from zonegit.zone import names
from zonegit.zone.names import Name
from zonegit_cli.render.resolvers import format_canaries
from zonegit_resolver.canary_counts import CanaryCounts

ZONE = names.parse("foo.com")


def test_queries_before_the_canary_was_set_do_not_count() -> None:
    queries: dict[tuple[Name, str], QueryCounts] = {
        (ZONE, "main"): {16: 1_000},
        (ZONE, "next"): {16: 5},
    }
    counts = CanaryCounts(queries)
    assert counts.count(ZONE, "main") is None
    counts.restart(ZONE, Canary("next", 10), "main")
    queries[ZONE, "main"][16] += 7
    queries[ZONE, "next"][19] = 3
    counts.restart(ZONE, Canary("next", 10), "main")  # the zone was published again
    assert [counts.count(ZONE, branch) for branch in ("main", "next", "other")] == [7, 3, None]
    counts.restart(ZONE, Canary("next", 50), "main")
    assert counts.count(ZONE, "next") == 0
    counts.restart(ZONE, None, "main")
    assert counts.count(ZONE, "next") is None


def test_a_bar_adds_the_queries_of_all_resolvers() -> None:
    def served(branch: str, percent: int | None, queries: int | None) -> ServedZone:
        return ServedZone(
            zone=ZONE, branch=branch, commit=None, serial=None, sequence=0, age=None,
            percent=percent, queries=queries,
        )  # fmt: skip

    states = [served("main", None, 600), served("next", 25, 150)] * 2
    expected = "canary next of foo.com.: [####................] 20.0 % of 1,500 queries"
    assert format_canaries(states) == [f"{expected}; set to 25 % of subnets"]
    silent = [served("main", None, 0), served("next", 25, 0)]
    assert "[....................] no queries yet; set to 25 %" in format_canaries(silent)[0]
    assert format_canaries([served("main", None, None)]) == []
