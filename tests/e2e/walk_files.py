"""The part of the walkthrough with a shared history: time, undo, conflicts, plans, and zones as
files."""

import subprocess

from tests.e2e.walk_runner import Walkthrough

CLASSLESS = ("0/25.2.0.192.in-addr.arpa", "25.0.2.0.192.in-addr.arpa")
"""Two zones that golang's layout would put into one file (RFC 2317)."""

SMALL_ZONE = """\
$TTL 3600
@  IN SOA ns1.foo.com. admin.foo.com. 1 7200 3600 1209600 300
   IN NS  ns1.foo.com.
"""


def time_travel(walk: Walkthrough) -> None:
    walk.step("What it was before, and what a query would have got: no server is asked")
    walk.run("zonegit set api A 60 192.0.2.99 -m 'at two in the morning' --wait")
    then = walk.run("zonegit show api.foo.com. A main@{1}")
    walk.check("the branch before its last move", then.endswith("192.0.2.81\n"))
    asked = walk.run("zonegit resolve www.foo.com A --at main@{1}")
    walk.check("a query got that", "api.foo.com. 60 IN A 192.0.2.81" in asked)
    now = walk.run("zonegit resolve www.foo.com A --at @{now} --short")
    walk.check("and gets this by now", now.split() == ["api.foo.com.", "192.0.2.99"])
    walk.run("zonegit undo --wait")
    walk.check("put back, in one command", walk.records("api.foo.com A") == ["192.0.2.81"])


def undo(walk: Walkthrough) -> None:
    walk.step("Undo: any operation, in one command")
    walk.run("zonegit delete @ MX -m 'mail moves away' --wait")
    before = walk.serial()
    walk.check("the MX is gone", walk.records("foo.com MX") == [])
    walk.run("zonegit op log -n 2")
    walk.run("zonegit undo --wait")
    walk.check("the MX is back", walk.records("foo.com MX") == ["10 mail.foo.com."])
    walk.check("the serial went on", walk.serial() == before + 1)
    walk.run("zonegit redo --wait")
    walk.check("the MX is gone again", walk.records("foo.com MX") == [])
    walk.run("zonegit undo --wait")


def conflict(walk: Walkthrough) -> None:
    walk.step("A merge that understands RRsets, and one that has to ask")
    walk.run("zonegit branch trial")
    walk.run("zonegit add pool A 60 192.0.2.101 --branch main")
    walk.run("zonegit add pool A 60 192.0.2.102 --branch trial")
    walk.run("zonegit merge trial --wait")
    both = sorted(walk.records("pool.foo.com A"))
    walk.check("each side's address is there", both == ["192.0.2.101", "192.0.2.102"])
    walk.run("zonegit set mail A 300 192.0.2.27 --branch main")
    walk.run("zonegit set mail A 300 192.0.2.28 --branch trial")
    walk.run("zonegit merge trial", fails_with=4)
    walk.run("zonegit merge --theirs mail A")
    walk.run("zonegit merge --continue --wait")
    walk.check("what was decided is served", walk.records("mail.foo.com A") == ["192.0.2.28"])


def plan(walk: Walkthrough) -> None:
    walk.step("Plan, look, apply; and what is refused")
    (walk.folder / "changes.txt").write_text("set ftp A 300 192.0.2.22\nadd @ MX 1h 20 mail2\n")
    walk.run("zonegit plan changes.txt --out plan.json")
    walk.run("zonegit apply plan.json --wait")
    walk.check("it is applied", walk.records("ftp.foo.com A") == ["192.0.2.22"])
    walk.run("zonegit set ftp A 300 192.0.2.23 -m 'somebody else'")
    walk.run("zonegit apply plan.json", fails_with=4)
    walk.run("zonegit delete @ NS -m 'by mistake'", fails_with=7)


def workspaces(walk: Walkthrough) -> None:
    for number, scheme in enumerate(("golang", "flat")):
        walk.step(f"Zones as files: a workspace laid out {scheme}")
        walk.run(f"zonegit workspace checkout {scheme} --scheme {scheme}")
        path = {"golang": "com/foo/db.zone", "flat": "foo.com.zone"}[scheme]
        file = walk.folder / scheme / path
        walk.check(f"foo.com lies at {path}", file.exists())
        line = f"new{number} 300 IN A 192.0.2.{60 + number}"
        print(f"$ echo '{line}' >> {scheme}/{path}")
        with file.open("a") as opened:
            opened.write(f"{line}\n")
        walk.run(f"zonegit workspace status -C {scheme}")
        walk.run(f"zonegit workspace diff -C {scheme}")
        walk.run(f"zonegit workspace commit -C {scheme} -m 'a new host' --wait")
        served = walk.records(f"new{number}.foo.com A")
        walk.check("it is served", served == [f"192.0.2.{60 + number}"])


def collision(walk: Walkthrough) -> None:
    walk.step("Two zones that cannot lie in one tree")
    for zone in CLASSLESS:
        walk.run(f"zonegit zone add {zone}")
        (walk.folder / "small.zone").write_text(SMALL_ZONE)
        walk.run(f"zonegit import small.zone --zone {zone}")
    walk.run(f"zonegit workspace checkout both {' '.join(CLASSLESS)}", fails_with=4)
    walk.check("nothing was written", not (walk.folder / "both").exists())
    walk.run("zonegit workspace checkout some")
    walk.check("one of all zones is left out", len(list(walk.folder.glob("some/**/db.zone"))) == 2)
    walk.run("zonegit workspace checkout both --scheme flat")
    walk.check("flat has a separate file for each", len(list(walk.folder.glob("both/*.zone"))) == 3)
    for zone in CLASSLESS:
        walk.run(f"zonegit zone remove {zone} --force --reason over")


def exchange(walk: Walkthrough) -> None:
    walk.step("Check every object, and take the history to git")
    walk.run("zonegit fsck")
    walk.run("zonegit export --git history foo.com")
    print("$ git -C history log --oneline | head -n 3")
    git = ["git", "-C", str(walk.folder / "history"), "log", "--oneline"]
    logged = subprocess.run(git, capture_output=True, text=True, check=False)
    print(*(f"  {line}" for line in logged.stdout.splitlines()[:3]), sep="\n")
    commits = len(walk.ask("log -n 1000 --zone foo.com"))
    walk.check("each commit is one of git", len(logged.stdout.splitlines()) == commits)
