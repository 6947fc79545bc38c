"""The part of the walkthrough with real history: six weeks of the root zone."""

import tarfile
from pathlib import Path

from tests.e2e.walk_runner import Walkthrough, list_blamed, remember_addresses

ROOT_ZONES = Path(__file__).resolve().parents[3] / "shared" / "data" / "rootzone-2018.tar.xz"
ROOT_TREE = "4745c3584a55f86be12d0bde93d280d34dd7821f0f29948f63996eafc170e2f8"


def history(walk: Walkthrough) -> None:
    walk.step("The real root zone: six weeks of it as history")
    if not ROOT_ZONES.exists():
        print("  skipped: the real data is not beside this checkout")
        return
    walk.run("zonegit up --detach --listen 127.0.0.1:0 --metrics 127.0.0.1:0")
    remember_addresses(walk)
    walk.check("foo.com came back", walk.records("api.foo.com A") == ["192.0.2.81"])
    walk.run("zonegit init .")
    serials = extract_root_zones(walk)
    files = " ".join(f"root-{serial}.zone" for serial in serials)
    print("$ zonegit import --series --dates serial root-*.zone --wait")
    walk.run(f"zonegit import --series --dates serial {files} --wait", shown=5, echoed=False)
    first = f"HEAD~{len(serials) - 1}"
    tree = walk.run(f"zonegit rev-parse {first}^{{tree}}").strip()
    walk.check("the first has the tree that the original computes", tree == ROOT_TREE)
    walk.run("zonegit log -n 3")
    walk.check("each version is a commit", len(walk.ask("log -n 1000")) == len(serials))
    walk.run("zonegit blame com. NS")
    oldest = walk.ask(f"rev-parse {first}")["id"]
    walk.check("com. has had its servers all along", list_blamed(walk, "com. NS") == {oldest})
    walk.run("zonegit diff HEAD~20 HEAD --stat", shown=10)
    soa = walk.run("zonegit show . SOA @{2018-02-14T12:00Z}")
    walk.check("what it was on a day in February", " 2018021400 " in soa or " 2018021401 " in soa)
    walk.run("zonegit resolve www.example.com A --at @{2018-02-14T12:00Z}", shown=6)
    soa = walk.records(". SOA")[0]
    walk.check("the last version is served", soa.split()[2] == serials[-1])
    _, address = walk.resolver("first", f"--zone . --at {first}")
    soa = walk.records(f". SOA @{address}")[0]
    walk.check("the first one is, too, by who is pinned to it", soa.split()[2] == serials[0])


def extract_root_zones(walk: Walkthrough) -> list[str]:
    """Unpack all versions, and return their serials in order."""
    with tarfile.open(ROOT_ZONES) as archive:
        members = sorted(each for each in archive.getnames() if each.endswith(".zone"))
        for each in members:
            archive.extract(each, walk.folder, filter="data")
    return [Path(each).stem.removeprefix("root-") for each in members]
