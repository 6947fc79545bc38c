"""zonegit config: trust the settings file of the working folder, and make users of a bus."""

import json
import os
from pathlib import Path

import click

from zonegit import config, files, settings_file, trust
from zonegit.errors import Conflict, Invalid
from zonegit.settings_file import FolderFile
from zonegit.wire import bus_users
from zonegit.wire.permissions import ROLES
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


@options.session_command("bus-user")
@click.argument("name")
@click.option("--role", required=True, type=click.Choice(sorted(ROLES)), help="What it may do.")
@click.option("--file", "users", type=click.Path(path_type=Path), help="Add the user to this file.")
@click.option(
    "--env",
    "environment",
    type=click.Path(path_type=Path),
    help="Write the settings of the user to this new file; needs --url.",
)
@click.option("--url", metavar="URL", help="URL of the bus for --env, without user and password.")
async def make_bus_user(
    session: Session,
    name: str,
    role: str,
    users: Path | None,
    environment: Path | None,
    url: str | None,
) -> None:
    """Make a user of a bus of your own (nats-server), with a new password and the permissions of a
    role.

    An operator changes zones, a reader only reads, and an owner may also recover, adopt and replace
    stores. NAME is the actor in the reflog; for a resolver, its --name.

    Without --file, print the entry for authorization { users: [...] } of nats-server, with the
    password. The files are readable by their owner only. Include the file of users in the
    configuration of nats-server, and send it SIGHUP after each change.

    \b
    zonegit config bus-user bob --role operator --file users.conf \\
        --env bob.env --url nats://192.0.2.10:4222
    """
    if (environment is None) != (url is None):
        raise click.UsageError("--env and --url need each other")
    user = bus_users.make_user(name, role, bus_users.make_password())
    data = {"user": name, "role": role, "file": str(users or ""), "env": str(environment or "")}
    text = [f"user {name}, role {role}"]
    settings = bus_users.format_environment(url, user, role) if url is not None else ""
    if environment is not None:
        _require_new(environment)
    if users is not None:
        files.replace_file(users, _add_user(users, user))
        text.append(f"  added to {users}; to load it: kill -HUP the nats-server that includes it")
    if environment is not None:
        files.replace_file(environment, settings.encode())
        text.append(f"  its settings are in {environment}")
    if users is None:
        text = json.dumps(user, indent=2).splitlines()
        data["entry"] = json.dumps(user)
    session.output.print_result(data, text)


def _require_new(path: Path) -> None:
    if os.path.lexists(path):
        raise Conflict(f"{path} exists", hint="name a new file")


def _add_user(path: Path, user: dict[str, object]) -> bytes:
    octets = b""
    if path.exists():
        with files.open_file(path) as file:
            octets = file.read(bus_users.MAX_USERS_FILE_OCTETS)
    try:
        return bus_users.add_user(octets, user)
    except (Invalid, Conflict) as error:
        raise type(error)(f"{path}: {error}", hint=error.hint) from error


@click.group("config")
def command() -> None:
    """Trust the settings file of this folder, and make users of a bus.

    \b
    zonegit config trust
    zonegit config trust --remove
    zonegit config bus-user bob --role operator
    """


command.add_command(trust_folder)
command.add_command(make_bus_user)


def _format_settings(file: FolderFile) -> list[str]:
    return [
        f"{key} = {config.strip_secrets(value) if key == 'url' else value}"
        for key, value in sorted(file.restricted.items())
    ]
