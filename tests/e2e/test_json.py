"""Every command that commits prints documents of one schema.

The schema is the same for a dry run, for a commit, and if nothing changed.
"""

import importlib.util
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
from tests.e2e.stack import FOO, Stack
from tests.support import vectors

from zonegit_cli.cli import cli

DOCS = Path(__file__).parents[2] / "docs"
SCHEMAS = {
    path.name.partition(".")[0]: json.loads(path.read_text()) for path in DOCS.glob("*.schema.json")
}
CHANGED = FOO.replace("192.0.2.80", "192.0.2.81").replace(" 1 7200", " 2 7200")
SET = ("set", "api", "A", "300", "192.0.2.81")
ON_CANARY = (("branch", "canary"), (*SET, "--branch", "canary"))

NOT_COMMITTING = {"tag", "recover"}
"""Commands that sign what they make and commit no change: a tag, the serials after a restore."""


def load_generator() -> Any:
    """Return the module that writes the schemas."""
    spec = importlib.util.spec_from_file_location("json_schema", DOCS / "json_schema.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def validator(name: str) -> Any:
    """Return the validator of a document: the name of its type, or the command that prints it.

    The package is imported here because that takes seconds, in each process that collects tests.
    """
    from jsonschema.validators import validator_for

    for file, documents in load_generator().DOCUMENTS.items():
        if name in documents:
            whole = SCHEMAS[file]
            part = whole["anyOf"][list(documents).index(name)]
            made = validator_for(whole)
            made.check_schema(whole)
            return made({**part, "$defs": whole["$defs"]})
    raise KeyError(name)


class Recipe:
    """The steps for a command to make a commit.

    ``again`` is a command line that commits nothing after that; None if there is no such line.
    """

    def __init__(
        self,
        *words: str,
        document: str = "CommitDocument",
        before: tuple[tuple[str, ...], ...] = (),
        stdin: str | None = None,
        again: tuple[str, ...] | None = (),
    ) -> None:
        self.words, self.document, self.before, self.stdin = words, document, before, stdin
        self.again = words if again == () else again


RECIPES = {
    "set": Recipe(*SET),
    "add": Recipe("add", "api", "A", "300", "192.0.2.82"),
    "remove": Recipe("remove", "api", "A", "192.0.2.80", again=None),
    "delete": Recipe("delete", "www", again=None),
    "apply": Recipe("apply", "-", stdin="set api A 60 192.0.2.81\n"),
    "import": Recipe("import", "-", document="ImportDocument", stdin=CHANGED),
    "import --series": Recipe("import", "--series", "-", document="SeriesDocument", stdin=CHANGED),
    "edit": Recipe("edit"),
    "merge": Recipe("merge", "canary", before=ON_CANARY),
    "cherry-pick": Recipe("cherry-pick", "canary", before=ON_CANARY),
    "approve": Recipe("approve", "canary", before=ON_CANARY),
    "revert": Recipe("revert", "bad", before=(SET, ("tag", "bad", "-m", "bad"))),
    "reset": Recipe("reset", "--hard", "HEAD~1", before=(SET,), again=("reset", "--hard", "HEAD")),
    "restore": Recipe("restore", "api", "--from", "v1", before=(("tag", "v1", "-m", "first"), SET)),
    "undo": Recipe("undo", document="UndoDocument", before=(SET,), again=None),
    "redo": Recipe("redo", document="UndoDocument", before=(SET, ("undo",)), again=None),
    "workspace commit": Recipe("workspace", "commit", document="SeveralDocument"),
}


def list_commands(
    command: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, set[str]]]:
    """Return every command with the names of its parameters."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from list_commands(below, (*path, name))
    else:
        yield " ".join(path), {each.name or "" for each in command.params}


def test_every_command_that_commits_has_a_recipe_and_the_option_strict() -> None:
    makes = {name: names for name, names in list_commands(cli) if "sign" in names}
    assert set(makes) - NOT_COMMITTING == {name.partition(" --")[0] for name in RECIPES}
    assert all({"strict", "dry_run", "wait"} <= makes[name] for name in set(makes) - NOT_COMMITTING)


def test_the_schemas_match_the_documents() -> None:
    texts = {path.name: path.read_text() for path in DOCS.glob("*.schema.json")}
    generated = {path.name: text for path, text in load_generator().list_schemas().items()}
    assert texts == generated, "run: make docs"


def check_document(document: Any, name: str) -> Any:
    """Return a document after checking it against the schema of that name."""
    validator(name).validate(document)
    return document


def branches(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the part of a document about each branch."""
    return document.get("results", [document])


@pytest.fixture
def zone(stack: Stack, tmp_path: Path) -> str:
    zone = f"{stack.environment['ZONEGIT_ACTOR']}.json.test"
    stack.run("init", zone)
    stack.run("import", "-", "--zone", zone, stdin=FOO)
    stack.environment["VISUAL"] = "sed -i s/192.0.2.80/192.0.2.81/"
    return zone


@pytest.mark.parametrize("name", RECIPES)
def test_a_command_prints_the_same_fields_for_every_outcome(
    stack: Stack, zone: str, tmp_path: Path, name: str
) -> None:
    recipe, more = RECIPES[name], ()
    if name == "workspace commit":
        more = ("-C", str(tmp_path))
        stack.run("workspace", "checkout", str(tmp_path), zone, "--scheme", "flat")
        path = tmp_path / f"{zone}.zone"
        path.write_text(path.read_text().replace("192.0.2.80", "192.0.2.81"))
    for words in recipe.before:
        stack.run(*words)

    def run(*words: str) -> dict[str, Any]:
        return check_document(stack.json(*words, *more, stdin=recipe.stdin), recipe.document)

    tried = run(*recipe.words, "--dry-run")
    done = run(*recipe.words)
    assert (tried["committed"], tried["dry_run"]) == (False, True)
    assert (done["committed"], done["dry_run"]) == (True, False)
    (would,), (did,) = branches(tried), branches(done)
    assert would.keys() == did.keys()
    assert would["changes"] == did["changes"] != []
    assert would["serial"] == did["serial"]
    assert "SOA" not in {each["type"] for each in did["changes"]}
    if recipe.again is not None:
        nothing = run(*recipe.again)
        assert (nothing.keys(), nothing["committed"]) == (done.keys(), False)
        assert all(each["changes"] == [] for each in branches(nothing))


@pytest.mark.usefixtures("zone")
def test_a_plan_is_a_document_of_the_same_schema(stack: Stack) -> None:
    planned = check_document(stack.json("plan", "-", stdin="delete www\n"), "PlanDocument")
    tried = stack.json("apply", "-", "--dry-run", stdin="delete www\n")
    assert {key: planned[key] for key in tried} == tried


@pytest.mark.usefixtures("zone")
def test_a_conflict_is_a_document_of_the_same_schema(stack: Stack) -> None:
    for words in ON_CANARY:
        stack.run(*words)
    stack.run("set", "api", "A", "300", "192.0.2.99")
    said = stack.run("merge", "canary", "--json", status=4)
    document = check_document(json.loads(said.out), "CommitDocument")
    assert (document["committed"], document["changes"]) == (False, [])
    assert [each["type"] for each in document["conflicts"]] == ["A"]


@pytest.mark.usefixtures("zone")
def test_the_soa_that_is_printed_is_the_soa_that_is_stored(stack: Stack) -> None:
    said = stack.json("set", "@", "SOA", "300", "ns1 hostmaster 1 7200 3600 1209600 60")
    (change,) = said["changes"]
    stored = stack.json("show", "@", "SOA")
    assert change["new"]["rdata"] == stored["rdata"]
    assert f" {said['serial']} " in stored["rdata"][0]
    text = stack.run("set", "@", "SOA", "300", "ns1 root 1 7200 3600 1209600 60").out
    assert stack.json("show", "@", "SOA")["rdata"][0] in text


READS = {
    "log": (("log",), ("log", "-p"), ("log", "-n", "1", "main")),
    "show": (("show",), ("show", "v1"), ("show", "HEAD~1")),
    "show NAME TYPE": (("show", "www", "CNAME"),),
    "blame": (("blame", "api"), ("blame", "@")),
    "tag": (("tag",),),
    "reflog": (("reflog",), ("reflog", "canary")),
    "op log": (("op", "log"),),
    "export": (("export",),),
    "diff": (("diff",), ("diff", "main", "main"), ("diff", "HEAD~1")),
    "zone list": (("zone", "list"),),
}
"""Command lines that read, by the document that they print."""


def test_every_document_that_a_command_reads_has_command_lines() -> None:
    documents = load_generator().DOCUMENTS
    elsewhere = {"check", "migrate"}  # need a file, and a store of the original
    assert set(READS) | elsewhere == {*documents["history"], *documents["zone"]}


@pytest.mark.usefixtures("zone")
def test_commands_that_read_print_documents_of_a_schema(stack: Stack) -> None:
    stack.run(*SET)
    stack.run("tag", "v1", "-m", "first")
    stack.run("branch", "canary")
    stack.run("branch", "-d", "canary")
    for name, lines in READS.items():
        for words in lines:
            check_document(stack.json(*words), name)


@pytest.mark.usefixtures("zone")
def test_an_error_is_a_document_of_a_schema(stack: Stack) -> None:
    for words, status in ((("show", "absent"), 3), (("set", "api", "A", "300", "192.0.2.300"), 1)):
        said = stack.run(*words, "--json", status=status)
        check_document(json.loads(said.err.splitlines()[-1]), "ErrorDocument")


def test_a_migration_is_a_document_of_a_schema(own_stack: Stack) -> None:
    own_stack.up()
    dump = str(vectors.DATA / "v03-store.json")
    check_document(own_stack.json("migrate", "--from-v03", dump), "migrate")
