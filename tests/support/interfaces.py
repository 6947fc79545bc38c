"""Read the interfaces of the code without the names of its modules, classes and functions.

A change of them is visible outside: to a peer, a script, a dashboard, or a file on disk.
"""

import ast
import io
import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing, redirect_stderr
from functools import cache
from pathlib import Path
from typing import Any, Final

import click
import msgspec
from msgspec import inspect
from prometheus_client.core import Metric

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = {
    "shared": ROOT / "shared",
    **{path.name: path for path in sorted((ROOT / "services").iterdir()) if path.is_dir()},
}
"""The folder of sources that all services share, and that of each service."""
LEVELS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})

_EVENT: Final = re.compile(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*")
_VARIABLE: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
_OWN_VARIABLE: Final = re.compile(r"(ZONEGIT|XDG|COMP)_[A-Z_]+")
_KEY: Final = re.compile(r"[a-z][a-z0-9_-]*")
_REST: Final = "..."
"""Stands for keys or fields that are computed."""


def shape(kind: Any) -> Any:
    """Return the encoding of a type: text, or a structure with the encoded names and types of
    fields.

    Args:
        kind: a type that msgspec encodes.
    """
    return _shape(inspect.type_info(kind))


def structs(*kinds: Any) -> set[type]:
    """Return the structs in types, including the types themselves."""
    found: set[type] = set()
    waiting: list[Any] = [inspect.type_info(kind) for kind in kinds]
    while waiting:
        info = waiting.pop()
        if isinstance(info, inspect.StructType):
            found.add(info.cls)
        if isinstance(info, inspect.Type | inspect.Field):
            waiting += [getattr(info, name) for name in info.__struct_fields__]
        elif isinstance(info, tuple):
            waiting += info
    return found


def _shape(info: inspect.Type) -> Any:
    match info:
        case inspect.StructType(array_like=True) | inspect.NamedTupleType():
            return {"array": [_shape(field.type) for field in info.fields]}
        case inspect.StructType():
            tag = {f"{info.tag_field} = {info.tag}": "tag"} if info.tag is not None else {}
            return tag | {_field(field): _shape(field.type) for field in info.fields}
        case inspect.TupleType():
            return {"array": [_shape(each) for each in info.item_types]}
        case inspect.ListType() | inspect.VarTupleType() | inspect.CollectionType():
            bound = f", at most {info.max_length}" if info.max_length is not None else ""
            bound += f", at least {info.min_length}" if info.min_length else ""
            return {f"list{bound}": _shape(info.item_type)}
        case inspect.DictType():
            bound = f", at most {info.max_length}" if info.max_length is not None else ""
            return {f"map from {_shape(info.key_type)}{bound}": _shape(info.value_type)}
        case inspect.UnionType():
            parts = sorted((_shape(each) for each in info.types), key=str)
            is_text = all(isinstance(each, str) for each in parts)
            return " or ".join(parts) if is_text else {"one of": parts}
        case inspect.Metadata():
            return _shape(info.type)
        case inspect.LiteralType():
            return " | ".join(map(repr, info.values))
        case _:
            return _scalar(info)


def _scalar(info: inspect.Type) -> str:
    bounds = {name: getattr(info, name) for name in info.__struct_fields__}
    assert "cls" not in bounds, f"{info} is named by a class"
    text = "".join(f" {name}={value!r}" for name, value in bounds.items() if value is not None)
    return type(info).__name__.removesuffix("Type").lower() + text


def _field(field: inspect.Field) -> str:
    if field.required:
        return field.encode_name
    if field.default is field.default_factory:  # neither is set: the value is UNSET
        return f"{field.encode_name} (or absent)"
    default = field.default
    if default is msgspec.NODEFAULT:
        default = field.default_factory()
    return f"{field.encode_name} = {json.dumps(msgspec.to_builtins(default))}"


@cache
def nodes(source: Path) -> Sequence[ast.AST]:
    """Return every node of a module, or of every module below a folder."""
    paths = [source] if source.is_file() else sorted(source.rglob("*.py"))
    return [node for path in paths for node in ast.walk(ast.parse(path.read_text()))]


def log_events(source: Path) -> dict[str, list[str]]:
    """Return the events that modules log, each with the names of its fields."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for call in nodes(source):
        if isinstance(call, ast.Call):
            for event in _events(call):
                found[event].update(each.arg or _REST for each in call.keywords)
    return {event: sorted(fields) for event, fields in found.items()}


def _events(call: ast.Call) -> list[str]:
    """Return the events that a call logs.

    They are in ``log.info(EVENT)``, ``_log("info", EVENT)``, or a call of a function that received
    one of these: ``report(EVENT)``.
    """
    arguments = call.args
    if arguments and isinstance(arguments[0], ast.Constant) and arguments[0].value in LEVELS:
        arguments = arguments[1:]
    first = arguments[0] if arguments else None
    parts = (first.body, first.orelse) if isinstance(first, ast.IfExp) else (first,)
    return [text for each in parts if (text := _text(each)) is not None and _EVENT.fullmatch(text)]


def _text(node: ast.AST | None) -> str | None:
    """Return the text of a node of a module, or None."""
    is_text = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if is_text else None


def first_arguments(source: Path, functions: Collection[str]) -> set[str]:
    """Return the texts that are the first argument in calls of some functions."""
    calls = [node for node in nodes(source) if isinstance(node, ast.Call) and node.args]
    found = {_text(call.args[0]) for call in calls if _name(call.func) in functions}
    return {each for each in found if each is not None}


def rules(source: Path) -> set[str]:
    """Return the names of rules: texts followed by a severity."""
    found = set()
    for node in nodes(source):
        match node:
            case ast.Call(args=[first, ast.Constant(value="error" | "warning" | "note"), *_]):
                found.add(_text(first))
    return {each for each in found if each is not None and _KEY.fullmatch(each)}


def error_details(source: Path, families: Collection[str]) -> set[str]:
    """Return the names of the details of errors.

    Args:
        source: a folder of modules.
        families: the names of the classes of errors.
    """
    found: set[str | None] = set()
    for node in nodes(source):
        match node:
            case ast.Call(func=function, keywords=keywords) if _name(function) in families:
                found.update(each.arg for each in keywords)
            case ast.Subscript(value=ast.Attribute(attr="details"), slice=key):
                found.add(_text(key))
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr="details")), args=[key, *_]):
                found.add(_text(key))
    return {each for each in found if each not in (None, "hint")}


def _name(function: ast.expr) -> str:
    return ast.unparse(function).rpartition(".")[2]


def mappings(source: Path) -> set[str]:
    """Return the keys of every mapping literal in modules, grouped by mapping, and every key they
    set."""
    found = set()
    for node in nodes(source):
        match node:
            case ast.Dict(keys=keys):
                names = [text for each in keys if (text := _text(each)) is not None]
                if names and all(map(_KEY.fullmatch, names)):
                    rest = [_REST] if len(names) < len(keys) else []
                    found.add(", ".join([*sorted(names), *rest]))
            case ast.Subscript(slice=ast.Constant(value=str(key)), ctx=ast.Store()):
                found.add(f"[{key}]")
    return found


def variables(source: Path) -> set[str]:
    """Return the environment variables that modules name."""
    found = constants(source, _OWN_VARIABLE)
    for node in nodes(source):
        match node:
            case ast.Call(func=ast.Attribute(value=owner, attr="get"), args=[name, *_]):
                text = _text(name)
                if text is not None and "env" in ast.unparse(owner) and _VARIABLE.fullmatch(text):
                    found.add(text)
    return found


def constants(source: Path, pattern: str | re.Pattern[str]) -> set[str]:
    """Return the texts of modules that match a pattern in full."""
    texts = {text for node in nodes(source) if (text := _text(node)) is not None}
    return {text for text in texts if re.fullmatch(pattern, text)}


def command_line(
    command: click.Command, path: str, parent: click.Context | None = None
) -> dict[str, Any]:
    """Return the options and arguments of a command and of all commands below it.

    Args:
        command: the command.
        path: the command line that runs it.
        parent: the context of its group.
    """
    context = click.Context(command, parent, path, **command.context_settings)
    described: dict[str, Any] = {}
    parameters = command.get_params(context)
    for number, each in enumerate(p for p in parameters if isinstance(p, click.Argument)):
        described[f"{number}: {each.make_metavar(context)}"] = _parameter(each, context)
    for option in (p for p in parameters if isinstance(p, click.Option)):
        names = [*option.opts, *option.secondary_opts]
        if "--help" in names:  # click keeps this option from the first context of a command
            names = context.help_option_names
        described[" ".join(names)] = _parameter(option, context)
    found = {path: described}
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            found |= command_line(below, f"{path} {name}", context)
    return found


def _parameter(parameter: click.Parameter, context: click.Context) -> str:
    """Return the ways to give a parameter, as text."""
    words = []
    if isinstance(parameter, click.Option) and parameter.is_flag:
        words.append("flag")
    elif parameter.nargs != 1 or parameter.multiple:
        words.append("any number" if parameter.nargs < 0 or parameter.multiple else "several")
    else:
        words.append("one value")
    if parameter.required:
        words.append("required")
    if isinstance(parameter.type, click.Choice):
        words.append(f"of {', '.join(map(str, parameter.type.choices))}")
    if isinstance(parameter.type, click.IntRange | click.FloatRange):
        words.append(f"from {parameter.type.min} to {parameter.type.max}")
    default = parameter.get_default(context, call=False)
    if isinstance(default, str | int | float | tuple) and default is not False:
        words.append(f"default {default!r}")
    if parameter.envvar:
        words.append(f"environment {parameter.envvar}")
    if getattr(parameter, "hidden", False):
        words.append("hidden")
    return ", ".join(words)


def exit_status(run: Callable[[click.Command, list[str]], int], error: BaseException) -> Any:
    """Return the exit status of a command line that fails, and its JSON on standard error."""

    @click.command()
    @click.option("--json", is_flag=True)
    def fail(json: bool) -> None:
        raise error

    with redirect_stderr(io.StringIO()) as said:
        status = run(fail, ["--json"])
    try:
        document = json.loads(said.getvalue())
    except ValueError:
        return {"status": status}
    found = {key: sorted(value) for key, value in document.items()}
    return {"status": status, "code": document["error"]["code"], "document": found}


def metrics(families: Iterable[Metric]) -> dict[str, Any]:
    """Return the type of each metric, its labels, and the labels of samples that always exist.

    The areas of unexpected errors are left out, because other tests in the process cause some.
    """
    return {
        family.name: {
            "type": family.type,
            "labels": list(getattr(family, "_labelnames", ())),  # no public name
            "samples": sorted(
                {
                    _sample(each.name, each.labels)
                    for each in family.samples
                    if "area" not in each.labels
                }
            ),
        }
        for family in families
    }


def _sample(name: str, labels: dict[str, str]) -> str:
    shown = {key: "..." if key in ("python", "version") else labels[key] for key in sorted(labels)}
    text = ", ".join(f"{key}={value}" for key, value in shown.items())
    return f"{name}{{{text}}}"


def schema(path: Path) -> dict[str, Any]:
    """Return the layout of an SQLite file: its version, and its tables and indexes."""
    with closing(sqlite3.connect(path)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        rows = database.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL")
        return {"version": version} | {name: " ".join(sql.split()) for name, sql in rows}
