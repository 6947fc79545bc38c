"""Write docs/nats-server.conf, and the tables about permissions in operations.md and wire.md.

The content comes from ``zonegit.wire``. ``make docs`` runs this; a test compares the files.
"""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from zonegit.wire import permissions, verbs
from zonegit.wire.permissions import ROLES
from zonegit.wire.services import Role
from zonegit.wire.verbs import AnyVerb, Form, Right
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
    (Form.SERVING,): "serving settings",
    (Form.BRANCH, Form.TAG, Form.SERVING): "branch, tag, serving settings",
    (Form.BRANCH, Form.TAG, Form.SERVING, Form.ZONE): "any",
    (Form.NOTHING, Form.ZONE): "no, or a zone",
    (Form.BRANCH, Form.DEFAULT): "branch, or `default` and a branch",
    (Form.OWN, Form.ZONE, Form.NOTHING): "`own`, a zone, or no",
}


def format_configuration() -> str:
    """Return the sample configuration."""
    return HEAD + "".join(_format_user(name, note) for name, note in USERS.items()) + "  ]\n}\n"


def _format_user(name: str, note: str) -> str:
    role = ROLES[name]
    comment = f"    # {note}\n" if note else ""
    return (
        f"{comment}    {{\n      user: {name}, password: ${name.upper()}_PASSWORD\n"
        f"{_format_permissions(role, name, 6)}    }}\n"
    )


def _format_permissions(role: Role, actor: str, indent: int) -> str:
    space = " " * indent
    return (
        f"{space}permissions {{\n"
        f"{space}  publish {{ allow: [\n{_format_publish(role, actor, indent + 4)}{space}  ] }}\n"
        f"{space}  subscribe {{ allow: [\n"
        f"{_format_array(permissions.subscribe_lines(role, actor), indent + 4)}{space}  ] }}\n"
        f"{space}}}\n"
    )


def _format_publish(role: Role, actor: str, indent: int) -> str:
    """Return the subjects that may be published, right by right."""
    used = [verb for verb in verbs.VERBS if role.may_ask(verb)]
    parts = []
    for right in Right:
        found = permissions.lines(used, right, actor) if right in role.rights else []
        if found:
            parts.append(f"{' ' * indent}# {right.value}\n{_format_array(found, indent)}")
    verbs_of_role = permissions.publish_lines(Role(rights=role.rights, asks=role.asks), actor)
    rest = permissions.publish_lines(role, actor)[len(verbs_of_role) :]
    if parts:
        parts.append(f"{' ' * indent}# other subjects\n")
    return "".join([*parts, _format_array(rest, indent)])


def _format_array(lines: Iterable[str], indent: int) -> str:
    """Return the elements of an array, as many on a line as fit."""
    rows = [""]
    for each in lines:
        quoted = f'"{each}"'
        if rows[-1] and indent + len(rows[-1]) + 2 + len(quoted) > WIDTH:
            rows.append("")
        rows[-1] += f", {quoted}" if rows[-1] else quoted
    return "".join(f"{' ' * indent}{row}\n" for row in rows if row)


def format_rights() -> str:
    """Return the table of rights and their verbs."""
    rows = [
        f"| {right.name.lower()} | {right.value} | {_format_verbs(right)} |\n" for right in Right
    ]
    return "| right | to | verbs |\n|---|---|---|\n" + "".join(rows)


def _format_verbs(right: Right) -> str:
    found = [
        f"`{verb.service}.{verb.name}`{_format_forms(verb, right)}"
        for verb in verbs.VERBS
        if right in {verb.right_to(form) for form in verb.forms}
    ]
    return ", ".join(found)


def _format_forms(verb: AnyVerb, right: Right) -> str:
    """Return the forms of a verb that need a right, if only some of them do."""
    forms = [form for form in verb.forms if verb.right_to(form) is right]
    named = {Form.NOTHING: "about no ref", Form.DEFAULT: "about `default`"}
    return f" {', '.join(named[form] for form in forms)}" if right is not verb.right else ""


def format_recipes() -> str:
    """Return the rules for users with fewer rights than an operator, or with more."""
    customer, example = names.parse("customer.example."), names.parse("example.com.")
    move = [
        *permissions.branch_lines(Right.MOVE, "bob", "main", example),
        *permissions.serving_lines(Right.SERVE, "bob", example),
    ]
    judge = [line.replace(".move.", ".judge.").replace(".serve.", ".judge.") for line in move]
    only = [
        *permissions.zone_lines(Right.MOVE, "bob", customer),
        *permissions.zone_lines(Right.SERVE, "bob", customer),
    ]
    zones = permissions.zone_lines(Right.ZONES, "bob", customer)
    rows = [
        (
            "protect `main` of `example.com.` and all zones below it from bob, and keep him from"
            " serving another branch to clients (`zonegit canary`)",
            f"`publish.deny`: {_format_cells(move)}; to deny his dry runs as well (status 5),"
            f" also {_format_cells(judge)}",
        ),
        (
            "let bob move only branches, tags and serving settings of `customer.example.` and the"
            " zones below it",
            f"instead of his lines of *move* and *serve*: {_format_cells(only)}; remove those of"
            " *zones* and *default*",
        ),
        (
            "let him also add and remove zones there",
            f"instead of his lines of *zones*: {_format_cells(zones)}",
        ),
        (
            "keep bob from moving the default HEAD",
            "remove his lines of *default*; or `publish.deny`:"
            f" {_format_cells(permissions.lines(verbs.VERBS, Right.DEFAULT, 'bob'))}",
        ),
        *(
            (f"let bob {right.value}", _format_cells(permissions.lines(verbs.VERBS, right, "bob")))
            for right in (Right.ADOPT, Right.RECOVER, Right.REPLACE)
        ),
    ]
    table = "".join(f"| {to} | {line} |\n" for to, line in rows)
    reader = _format_permissions(ROLES["reader"], "bob", 0)
    return (
        f"| to | lines |\n|---|---|\n{table}\n"
        f"To let bob read everything and change nothing:\n\n```\n{reader}```\n"
    )


def _format_cells(lines: Iterable[str]) -> str:
    return ", ".join(f"`{line}`" for line in lines)


def format_verb_table(table: Iterable[AnyVerb] = verbs.VERBS) -> str:
    """Return the table of verbs."""
    rows = [
        f"| `{verb.service}.{verb.name}` | {_ABOUT[verb.forms]} | `{verb.message.__name__}` |"
        f" `{verb.reply.__name__}` | {_format_rights(verb)} |\n"
        for verb in table
    ]
    head = "| subject | about a ref | request | reply | right |\n|---|---|---|---|---|\n"
    return head + "".join(rows)


def _format_rights(verb: AnyVerb) -> str:
    found = dict.fromkeys([verb.right, *verb.other_rights.values()])
    return ", ".join(right.name.lower() for right in found)


def fill_page(page: str, parts: dict[str, str]) -> str:
    """Return a page with its generated parts, each of which is between two comments."""
    for name, text in parts.items():
        begin, end = f"<!-- {name}: make docs -->\n", f"<!-- end of {name} -->\n"
        head, _, rest = page.partition(begin)
        _, found, tail = rest.partition(end)
        assert found, name
        page = head + begin + text + end + tail
    return page


def build_pages() -> dict[Path, str]:
    """Return the content of each file."""
    parts = {"rights": format_rights(), "recipes": format_recipes()}
    return {
        CONFIGURATION: format_configuration(),
        OPERATIONS: fill_page(OPERATIONS.read_text(), parts),
        WIRE: fill_page(WIRE.read_text(), {"verbs": format_verb_table()}),
    }


if __name__ == "__main__":
    for path, text in build_pages().items():
        path.write_text(text)
    sys.exit(0)
