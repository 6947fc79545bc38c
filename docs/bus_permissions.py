"""Write docs/nats-server.conf, and the recipes and tables about permissions in docs/operations.md
and docs/wire.md, from ``zonegit.wire``: run it with ``make docs``. A test compares them."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from zonegit.wire import permissions, verbs
from zonegit.wire.permissions import ROLES, Role
from zonegit.wire.verbs import Form, Right, Verb
from zonegit.zone import names

FOLDER: Final = Path(__file__).parent
CONFIGURATION: Final = FOLDER / "nats-server.conf"
OPERATIONS: Final = FOLDER / "operations.md"
WIRE: Final = FOLDER / "wire.md"
WIDTH: Final = 100

HEAD: Final = """\
# A bus for zonegit on several hosts: one user per role, with only the subjects that it needs.
# `make docs` writes this file from the table of verbs; docs/operations.md explains the lines.
# Passwords come from the environment. A password must begin with a letter, because one that begins
# with a digit would be read as a number.

server_name: zonegit
listen: "0.0.0.0:4222"
http: "127.0.0.1:8222"
max_payload: 1MB

# tls {
#   cert_file: "/etc/nats/bus.pem"
#   key_file: "/etc/nats/bus.key"
# }

authorization {
  users: [
"""
USERS: Final = {
    "objectstore": "",
    "refs": "",
    "resolver": "One such user for each resolver, named like its --name; the actor is resolver.",
    "operator": "One such user for each operator, with the operator's name.",
}
"""The users of the sample, each with its comment."""

_ABOUT: Final = {
    (Form.NOTHING,): "no",
    (Form.ZONE,): "the zone",
    (Form.BRANCH,): "branch",
    (Form.BRANCH, Form.TAG): "branch, tag",
    (Form.BRANCH, Form.TAG, Form.ZONE): "any",
    (Form.NOTHING, Form.ZONE): "no, or a zone",
    (Form.BRANCH, Form.DEFAULT): "branch, or `default` and a branch",
    (Form.OWN, Form.ZONE, Form.NOTHING): "`own`, a zone, or no",
}


def configuration() -> str:
    """Return the sample configuration."""
    return HEAD + "".join(_user(name, said) for name, said in USERS.items()) + "  ]\n}\n"


def _user(name: str, said: str) -> str:
    role = ROLES[name]
    comment = f"    # {said}\n" if said else ""
    return (
        f"{comment}    {{\n      user: {name}, password: ${name.upper()}_PASSWORD\n"
        f"{_permissions(role, name, 6)}    }}\n"
    )


def _permissions(role: Role, actor: str, indent: int) -> str:
    space = " " * indent
    return (
        f"{space}permissions {{\n"
        f"{space}  publish {{ allow: [\n{_publish(role, actor, indent + 4)}{space}  ] }}\n"
        f"{space}  subscribe {{ allow: [\n"
        f"{_array(permissions.subscribe_lines(role, actor), indent + 4)}{space}  ] }}\n"
        f"{space}}}\n"
    )


def _publish(role: Role, actor: str, indent: int) -> str:
    """Return the subjects that may be published, right by right."""
    asked = [verb for verb in verbs.VERBS if verb.service in role.asks]
    parts = []
    for right in Right:
        found = permissions.lines(asked, right, actor) if right in role.rights else []
        if found:
            parts.append(f"{' ' * indent}# {right.value}\n{_array(found, indent)}")
    verbs_of_role = permissions.publish_lines(Role(rights=role.rights, asks=role.asks), actor)
    rest = permissions.publish_lines(role, actor)[len(verbs_of_role) :]
    if parts:
        parts.append(f"{' ' * indent}# other subjects\n")
    return "".join([*parts, _array(rest, indent)])


def _array(lines: Iterable[str], indent: int) -> str:
    """Return the elements of an array, as many on a line as fit."""
    rows = [""]
    for each in lines:
        quoted = f'"{each}"'
        if rows[-1] and indent + len(rows[-1]) + 2 + len(quoted) > WIDTH:
            rows.append("")
        rows[-1] += f", {quoted}" if rows[-1] else quoted
    return "".join(f"{' ' * indent}{row}\n" for row in rows if row)


def rights() -> str:
    """Return the table of rights and their verbs."""
    rows = [f"| {right.name.lower()} | {right.value} | {_verbs(right)} |\n" for right in Right]
    return "| right | to | verbs |\n|---|---|---|\n" + "".join(rows)


def _verbs(right: Right) -> str:
    found = [
        f"`{verb.service}.{verb.name}`{_form(verb, right)}"
        for verb in verbs.VERBS
        if right in {verb.right_to(form) for form in verb.forms}
    ]
    return ", ".join(found)


def _form(verb: Verb, right: Right) -> str:
    """Return the forms of a verb that need a right, if only some of them do."""
    forms = [form for form in verb.forms if verb.right_to(form) is right]
    named = {Form.NOTHING: "about no ref", Form.DEFAULT: "about `default`"}
    return f" {', '.join(named[form] for form in forms)}" if right is not verb.right else ""


def recipes() -> str:
    """Return the rules for users with fewer rights than an operator, or with more."""
    customer, example = names.parse("customer.example."), names.parse("example.com.")
    move = permissions.branch_lines(Right.MOVE, "bob", "main", example)
    judge = [line.replace(".move.", ".judge.") for line in move]
    only = permissions.zone_lines(Right.MOVE, "bob", customer)
    zones = permissions.zone_lines(Right.ZONES, "bob", customer)
    rows = [
        (
            "protect `main` of `example.com.` and all zones below it from bob",
            f"`publish.deny`: {_cells(move)}; to deny his dry runs as well (status 5),"
            f" also {_cells(judge)}",
        ),
        (
            "let bob move only branches and tags of `customer.example.` and the zones below it",
            f"instead of his lines of *move*: {_cells(only)}; remove those of *zones* and"
            " *default*",
        ),
        (
            "let him also add and remove zones there",
            f"instead of his lines of *zones*: {_cells(zones)}",
        ),
        (
            "keep bob from moving the default HEAD",
            "remove his lines of *default*; or `publish.deny`:"
            f" {_cells(permissions.lines(verbs.VERBS, Right.DEFAULT, 'bob'))}",
        ),
        *(
            (f"let bob {right.value}", _cells(permissions.lines(verbs.VERBS, right, "bob")))
            for right in (Right.ADOPT, Right.RECOVER, Right.REPLACE)
        ),
    ]
    table = "".join(f"| {to} | {line} |\n" for to, line in rows)
    reader = _permissions(ROLES["reader"], "bob", 0)
    return (
        f"| to | lines |\n|---|---|\n{table}\n"
        f"To let bob read everything and change nothing:\n\n```\n{reader}```\n"
    )


def _cells(lines: Iterable[str]) -> str:
    return ", ".join(f"`{line}`" for line in lines)


def verb_table() -> str:
    """Return the table of verbs."""
    rows = [
        f"| `{verb.service}.{verb.name}` | {_ABOUT[verb.forms]} | `{verb.message.__name__}` |"
        f" `{verb.reply.__name__}` | {_rights(verb)} |\n"
        for verb in verbs.VERBS
    ]
    head = "| subject | about a ref | request | reply | right |\n|---|---|---|---|---|\n"
    return head + "".join(rows)


def _rights(verb: Verb) -> str:
    found = dict.fromkeys([verb.right, *verb.other_rights.values()])
    return ", ".join(right.name.lower() for right in found)


def filled(page: str, parts: dict[str, str]) -> str:
    """Return a page with its generated parts, each of which is between two comments."""
    for name, text in parts.items():
        begin, end = f"<!-- {name}: make docs -->\n", f"<!-- end of {name} -->\n"
        head, _, rest = page.partition(begin)
        _, found, tail = rest.partition(end)
        assert found, name
        page = head + begin + text + end + tail
    return page


def pages() -> dict[Path, str]:
    """Return the content of each file."""
    parts = {"rights": rights(), "recipes": recipes()}
    return {
        CONFIGURATION: configuration(),
        OPERATIONS: filled(OPERATIONS.read_text(), parts),
        WIRE: filled(WIRE.read_text(), {"verbs": verb_table()}),
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text)
    sys.exit(0)
