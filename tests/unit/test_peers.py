"""The servers of comparisons in tests and benchmarks can be run with all options."""

from pathlib import Path

import pytest

from tests.support import peers

TEXT = "@ 300 SOA ns1 hostmaster 7 7200 900 1209600 300\n@ 300 NS ns1\nns1 300 A 192.0.2.1\n"
PROGRAMS = ("nsd", "knotd", "named", "pdns_server")
KEY = peers.PeerKey("transfer.", "hmac-sha256", "c2hhcmVkIGJ5IHR3byBhbmQgbm9ib2R5IGVsc2U=")


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_peer_serves_zones_from_files_and_by_transfer(program: str, tmp_path: Path) -> None:
    if peers.find_program(program) is None:
        pytest.skip(f"{program} is not installed")
    folders = {name: tmp_path / name for name in ("first", "second")}
    for folder in folders.values():
        folder.mkdir()
    from_file = peers.write_zones(folders["first"], {"foo.test.": TEXT, "bar.test.": TEXT})
    with peers.run_peer(program, folders["first"], from_file, core=0) as first:
        zone = peers.PeerZone(
            "foo.test.", folders["second"] / "foo", peers.Primary("127.0.0.1", first.port)
        )
        with peers.run_peer(program, folders["second"], [zone]) as second:
            peers.wait_until_served(second.address, "foo.test.", second.process)


@pytest.mark.parametrize("program", PROGRAMS[:3])
def test_a_peer_accepts_keys(program: str, tmp_path: Path) -> None:
    if peers.find_program(program) is None:
        pytest.skip(f"{program} is not installed")
    nobody = peers.Primary("127.0.0.1", 9, KEY)
    with peers.run_peer(
        program, tmp_path, [peers.PeerZone("foo.test.", tmp_path / "z", nobody)]
    ) as one:
        assert one.process.poll() is None


def test_the_error_of_a_peer_that_does_not_start_has_the_reason(tmp_path: Path) -> None:
    if peers.find_program("named") is None:
        pytest.skip("named is not installed")
    wrong = [peers.PeerZone("foo..test.", tmp_path / "z")]
    with (
        pytest.raises(RuntimeError, match=r"foo\.\.test"),
        peers.run_peer("named", tmp_path, wrong),
    ):
        pass
