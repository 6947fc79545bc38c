"""zonegit config: trust the settings file of the working folder."""

import os
from pathlib import Path

import click

from zonegit import config, settings_file, trust
from zonegit.settings_file import FolderFile
from zonegit_cli import options
from zonegit_cli.session import Session
from zonegit_cli.text_width import wrap_line


@options.session_command("trust")
@click.option("--remove", is_flag=True, help="Withdraw the trust.")
async def trust_folder(session: Session, remove: bool) -> None:
    """Trust the .zonegit.toml of this folder to set the bus, the actor and the keys.

    A file that sets url, creds, ca, cert, key, context, data, actor, signing_key or trusted_keys is
    refused until it is trusted. Read it first. If one of these settings changes, the file is
    refused again; other settings need no trust.

    \b
    cat .zonegit.toml && zonegit config trust
    ZONEGIT_TRUSTED_FOLDERS=/builds/zones zonegit status      in CI
    """
    file = settings_file.read_folder(Path())
    state_folder = config.default_state(os.environ)
    if remove:
        trust.keep(state_folder, file.path, None)
        text = [f"{file.path} is no longer trusted"]
    elif not file.restricted:
        text = [f"{file.path} has no setting that needs trust"]
    else:
        settings_file.require_owned(file)
        trust.keep(state_folder, file.path, trust.digest(file.restricted))
        text = [f"{file.path} is trusted with:", *(f"  {line}" for line in _format_settings(file))]
    data = {"file": str(file.path), "trusted": [] if remove else sorted(file.restricted)}
    session.output.print_result(data, [part for line in text for part in wrap_line(line)])


@click.group("config")
def command() -> None:
    """Trust the settings file of this folder.

    \b
    zonegit config trust
    zonegit config trust --remove
    """


command.add_command(trust_folder)


def _format_settings(file: FolderFile) -> list[str]:
    return [
        f"{key} = {config.strip_secrets(value) if key == 'url' else value}"
        for key, value in sorted(file.restricted.items())
    ]
