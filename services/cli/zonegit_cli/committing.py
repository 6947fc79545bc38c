"""What every command that commits does: find the branch, carry the change out (or only say what it
would be), wait, tell."""

import heapq
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import click

from zonegit.repo.committing import commits, diffs, plans
from zonegit.repo.committing.commits import Committed, Intent, Lost, Outcome, Preview, Unchanged
from zonegit.repo.committing.conflicts import Conflicted
from zonegit.repo.committing.edits import Edit, Key
from zonegit.repo.committing.plans import Plan
from zonegit.repo.finding import heads
from zonegit.repo.finding.heads import Position, Repo
from zonegit.store.reading import Reader
from zonegit.zone import names
from zonegit.zone.findings import Finding
from zonegit.zone.names import Name
from zonegit.zone.rrset import RRset, rdata_to_text, sort_key, title
from zonegit.zone.zonetext import record_head
from zonegit_cli import waiting
from zonegit_cli.door import EXIT_STATUS
from zonegit_cli.drawn import clashes, findings, judgements, patches, rrsets
from zonegit_cli.output import commit_id, count
from zonegit_cli.page import How
from zonegit_cli.session import Session

SHOWN: Final = 10
"""Changed RRsets listed one by one before they are only counted."""

LONGEST_SHOWN: Final = 80
"""Characters of a record that is shown with them."""

Beside = Callable[[], Mapping[str, Any]]
"""What a command's JSON document says beside what became of the branch, asked once that is known.
"""

_WORDS: Final = {"+": "added", "~": "modified", "-": "deleted"}
_COLOURS: Final = {"+": "green", "~": "yellow", "-": "red"}


async def commit_edit(
    session: Session,
    how: How,
    words: Sequence[str],
    edit: Callable[[Name], Edit],
    found: Sequence[Finding] = (),
) -> None:
    """Commits one edit, made once the zone is known; ``words`` are the command's own, which are
    the message where none was given, ``found`` the findings about them."""

    def plan_for(_repo: Repo, position: Position) -> Plan:
        plan = plans.plan_edits([edit(position.zone)], position.zone, respell=how.respell)
        return plans.add_findings(plan, found)

    await commit(session, how, plan_for, intent(how, words[0], " ".join(words)))


def intent(
    how: How,
    reason: str,
    words: str,
    *,
    imports: bool = False,
    lost: Lost = Lost.REPLAYED_APART,
) -> Intent:
    """What the command ``reason`` commits for; ``words`` are the message where none was given, or
    a blank one, the rest as :class:`Intent` has it."""
    message = (how.message or "").strip() or words
    return Intent(
        message,
        reason,
        how.force,
        imports=imports,
        lost=lost,
        dry_run=how.dry_run,
        because=how.because,
        strict=how.strict,
        respell=how.respell,
    )


async def commit(
    session: Session,
    how: How,
    plan_for: Callable[[Repo, Position], Plan],
    meant: Intent,
    beside: Beside = dict,
) -> None:
    """Commits a plan on the branch the command works on and tells what came of it."""

    async def work(repo: Repo, at: Position) -> Outcome:
        return await commits.commit(repo, at, plan_for(repo, at), meant)

    await carry_out(session, how, work, beside=beside)


async def carry_out(
    session: Session,
    how: How,
    work: Callable[[Repo, Position], Awaitable[Outcome]],
    *,
    nothing: str = "nothing to commit: {} is so already",
    jumped: str = "fast-forward",
    beside: Beside = dict,
    advice: clashes.Advice = clashes.by_hand,
) -> int:
    """Does ``work`` on the branch that the command works on and tells what came of it: ``nothing``
    is said when there was nothing to do, of the branch; ``jumped`` when it moved to a commit that
    was there before; ``advice`` where there are conflicts; ``--json`` shows what is ``beside``,
    too. Returns the exit status.

    Raises:
        ZonegitError: what ``work`` raises; after a dry run was printed, what its move would raise.
    """
    async with session.bus() as bus:
        repo = session.repo(bus)
        at = await heads.locate(repo, how.zone, how.branch)
        wait = how.wait and not how.dry_run
        async with waiting.waiting(session, bus, at.zone, at.branch, wanted=wait) as waiter:
            outcome = await work(repo, at)
            if not isinstance(outcome, Conflicted):
                findings.tell(session, outcome.findings)
            match outcome:
                case Unchanged() as same:
                    _tell_nothing(session, same, nothing, beside)
                case Preview() as preview:
                    data, shown = await previewed(repo, preview)
                    changes = {"changes": data.pop("changes")}  # the longest, so the last
                    session.output.result({**data, **beside(), **changes}, shown, paged=True)
                case Conflicted() as conflicted:
                    clashes.tell(session, conflicted, advice(conflicted))
                    return EXIT_STATUS["conflict"]
                case Committed() as made:
                    heard = await waiter.until(made.moved)
                    told = [*lines(made, jumped), *heard.lines()]
                    session.output.result(
                        lambda: {**as_json(made), **beside(), **heard.json()}, told
                    )
    if isinstance(outcome, Preview) and outcome.judgement.refusal is not None:
        raise outcome.judgement.refusal
    return 0


def _tell_nothing(session: Session, same: Unchanged, text: str, beside: Beside) -> None:
    where = {
        "zone": names.text(same.zone),
        "branch": same.branch,
        "commit": same.commit.hex() if same.commit is not None else None,
        "warnings": findings.as_json(same.findings),
    }
    # Not by format(): a refish within the text may have braces of its own.
    said = text.replace("{}", f"{where['zone']} {where['branch']}", 1)
    session.output.result({**where, "committed": False, **beside()}, [said])


async def previewed(repo: Repo, preview: Preview) -> tuple[dict[str, Any], list[str]]:
    """What a dry run shows, with ``--json`` and for people."""
    reader = Reader(repo.objects, preview.objects)
    every = await diffs.between(reader, preview.old, preview.new, preview.zone)
    deltas = diffs.beside_serial(every)
    where = {"zone": names.text(preview.zone), "branch": preview.branch}
    data = {
        **where,
        "committed": False,
        "dry_run": True,
        "serial": preview.serial,
        "serial_before": preview.before,
        "verdict": judgements.as_json(preview.judgement),
        "warnings": findings.as_json(preview.findings),
        "changes": patches.as_json(deltas),
    }
    head = f"would commit to {where['zone']} {where['branch']} ({_serials(preview)})"
    return data, [head, *patches.lines(deltas), *judgements.lines(preview.judgement)]


def as_json(made: Committed) -> dict[str, Any]:
    """A commit as ``--json`` shows it."""
    return {
        "zone": names.text(made.zone),
        "branch": made.branch,
        "committed": True,
        "new_commit": made.is_new,
        "commit": made.commit.hex(),
        "parent": made.parent.hex() if made.parent else None,
        "serial": made.serial,
        "serial_before": made.before,
        "replayed": made.replayed,
        "warnings": findings.as_json(made.findings),
        "changes": [
            {
                **rrsets.named(owner, rdtype),
                "change": _WORDS[_sign(made, (owner, rdtype))],
                "new": rrsets.content(made.changes[owner, rdtype]),
            }
            for owner, rdtype in sorted(made.changes, key=lambda key: sort_key(*key))
        ],
    }


def lines(made: Committed, jumped: str = "fast-forward") -> list[str]:
    """A commit as people are told of it; ``jumped`` says that it was there before."""
    how = _serials(made) if made.is_new else f"{_serials(made)}, {jumped}"
    head = f"{names.text(made.zone)} {made.branch} {commit_id(made.commit)} ({how})"
    first = heapq.nsmallest(SHOWN, made.changes, key=lambda key: sort_key(*key))
    found = [head, *(_change_line(made, key) for key in first)]
    if len(made.changes) > SHOWN:
        found.append(f"  and {len(made.changes) - SHOWN} more RRsets")
    return found


def _serials(made: Committed | Preview) -> str:
    return f"serial {made.serial}" if made.before is None else f"{made.before} -> {made.serial}"


def _sign(made: Committed, key: Key) -> str:
    if made.changes[key] is None:
        return "-"
    return "+" if key in made.added else "~"


def _change_line(made: Committed, key: Key) -> str:
    sign = _sign(made, key)
    rrset = made.changes[key]
    what = title(*key) if rrset is None else f"{record_head(rrset)} {_records(rrset)}"
    return click.style(f"  {sign} {what}", fg=_COLOURS[sign])


def _records(rrset: RRset) -> str:
    """The only record, if it is short; else how many there are."""
    first = rdata_to_text(rrset.rdtype, rrset.rdatas[0])
    if len(rrset.rdatas) == 1 and len(first) <= LONGEST_SHOWN:
        return first
    return f"({count(len(rrset.rdatas), 'record')})"
