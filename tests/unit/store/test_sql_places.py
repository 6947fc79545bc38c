"""SQL is in the folders ``sql`` only, and each step of a transaction is executed."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = sorted(
    path for folder in ("shared", "services") for path in (ROOT / folder).rglob("*.py")
)
STORES = [ROOT / "services" / name for name in ("objectstore", "refs")]
DRIVER = {
    ROOT / "shared/zonegit/store" / f"{name}.py"
    for name in ("digests", "file_pool", "sqlite", "sqlite_driver", "sqlite_files")
}
CACHE = ROOT / "services/resolver/zonegit_resolver/cache"
SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT\s(OR \w+ )?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|PRAGMA\s"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|TRIGGER)|ON\s+CONFLICT)\b",
    re.DOTALL,
)


def in_sql(path: Path) -> bool:
    return path.parent.name == "sql" and any(path.is_relative_to(store) for store in STORES)


def find_texts(path: Path) -> Iterator[str]:
    """Yield the literal texts of a module except docstrings; those of an f-string as one."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if id(node) in docstrings:
            continue
        if isinstance(node, ast.JoinedStr):
            parts = [each for each in node.values if isinstance(each, ast.Constant)]
            yield "x".join(str(each.value) for each in parts)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_sql_is_only_in_the_folders_of_the_stores_and_below_the_seam() -> None:
    with_sql = {path for path in SOURCES if any(map(SQL.search, find_texts(path)))}
    elsewhere = {path for path in with_sql if not in_sql(path) and not path.is_relative_to(CACHE)}
    assert elsewhere - DRIVER == set()
    for store in STORES:
        assert any(path.is_relative_to(store) for path in with_sql)


@pytest.mark.parametrize("store", STORES, ids=lambda path: path.name)
def test_only_the_choice_of_the_backend_names_sqlite(store: Path) -> None:
    named = {path for path in store.rglob("*.py") if "sqlite" in path.read_text().lower()}
    assert {path.name for path in named if not in_sql(path)} == {"backends.py"}


def find_steps(tree: ast.Module, *, methods: bool) -> set[str]:
    """Return the functions, or the methods, of a module that are steps of transactions."""
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and node.returns is not None
        and ast.unparse(node.returns).startswith("Transaction[")
        and methods == ("self" in (each.arg for each in node.args.args))
    }


def test_no_step_of_a_transaction_is_dropped() -> None:
    """A generator that is called without ``yield from`` does nothing, and no type checker sees
    it."""
    trees = {path: ast.parse(path.read_text()) for path in SOURCES if in_sql(path)}
    steps = {path.stem: find_steps(tree, methods=False) for path, tree in trees.items()}
    methods = set().union(*(find_steps(tree, methods=True) for tree in trees.values()))
    steps |= {"digests": {"read_digest", "write_digest"}}

    def is_step(function: ast.expr, module: str) -> bool:
        owner, _, name = ast.unparse(function).rpartition(".")
        if not owner:
            return name in steps[module] | {"execute"}
        return name in steps.get(owner, methods)

    dropped = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
        if is_step(node.value.func, path.stem)
    ]
    assert len(methods) > 5
    assert dropped == []
