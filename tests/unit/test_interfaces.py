"""All names of zonegit that a peer, a script, a dashboard or a file on disk uses.

``tests/data/interfaces`` has these names. It has no names of modules, classes and functions, so
their renaming does not change it. A few of its mappings are internal, but the sources do not tell
which.

With REWRITE_SNAPSHOTS=1 the files are written from the code; review the difference before you
commit it.
"""

import asyncio
import json
import os
import re
import types
from collections.abc import Callable, Iterable
from difflib import unified_diff
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import msgspec
import pytest

from tests.support import interfaces
from tests.support.interfaces import SOURCES, shape
from tests.support.resolver_metrics import collect_metrics
from zonegit import errors, process, settings_file
from zonegit.bus import discovery, headers
from zonegit.containment import contain, isolate, keep_running, note
from zonegit.errors import ZonegitError
from zonegit.nameserver.answer.zone_table import ZoneTable
from zonegit.objects.codec import encode
from zonegit.objects.ids import CommitId, ObjectId
from zonegit.objects.model import Blob, Commit, Doc, Identity, Index, IndexRow, Symref, Tag, Tree
from zonegit.repo.change import migrate, saved_plan, sequencer_state
from zonegit.store import cache_root, folder_lock, ref_names
from zonegit.views import outcome
from zonegit.views.blame import BlamedRRsetDocument
from zonegit.views.check import CheckDocument
from zonegit.views.commit import ShownCommitDocument, StoredCommitDocument, TagsDocument
from zonegit.views.diff import DiffDocument
from zonegit.views.log_entry import ReflogEntryDocument
from zonegit.views.operation import OperationDocument
from zonegit.views.problem import ErrorDocument
from zonegit.views.rrset import StoredRRsetDocument
from zonegit.views.zone import ListedZoneDocument, MigratedZoneDocument, ZoneDocument
from zonegit.wire import codec, failures, messages, permissions, subjects, verbs
from zonegit.wire.verbs import AnyVerb, Form
from zonegit.zone import names, rrtypes
from zonegit.zone.lint import table
from zonegit.zone.rrset import rrset
from zonegit.zonefile import zone_paths
from zonegit_cli import run, terminal
from zonegit_cli.cli import cli
from zonegit_cli.commands import doctor
from zonegit_cli.stack import folder, record
from zonegit_cli.workspace import index, working_tree
from zonegit_objectstore.__main__ import main as objectstore
from zonegit_objectstore.sql.objects import open_objects
from zonegit_refs.__main__ import main as refs
from zonegit_refs.sql.refs import open_refs
from zonegit_resolver.__main__ import main as resolver
from zonegit_resolver.cache import cache, journal, load, summary
from zonegit_resolver.config import config_file as configuration
from zonegit_resolver.config import serving
from zonegit_resolver.config.serving import ServingPlan
from zonegit_resolver.zone_states import ZoneStates

FOLDER = Path(__file__).parents[1] / "data" / "interfaces"
REWRITE = "REWRITE_SNAPSHOTS"

ACTOR = "Ann@x"
ZONE = names.parse("b_C.example.com.")
BRANCH = ref_names.branch(ZONE, "next/1.2")
TAG = ref_names.tag(ZONE, "v1")
MARKER = ref_names.marker(ZONE)
SERVING = ref_names.serving(ZONE)

MESSAGES = {
    "$SRV: an endpoint": discovery.EndpointInfo,
    "$SRV: an instance": discovery.ServiceInstance,
    "any reply that is a failure": messages.FailureReply,
    "zg.events": messages.RefEvent,
    "zg.heartbeat": messages.Heartbeat,
    "zg.presence: reply": messages.Presence,
    "zg.presence: request": messages.AskPresence,
    "zg.resolvers.announce: reply, and zg.served of no zone": messages.Announcement,
    "zg.resolvers.announce: request": messages.CallResolvers,
    "zg.resolvers.answered: reply": messages.AnsweredSerials,
    "zg.resolvers.answered: request": messages.AskAnswered,
    "zg.resolvers.reload: reply": messages.ConfigReload,
    "zg.resolvers.reload: request": messages.ReloadConfig,
    "zg.resolvers.secondaries: reply": messages.Secondaries,
    "zg.resolvers.secondaries: request": messages.AskSecondaries,
    "zg.resolvers.status: reply": messages.ResolverStatus,
    "zg.resolvers.status: request": messages.AskStatus,
    "zg.served of a zone": messages.ServedEvent,
}
"""The messages that are not of a verb of a store, each by its place on the bus."""
FAMILIES = [
    each
    for each in vars(errors).values()
    if isinstance(each, type) and issubclass(each, ZonegitError)
]


def sorted_union(read: Callable[[Path], Iterable[str]]) -> list[str]:
    """Return the union of the results for all sources."""
    return sorted({each for source in SOURCES.values() for each in read(source)})


def bus() -> Any:
    """Return subjects, messages, permissions, headers and failures."""
    failed = {
        code: msgspec.msgpack.decode(
            codec.encode(failures.to_message(family("m", hint="h", d="e")))
        )
        for code, family in failures.BY_CODE.items()
    }
    return {
        "verbs": {f"{each.service}.{each.name}": _verb(each) for each in verbs.VERBS},
        "messages": {place: shape(kind) for place, kind in MESSAGES.items()},
        "subjects": _subjects(),
        "permissions": {
            name: {
                "publish": permissions.publish_lines(role, "<actor>", "<name>"),
                "subscribe": permissions.subscribe_lines(role, "<actor>", "<name>"),
            }
            for name, role in permissions.ROLES.items()
        },
        "headers": sorted(
            [headers.DEADLINE, headers.REQUEST_ID, headers.ATTEMPT, headers.ON_BEHALF,
             headers.FAILED, headers.INTERIM, headers.TIMEOUT]
        ),
        "failures": failed,
        "details of failures": sorted_union(
            partial(interfaces.error_details, families={each.__name__ for each in FAMILIES})
        ),
    }  # fmt: skip


def _verb(verb: AnyVerb) -> Any:
    request = partial(subjects.request, ACTOR, verb.service, verb.name)
    forms = {
        Form.NOTHING: request(),
        Form.OWN: request(about=subjects.OWN),
        Form.ZONE: request(MARKER),
        Form.BRANCH: request(BRANCH),
        Form.TAG: request(TAG),
        Form.SERVING: request(SERVING),
        Form.DEFAULT: request(BRANCH, subjects.DEFAULT),
    }
    return {
        "subjects": {forms[form]: verb.right_to(form).name.lower() for form in verb.forms},
        "slow": verb.is_slow,
        "request": shape(verb.message),
        "reply": shape(verb.reply),
    }


def _subjects() -> Any:
    return {
        "endpoint": subjects.endpoint("refs", "zone", of_a_ref=False),
        "endpoint about a ref": subjects.endpoint("refs", "move", of_a_ref=True),
        "inbox": subjects.inbox(ACTOR),
        "inbox for a request": subjects.inbox_for(subjects.request("bob", "refs", "where"), ACTOR),
        "inbox for a broadcast": subjects.inbox_for(subjects.presence("refs"), ACTOR),
        "event of a branch": subjects.event("moved", BRANCH),
        "event of a tag": subjects.event("added", TAG),
        "event of a zone": subjects.event("removed", MARKER),
        "event of a HEAD": subjects.event("moved", ref_names.RefName("head", None)),
        "events": subjects.EVENTS,
        "heartbeat": subjects.HEARTBEAT,
        "served": subjects.served("Ns.1", ZONE),
        "served by any": subjects.served_by_any(ZONE),
        "served by any of the release before": subjects.served_unbound(ZONE),
        "served, all": subjects.SERVED,
        "announcement": subjects.announcement("Ns.1"),
        "announcements": subjects.ANNOUNCEMENTS,
        "request to a resolver": subjects.resolver("Ns.1", "status"),
        "request to all resolvers": subjects.resolvers("announce"),
        "presence": subjects.presence("refs"),
        "the root zone": subjects.encode_zone(names.ROOT),
        "no actors": sorted(subjects.NO_ACTORS),
        "services": sorted(subjects.SERVICES),
        "actors of services": sorted(subjects.SERVICE_ACTORS),
    }


def commands() -> Any:
    """Return options, arguments and exit statuses of every command."""
    fail = partial(interfaces.exit_status, run.run_cli)
    return {
        "commands": interfaces.command_line(cli, "zonegit"),
        "services": interfaces.command_line(objectstore, "zonegit-objectstore")
        | interfaces.command_line(refs, "zonegit-refs")
        | interfaces.command_line(resolver, "zonegit-resolver"),
        "exit statuses": {
            **{f"error {each.code}": fail(each("m")) for each in FAMILIES},
            "usage": fail(click.UsageError("m")),
            "a file": fail(FileNotFoundError(2, "m", "file")),
            "a bug": fail(LookupError("m")),
            "interrupted": fail(KeyboardInterrupt()),
            "a service whose file is damaged": process.FILE_STATUS,
        },
    }


def settings() -> Any:
    """Return environment variables, the keys of settings files, and the names of files."""
    found = {
        service: {
            "environment": sorted(interfaces.variables(source)),
            "files": sorted(
                interfaces.constants(source, r"\.?[\w/-]+\.(sqlite3|json|toml|lock|conf|log)")
            ),
        }
        for service, source in SOURCES.items()
    }
    return found | {
        ".zonegit.toml": sorted(settings_file.KNOWN_KEYS),
        ".zonegit.toml, of a zone": {settings_file.ZONES: sorted(settings_file.ZONE_KEYS)},
        "--config, of a zone, or of all": sorted(serving.ZONE_SETTINGS),
        "--config, of the server": sorted(serving.SERVER_SETTINGS),
        "--config, further": sorted([configuration.ONLY, configuration.ZONE]),
        "files without an ending": sorted(
            [
                cache_root.MARKER,
                folder.MARKER,
                folder_lock.LOCK,
                zone_paths.GOLANG_FILE,
                working_tree.FOLDER,
                terminal.FOLDER,
                sequencer_state.FOLDER,
            ]
        ),
        "names of class CH": sorted_union(
            partial(interfaces.constants, pattern=r"\w+\.(bind|server)\.")
        ),
    }


def observed() -> Any:
    """Return log events and metrics."""
    guards = (contain, isolate, keep_running, note)
    areas = partial(interfaces.first_arguments, functions={each.__name__ for each in guards})
    return {
        "events": {service: interfaces.log_events(source) for service, source in SOURCES.items()},
        "areas": {service: sorted(areas(source)) for service, source in SOURCES.items()},
        "metrics": interfaces.metrics(
            collect_metrics(ZoneStates(ZoneTable(), ServingPlan())).collect()
        ),
        "rules": sorted({*sorted_union(interfaces.rules), *table.SOURCES}),
        "checks": sorted(
            interfaces.first_arguments(Path(doctor.__file__), {doctor.CheckResult.__name__})
        ),
    }


def printed() -> Any:
    """Return the documents that commands print, and the keys of all mapping literals.

    The keys of JSON documents are among them.
    """
    return {
        "after a commit": shape(outcome.CommitDocument),
        "after an import": shape(outcome.ImportDocument),
        "after an import of a series": shape(outcome.SeriesDocument),
        "of a plan": shape(outcome.PlanDocument),
        "of several branches": shape(outcome.SeveralDocument),
        "of an undo": shape(outcome.UndoDocument),
        "of commands that read": {
            command: shape(kind)
            for command, kind in {
                "blame": list[BlamedRRsetDocument],
                "check": CheckDocument,
                "diff": DiffDocument,
                "export": ZoneDocument,
                "log": list[StoredCommitDocument],
                "migrate": MigratedZoneDocument,
                "op log": list[OperationDocument],
                "reflog": list[ReflogEntryDocument],
                "show": ShownCommitDocument,
                "show NAME TYPE": StoredRRsetDocument,
                "tag": TagsDocument,
                "zone list": list[ListedZoneDocument],
            }.items()
        },
        "on standard error": shape(ErrorDocument),
        "keys of mappings": sorted_union(interfaces.mappings),
    }


def stored() -> Any:
    """Return the octets of objects, and the layouts of files."""
    return {"objects": _objects(), "files": _files(), "databases": asyncio.run(_databases())}


def _objects() -> Any:
    node, commit = ObjectId(b"\1" * 32), CommitId(ObjectId(b"\2" * 32))
    ann = Identity("Ann", "ann@example.net", 1_600_000_000, "+0200")
    a = rrset(ZONE, rrtypes.from_text("A"), 300, [b"\xc0\0\2\1"])
    examples = {
        "blob": Blob(a),
        "tree": Tree({b"\0www": node, b"\1A": node}),
        "index": Index(1, (IndexRow(b"\0m", 2, node), IndexRow(b"\1A", 3, node))),
        "commit": Commit(node, (), ann, ann, "first"),
        "commit with all headers": Commit(
            node, (commit, commit), ann, ann, "a\n\nb", "main", "c2ln", ((1, "later", "x"),)
        ),
        "tag": Tag(commit, "v1", ann, "first", "c2ln"),
        "symref": Symref(BRANCH.path()),
        "doc": Doc({"type": "proposal", "parent": None}),
    }
    raws = {name: encode(value) for name, value in examples.items()}
    return {
        name: {"kind": raw.kind, "id": raw.id.hex(), "payload": _text(raw.payload)}
        for name, raw in raws.items()
    }


def _text(payload: bytes) -> Any:
    return payload.decode().splitlines() if re.fullmatch(rb"[ -~\n]*", payload) else payload.hex()


def _files() -> Any:
    return {
        "cache of a resolver": msgspec.to_builtins(cache.LAYOUT),
        "cache of a resolver, marker": shape(cache_root.Layout),
        "cache of a resolver, difference": shape(journal._StoredRecords),
        "dump of a store of v0.3": shape(migrate._File),
        "saved plan": shape(saved_plan._Document),
        "stack": sorted(record.StackRecord.__struct_fields__),  # its names in the code are written
        "terminal's HEAD": shape(terminal.TerminalKey),
        "unfinished merge": shape(sequencer_state.SequencerState),
        "unfinished merge, place": shape(sequencer_state.BranchKey),
        "workspace": shape(index.WorkspaceIndex),
    }


async def _databases() -> Any:
    with TemporaryDirectory() as temporary:
        data = Path(temporary)
        objects, refs, zone = (data / name for name in ("objects", "refs", "zone"))
        async with (
            open_objects(objects),
            open_refs(refs),
            summary.open_summary(data),
            load.open_file(zone),
        ):
            return {
                "objects": interfaces.schema(objects),
                "refs": interfaces.schema(refs),
                "cache of a resolver, of a zone": interfaces.schema(zone),
                "cache of a resolver, of all zones": interfaces.schema(data / summary.FILE),
            }


FILES: dict[str, Callable[[], Any]] = {
    "bus": bus,
    "commands": commands,
    "observed": observed,
    "printed": printed,
    "settings": settings,
    "stored": stored,
}


@pytest.mark.parametrize("name", FILES)
def test_an_interface_is_unchanged(name: str) -> None:
    path = FOLDER / f"{name}.json"
    now = json.dumps(FILES[name](), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    if os.environ.get(REWRITE):
        path.write_text(now)
    was = path.read_text()
    if now != was:
        lines = unified_diff(was.splitlines(), now.splitlines(), str(path), "now", lineterm="")
        text = "\n".join(lines)
        pytest.fail(f"{text}\n\nis that meant? {REWRITE}=1 writes it", pytrace=False)


def test_every_file_of_interfaces_is_compared() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(FILES)


def test_every_message_has_a_place() -> None:
    of_verbs = (kind for verb in verbs.VERBS for kind in (verb.message, verb.reply))
    reached = interfaces.structs(*of_verbs, *MESSAGES.values())
    defined = {
        each
        for each in _classes(messages)
        if issubclass(each, msgspec.Struct) and not each.__subclasses__()
    }
    assert defined <= reached


def test_no_name_of_a_class_is_in_the_files() -> None:
    classes = {each.__name__ for each in [*_classes(messages), *_classes(outcome)]}
    for path in FOLDER.iterdir():
        words = set(re.findall(r"\w+", path.read_text()))
        assert not {each for each in classes if re.search("[a-z][A-Z]", each)} & words


def _classes(module: types.ModuleType) -> list[type]:
    return [each for each in vars(module).values() if isinstance(each, type)]
