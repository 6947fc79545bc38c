"""zonegit verify: verify the signature of a commit, or of its whole history."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from zonegit.errors import NotFound
from zonegit.objects.commit_signatures import Keyring
from zonegit.objects.model import Commit, subject
from zonegit.repo import refish
from zonegit.repo.inspect import verify
from zonegit.repo.inspect.verify import VerifiedObject, VerifyReport
from zonegit.zone.names import Name
from zonegit_cli import options
from zonegit_cli.output import format_id
from zonegit_cli.parse import key_files
from zonegit_cli.render.signatures import STATES, Names, format_key, format_verdict
from zonegit_cli.session import Session

EXIT_NOT_GOOD = 1
"""Exit status if a commit or tag is not signed by a trusted key."""


@options.session_command("verify")
@click.argument("at", type=options.REFISH, metavar="[REFISH]", default="HEAD")
@click.option("--chain", is_flag=True, help="Verify all commits back to the first.")
@click.option(
    "--key",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Trust this public key, or all in this folder (ZONEGIT_TRUSTED_KEYS); repeatable.",
)
@options.zone_options
async def command(
    session: Session,
    at: str,
    chain: bool,
    files: tuple[Path, ...],
    zone: Name | None,
    branch: str | None,
) -> int:
    """Verify the signature of REFISH (HEAD), and show the trusted key that made it. If REFISH is a
    signed tag, the signature of the tag is verified.

    Exit status 1 if a commit or tag is unsigned, or not signed by a trusted key.

    \b
    zonegit verify --key alice.pub
    zonegit verify v1.0 --key /etc/zonegit/keys    a folder of *.pub files
    zonegit verify --chain                         with the keys of trusted_keys
    """
    trusted = key_files.read_trusted(files or _find_trusted_keys(session))
    async with session.connect() as repo:
        found = await refish.resolve(repo, at, zone=zone, branch=branch)
        report = await verify.verify(
            repo,
            found,
            Keyring(trusted),
            chain=chain,
            progress=lambda count: session.output.print_progress(f"{count:,} commits"),
        )
    session.output.print_progress("")
    session.output.print_result(
        _to_json(report, trusted), _format_lines(report, trusted, chain), paged=True
    )
    return EXIT_NOT_GOOD if report.failed else 0


def _find_trusted_keys(session: Session) -> list[Path]:
    path = session.settings.trusted_keys
    if path is None:
        raise NotFound(
            "no trusted key, so signatures cannot be verified",
            hint="name a key with --key FILE.pub, or a folder with the setting trusted_keys",
        )
    return [path]


def _format_lines(report: VerifyReport, trusted: Names, chain: bool) -> Iterator[str]:
    for each in report.failed or [report.named]:
        head = f"{_describe_kind(each)} {format_id(each.id)}"
        yield f"{head} {format_verdict(each.verdict, trusted)}: {subject(each.value)}"
    if chain:
        bad = len(report.failed) - report.unsigned
        good = ", ".join(f"{format_key(key, trusted)} {n}" for key, n in report.good.most_common())
        yield f"{report.count} verified: {report.unsigned} unsigned, {bad} bad; good: {good or 0}"


def _to_json(report: VerifyReport, trusted: Names) -> dict[str, Any]:
    return {
        **_checked_to_json(report.named, trusted),
        "verified": report.count,
        "good": report.good.total(),
        "unsigned": report.unsigned,
        "bad": len(report.failed) - report.unsigned,
        "signers": {format_key(key, trusted): count for key, count in report.good.most_common()},
        "failed": [_checked_to_json(each, trusted) for each in report.failed],
    }


def _checked_to_json(checked: VerifiedObject, trusted: Names) -> dict[str, Any]:
    return {
        "id": checked.id.hex(),
        "kind": _describe_kind(checked),
        "subject": subject(checked.value),
        "state": STATES[type(checked.verdict)],
        "said": format_verdict(checked.verdict, trusted),
    }


def _describe_kind(checked: VerifiedObject) -> str:
    return "commit" if isinstance(checked.value, Commit) else "tag"
