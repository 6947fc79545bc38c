"""The checks of ``zonegit doctor`` on what resolvers report."""

from msgspec.structs import replace

from zonegit.objects.ids import CommitId
from zonegit.store.refs import RefTip, ZoneRefs
from zonegit.wire.messages import ResolverStatus, SecondaryReport, ServedZone
from zonegit.zone import names
from zonegit_cli import health

FOO, BAR = names.parse("foo.com."), names.parse("bar.org.")
COMMIT = CommitId(bytes(32))
CURRENT = ServedZone(zone=FOO, branch="main", commit=COMMIT, serial=1, sequence=3, age=0.5)
STATUS = ResolverStatus(
    resolver="resolver-1",
    version="1",
    listen=["127.0.0.1:53"],
    metrics=None,
    branches=["main", "next"],
    only=[],
    at=None,
    epoch="e",
    sequence=3,
    lag=0,
    zones=[CURRENT, replace(CURRENT, branch="next", percent=10)],
)


def refs(zone: names.Name, *branches: str) -> ZoneRefs:
    return ZoneRefs(zone, {each: RefTip(COMMIT, 1, 1) for each in branches}, {})


def test_a_current_resolver_passes_and_a_canary_is_no_second_zone() -> None:
    found = health.check_resolver(STATUS)
    assert found.ok
    assert found.text == "serves 1 zone on 127.0.0.1:53, 0 changes behind"


def test_a_resolver_that_has_not_caught_up_fails() -> None:
    behind = replace(STATUS, lag=2)
    assert health.is_catching_up(behind)
    assert "2 changes behind; has been behind for more than 5 s" in fail(behind)
    old = replace(STATUS, zones=[replace(CURRENT, age=9.2)])
    assert health.is_catching_up(old)
    assert "has not confirmed a zone as current for 9 s" in fail(old)
    pinned = replace(STATUS, zones=[replace(CURRENT, age=None, pinned=True)])
    assert health.check_resolver(pinned).ok


def test_a_problem_that_explains_the_lag_fails_at_once() -> None:
    broken = replace(STATUS, lag=1, zones=[replace(CURRENT, problem="lost")])
    assert not health.is_catching_up(broken)
    assert fail(broken).endswith("1 change behind; foo.com.: lost")


def test_a_refused_configuration_fails_with_its_line() -> None:
    assert "the file was refused: r.toml:2: no" in fail(
        replace(STATUS, refused_config="r.toml:2: no")
    )


def test_a_zone_with_a_commit_that_no_resolver_serves_is_found() -> None:
    zones = [refs(FOO, "main"), refs(BAR, "next"), refs(names.parse("draft."), "draft")]
    assert health.find_unserved(zones, [STATUS]) == [BAR]
    found = health.check_zones([BAR], [STATUS])
    assert (found.ok, "serves bar.org.;" in found.text) == (False, True)
    nothing = replace(STATUS, zones=[replace(CURRENT, commit=None)])
    assert health.find_unserved(zones[:1], [nothing]) == [FOO]
    assert health.check_zones([BAR], [replace(STATUS, more=True)]).ok


def fail(status: ResolverStatus) -> str:
    """Return the text of the failed check of a resolver."""
    found = health.check_resolver(status)
    assert not found.ok
    return found.text


def test_a_problem_that_several_resolvers_report_is_named_once() -> None:
    """Two resolvers notify one secondary, which answers neither: one text."""
    report = SecondaryReport(
        zone=names.parse("example.com."),
        secondary="192.0.2.2:53",
        progress="silent",
        notified=7,
        age=60.0,
    )
    check = health.check_secondary("192.0.2.2:53", [report, report])
    assert not check.ok
    assert check.text == "example.com.: does not answer the NOTIFY of serial 7"
