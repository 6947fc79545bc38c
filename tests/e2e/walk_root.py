"""The part of the walkthrough that has real history: the root zone, day by day."""

import tarfile
from pathlib import Path

from tests.e2e.walking import Walkthrough, blamed, remember_addresses

ROOT_ZONES = Path(__file__).resolve().parents[3] / "shared" / "data" / "rootzone-2018.tar.xz"
ROOT_TREE = "4745c3584a55f86be12d0bde93d280d34dd7821f0f29948f63996eafc170e2f8"
ROOT_VERSIONS = 10


def history(walk: Walkthrough) -> None:
    walk.step("The real root zone: ten days of it as history")
    if not ROOT_ZONES.exists():
        print("  skipped: the real data is not beside this checkout")
        return
    walk.run("zonegit up --detach --listen 127.0.0.1:0 --metrics 127.0.0.1:0")
    remember_addresses(walk)
    walk.check("foo.com came back", walk.records("api.foo.com A") == ["192.0.2.81"])
    walk.run("zonegit init .")
    serials = extract_root_zones(walk)
    for serial in serials:
        words = f"zonegit import root-{serial}.zone -m 'root zone {serial}' --wait --timeout 60"
        walk.run(words, shown=1)
    tree = walk.run("zonegit rev-parse HEAD~9^{tree}").strip()
    walk.check("the first has the tree that the original computes", tree == ROOT_TREE)
    walk.run("zonegit log --oneline")
    walk.check("ten versions are ten commits", len(walk.ask("log")) == ROOT_VERSIONS)
    walk.run("zonegit blame com. NS")
    first = walk.ask("rev-parse HEAD~9")["id"]
    walk.check("com. has had its servers all along", blamed(walk, "com. NS") == {first})
    walk.run("zonegit diff HEAD~1 HEAD --stat", shown=10)
    walk.run("zonegit query www.example.com A")
    soa = walk.records(". SOA")[0]
    walk.check("the last version is served", soa.split()[2] == serials[-1])
    _, address = walk.resolver("first", "--zone . --at HEAD~9")
    soa = walk.records(f". SOA @{address}")[0]
    walk.check("the first one is, too, by who is pinned to it", soa.split()[2] == serials[0])


def extract_root_zones(walk: Walkthrough) -> list[str]:
    """Unpacks the first versions and returns their serials, in order."""
    with tarfile.open(ROOT_ZONES) as archive:
        members = sorted(each for each in archive.getnames() if each.endswith(".zone"))
        for each in members[:ROOT_VERSIONS]:
            archive.extract(each, walk.folder, filter="data")
    return [Path(each).stem.removeprefix("root-") for each in members[:ROOT_VERSIONS]]
