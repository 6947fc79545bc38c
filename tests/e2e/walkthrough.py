"""The walkthrough of ``make demo``: a real stack, real commands, every result checked.

It prints each command with its output, and after each step the checks. It exits with 1 if a check
failed; all processes that it started are stopped in any case.
"""

import json
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.e2e import walk_files, walk_root
from tests.e2e.walk_runner import (
    SHOWN_LINES,
    CheckFailed,
    Walkthrough,
    list_blamed,
    open_walkthrough,
    remember_addresses,
    stop_process,
)
from tests.support.waiting import DEADLINE_S

SALT = "demo-rollout"
CANARY_PERCENT = 50

ZONE_FILE = """\
$ORIGIN foo.com.
$TTL 300
@       IN SOA ns1 admin 1 7200 3600 1209600 300
        IN NS  ns1
        IN NS  ns2
        IN MX  10 mail
ns1     IN A   192.0.2.1
ns2     IN A   192.0.2.2
mail    IN A   192.0.2.25
api  60 IN A   192.0.2.80
www     IN CNAME api
*.wild  IN A   192.0.2.9
sub     IN NS  ns.sub
ns.sub  IN A   192.0.2.53
"""


def start(walk: Walkthrough) -> None:
    walk.step("1. Install and start")
    walk.run("zonegit --version")
    walk.run("zonegit up --detach --listen 127.0.0.1:0 --metrics 127.0.0.1:0")
    remember_addresses(walk)
    doctor = walk.run("zonegit doctor")
    walk.check("the doctor finds nothing wrong", "BAD" not in doctor)


def initialise(walk: Walkthrough) -> None:
    walk.step("2. Register a zone")
    walk.run("zonegit init foo.com")
    listed = walk.run("zonegit zone list")
    walk.check("a zone without a commit is empty", "empty" in listed)
    before = walk.ask(f"query foo.com SOA @{walk.dns}")
    walk.check("and is not served", before["rcode"] == "REFUSED")


def import_zone(walk: Walkthrough) -> None:
    walk.step("3. Write a zone file and import it")
    (walk.folder / "foo.com.zone").write_text(ZONE_FILE)
    print("$ cat foo.com.zone", *(f"  {line}" for line in ZONE_FILE.splitlines()), sep="\n")
    said = walk.run("zonegit import foo.com.zone -m 'initial import' --wait")
    walk.check("every resolver serves it", "served by resolver-1" in said)
    (walk.folder / "bad.zone").write_text(ZONE_FILE + "ftp IN A 192.0.2.300\n")
    walk.run("zonegit import bad.zone", fails_with=1)
    unchanged = walk.ask("log")
    walk.check("a bad file is refused whole", len(unchanged) == 1)


def served(walk: Walkthrough) -> None:
    walk.step("4. What is served")
    walk.run("zonegit resolvers")
    status = walk.ask("status")
    serving = [each["commit"] for each in status["served_by"]]
    walk.check("the resolver serves the tip", serving == [status["commit"]])


def query(walk: Walkthrough) -> None:
    walk.step("5. Ask for an address, and follow an alias")
    walk.run(f"zonegit query api.foo.com A @{walk.dns}")
    walk.check("api has its address", walk.records("api.foo.com A") == ["192.0.2.80"])
    chain = walk.records("www.foo.com A")
    walk.check("www is followed to it", chain == ["api.foo.com.", "192.0.2.80"])


def edit(walk: Walkthrough) -> None:
    walk.step("6. Edit a record")
    before = walk.ask(f"query foo.com SOA @{walk.dns}")["answer"][0].split()[6]
    walk.run("zonegit set api A 60 192.0.2.81 -m 'move api to the new host' --wait")
    walk.step("7. The same query, changed, with no restart")
    walk.check("api has moved", walk.records("api.foo.com A") == ["192.0.2.81"])
    walk.step("8. The serial moved by one")
    walk.check(f"from {before}", walk.serial() == int(before) + 1)


def history(walk: Walkthrough) -> None:
    walk.step("9. Who changed what: log, diff, blame, status")
    shown = walk.run("zonegit log")
    walk.check("both commits are there", "initial import" in shown and "new host" in shown)
    changed = walk.run("zonegit diff HEAD~1 HEAD")
    walk.check(
        "the diff is the change",
        "- api.foo.com. 60 IN A 192.0.2.80" in changed
        and "+ api.foo.com. 60 IN A 192.0.2.81" in changed,
    )
    walk.run("zonegit blame api A")
    tip, first = (each["commit"] for each in walk.ask("log"))
    walk.check("the edit gave api its address", list_blamed(walk, "api A") == {tip})
    walk.check("the import gave mail its", list_blamed(walk, "mail A") == {first})
    walk.run("zonegit status")
    then = walk.run("zonegit show api A HEAD~1")
    walk.check("what it was one commit ago", then.endswith("192.0.2.80\n"))


def branch(walk: Walkthrough) -> None:
    walk.step("10. A branch: edit canary, main unaffected")
    walk.run("zonegit branch canary")
    walk.run("zonegit checkout canary")
    walk.run("zonegit set api A 60 203.0.113.80 -m 'try the new network'")
    walk.check("main is as it was", walk.records("api.foo.com A") == ["192.0.2.81"])
    walk.run("zonegit branch")
    walk.run("zonegit checkout main")


def fast_forward(walk: Walkthrough) -> None:
    walk.step("11. Merge it: a fast-forward")
    walk.run("zonegit merge canary --dry-run")
    merged = walk.run("zonegit merge canary --wait")
    walk.check("nothing had to be put together", "fast-forward" in merged)
    tips = {each["commit"] for each in walk.ask("branch")["branches"].values()}
    walk.check("both branches are at one commit", len(tips) == 1)
    walk.check("it is served", walk.records("api.foo.com A") == ["203.0.113.80"])


def revert(walk: Walkthrough) -> None:
    walk.step("12. Take it back: revert")
    before = walk.serial()
    walk.run("zonegit revert HEAD --wait")
    walk.check("api is where it was", walk.records("api.foo.com A") == ["192.0.2.81"])
    walk.check("under the next serial", walk.serial() == before + 1)


def reset(walk: Walkthrough) -> None:
    walk.step("13. Make the branch as it was: reset --hard")
    walk.run("zonegit delete api A -m 'a mistake' --wait")
    before = walk.serial()
    walk.check("api is gone", walk.records("api.foo.com A") == [])
    walk.run("zonegit reset --hard HEAD~1 --wait")
    walk.check("api is back", walk.records("api.foo.com A") == ["192.0.2.81"])
    walk.check("the serial went on", walk.serial() == before + 1)
    messages = [each["message"] for each in walk.ask("log")]
    walk.check("the mistake left the branch", "a mistake" not in messages)
    walk.check("but not the reflog", "a mistake" in walk.run("zonegit reflog"))


def the_past(walk: Walkthrough) -> None:
    walk.step("14. Time travel: a second resolver, two commits back")
    process, address = walk.resolver("past", "--at HEAD~2")
    past = walk.records(f"api.foo.com A @{address}")
    walk.check("it answers what was", past == ["203.0.113.80"])
    walk.check("the first one what is", walk.records("api.foo.com A") == ["192.0.2.81"])
    stop_process(process)


def canary(walk: Walkthrough) -> None:
    walk.step("15. A canary: half of the subnets see the other branch")
    words = f"--canary canary:{CANARY_PERCENT} --canary-salt {SALT}"
    process, address = walk.resolver("canary", words)
    walk.run(f"zonegit query api.foo.com A @{address} --subnet 10.1.0.0/24")
    as_expected = split = 0
    for number in range(16):
        subnet = bytes((10, number, 0))
        bucket = fnv1a(subnet + b"\0" + SALT.encode()) % 100
        wanted = "203.0.113.80" if bucket < CANARY_PERCENT else "192.0.2.81"
        cidr = f"10.{number}.0.0/24"
        answer = walk.ask(f"query api.foo.com A @{address} --subnet {cidr}")["answer"]
        got = answer[0].split()[-1]
        print(f"  {cidr:<13} bucket {bucket:>2} -> {got}")
        as_expected += got == wanted
        split += got == "203.0.113.80"
    walk.check("16 subnets split as their buckets say", as_expected == 16)
    walk.check("some see each branch", 0 < split < 16)
    stop_process(process)


def transfer(walk: Walkthrough) -> None:
    walk.step("16. Transfer the zone")
    lines = walk.run(f"zonegit query foo.com AXFR @{walk.dns}").splitlines()
    walk.check("all 12 records arrive", len(lines) == 12)


def proposal(walk: Walkthrough) -> None:
    walk.step("17. Propose, review, approve")
    walk.run("zonegit propose new-mail")
    walk.run("zonegit set mail A 300 192.0.2.26 -m 'the new machine'")
    walk.run("zonegit checkout main")
    walk.run("zonegit set ftp A 300 192.0.2.21 -m 'meanwhile' --wait")
    reviewed = walk.run("zonegit review new-mail")
    walk.check("the review shows the change", "+ mail.foo.com. 300 IN A 192.0.2.26" in reviewed)
    walk.check("and only that", "ftp" not in reviewed)
    walk.check("nothing is live yet", walk.records("mail.foo.com A") == ["192.0.2.25"])
    walk.run("zonegit approve new-mail --wait")
    walk.check("approved, it is", walk.records("mail.foo.com A") == ["192.0.2.26"])
    walk.check("beside what came meanwhile", walk.records("ftp.foo.com A") == ["192.0.2.21"])
    walk.run("zonegit log --graph --oneline")


def second_zone(walk: Walkthrough) -> None:
    walk.step("18. MULTI-ZONE: a second zone, registered while running")
    pid = resolver_pid(walk)
    (walk.folder / "bar.zone").write_text(ZONE_FILE.replace("foo.com", "bar.org"))
    walk.run("zonegit zone add bar.org")
    walk.run("zonegit import bar.zone --zone bar.org --wait")
    walk.check("it is answered", walk.records("api.bar.org A") == ["192.0.2.80"])
    walk.check("by the same process and port", resolver_pid(walk) == pid)
    walk.run("zonegit zone list")
    before = walk.ask("rev-parse foo.com:canary")
    walk.run("zonegit branch canary --zone bar.org")
    walk.run("zonegit set api A 60 198.51.100.80 --zone bar.org --branch canary")
    walk.check("each has a canary of its own", walk.ask("rev-parse foo.com:canary") == before)
    other = walk.ask("rev-parse bar.org:canary")["id"]
    walk.run(f"zonegit merge {other}", fails_with=1)
    walk.check("nobody merges across", walk.records("api.foo.com A") == ["192.0.2.81"])
    walk.run("zonegit zone remove bar.org", fails_with=7)
    walk.run("zonegit zone remove bar.org --force --reason 'it moved away'")
    gone = lambda: walk.ask(f"query bar.org SOA @{walk.dns}")["rcode"] == "REFUSED"  # noqa: E731
    walk.until("it is no longer served", gone)
    walk.check("foo.com still is", walk.records("api.foo.com A") == ["192.0.2.81"])


def resolver_pid(walk: Walkthrough) -> str:
    """Return the process that holds the stack's DNS port, found by its command line."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        if b"zonegit_resolver" in words and walk.dns.encode() in words:
            return entry.parent.name
    return ""


def metrics(walk: Walkthrough) -> None:
    walk.step("19. Metrics")
    url = f"http://{walk.metrics}/metrics"
    print(f"$ curl {url}")
    with urllib.request.urlopen(url, timeout=DEADLINE_S) as response:
        text = response.read().decode()
    lines = [line for line in text.splitlines() if 'zone="foo.com."' in line]
    print(*(f"  {line}" for line in lines[:SHOWN_LINES]), sep="\n")
    walk.check("queries are counted by zone, type and rcode", 'rcode="NOERROR"' in text)
    walk.check("the served serial is there", any("serial" in line for line in lines))


def bus_down(walk: Walkthrough) -> None:
    walk.step("Killed, and started again with the bus down")
    process, _ = walk.resolver("spare", "")
    walk.until("spare keeps what it serves", lambda: serves(walk, "spare"))
    print("$ kill -9 (spare)")
    process.kill()
    process.wait()
    walk.environment["ZONEGIT_NATS_URL"] = bus_url(walk, "resolver")
    walk.run("zonegit down")
    process, address = walk.resolver("spare", "")
    kept = walk.records(f"api.foo.com A @{address}")
    walk.check("it answers from disk", kept == ["192.0.2.81"])
    stop_process(process)
    del walk.environment["ZONEGIT_NATS_URL"]


def serves(walk: Walkthrough, name: str) -> bool:
    return any(
        each["resolver"] == name and each["zones"] and each["lag"] == 0
        for each in walk.ask("resolvers")
    )


def bus_url(walk: Walkthrough, role: str) -> str:
    bus = json.loads((walk.folder / "data" / "stack.json").read_text())["bus"]
    return str(bus["url"]).replace("://", f"://{role}:{bus['users'][role]}@")


STEPS: Sequence[Callable[[Walkthrough], None]] = (
    start,
    initialise,
    import_zone,
    served,
    query,
    edit,
    history,
    branch,
    fast_forward,
    revert,
    reset,
    the_past,
    canary,
    transfer,
    proposal,
    walk_files.time_travel,
    walk_files.undo,
    walk_files.conflict,
    walk_files.plan,
    walk_files.workspaces,
    walk_files.collision,
    walk_files.exchange,
    second_zone,
    metrics,
    bus_down,
    walk_root.history,
)


def fnv1a(octets: bytes) -> int:
    """Return FNV-1a with 64 bits, written here again so that the check is independent of the
    code."""
    value = 0xCBF29CE484222325
    for octet in octets:
        value = (value ^ octet) * 0x100000001B3 % (1 << 64)
    return value


def main() -> int:
    started = time.monotonic()
    try:
        with open_walkthrough() as walk:
            for step in STEPS:
                step(walk)
    except CheckFailed as error:
        print(f"\nThe walkthrough FAILED: {error}", file=sys.stderr)
        return 1
    print(f"\nAll {walk.checks} checks passed in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
