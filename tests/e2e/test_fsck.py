"""``zonegit fsck`` for a real stack whose object store is damaged while it runs."""

import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.stack import Stack

ZONE = """\
$TTL 60
@ SOA ns1 admin 1 7200 3600 1209600 300
www A 192.0.2.1
old A 192.0.2.2
"""


def change(data: Path, statement: str, object_id: str) -> None:
    with closing(sqlite3.connect(data / "objectstore" / "objects.sqlite3")) as file, file:
        assert file.execute(statement, (bytes.fromhex(object_id),)).rowcount == 1


def blob(stack: Stack, name: str, refish: str) -> str:
    """Return the id of the A RRset at a name."""
    tree = stack.json("cat-object", f"{refish}^{{tree}}")
    (below,) = [each["id"] for each in tree["entries"] if name in each["key"]]
    return str(stack.json("cat-object", below)["entries"][0]["id"])


def test_damage_is_reported_until_it_is_repaired(own_stack: Stack) -> None:
    stack = own_stack
    stack.up()
    stack.run("init", "foo.com")
    stack.run("import", "-", stdin=ZONE)
    stack.run("delete", "old", "A")
    whole = stack.json("fsck")
    assert whole["clean"]
    assert whole["broken_objects"] == []

    rotten, gone = blob(stack, "www", "HEAD"), blob(stack, "old", "HEAD~1")
    change(stack.data, "UPDATE object SET payload = x'0102' WHERE id = ?", rotten)
    change(stack.data, "DELETE FROM object WHERE id = ?", gone)
    said = stack.run("fsck", status=1).out.splitlines()
    assert said[-1] == f"{whole['objects'] - 1} objects, 2 broken, 0 dangling"
    assert sorted(line.partition(", in commit")[0] for line in said[:-1]) == sorted(
        [
            f"blob {rotten[:12]}: it is corrupt, www.foo.com. A",
            f"blob {gone[:12]}: it is missing, old.foo.com. A",
        ]
    )

    stack.run("import", "-", "--force", stdin=ZONE)
    assert stack.json("fsck")["clean"]
