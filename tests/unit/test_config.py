"""Settings: the operator, and an invalid data folder."""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from zonegit import config, settings_file
from zonegit.errors import Invalid
from zonegit.store import ref_names

STACK = {"pid": 1, "dns": ["127.0.0.1:53"], "bus": {"url": "nats://127.0.0.1:1", "users": {}}}


@pytest.mark.parametrize(
    ("login", "actor"),
    [
        ("ann", "ann"),
        ("CORP\\ann", "CORP-ann"),
        ("jörg müller", "j-rg-m-ller"),
        ("-x", "x"),
        ("日本", "operator"),
        ("x" * 100, "x" * 64),
    ],
)
def test_every_login_name_gives_an_operator_name(
    login: str, actor: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", login)
    settings = config.load({"ZONEGIT_DATA": str(tmp_path)}, tmp_path)
    assert settings.actor == actor
    assert ref_names.check_actor(settings.actor) == actor


def test_a_configured_operator_name_is_used_unchanged(tmp_path: Path) -> None:
    settings = config.load({"ZONEGIT_ACTOR": "a b", "ZONEGIT_DATA": str(tmp_path)}, tmp_path)
    assert settings.actor == "a b"


@pytest.mark.parametrize(
    ("text", "time", "offset"),
    [
        ("1795232912", 1_795_232_912, "+0000"),
        ("2026-11-21T08:30:00+01:00", 1_795_246_200, "+0100"),
        ("2026-11-21T08:30:00.7-04:30", 1_795_266_000, "-0430"),
        ("2026-11-21 08:30:00Z", 1_795_249_800, "+0000"),
    ],
)
def test_a_date_is_a_time_and_an_offset(text: str, time: int, offset: str, tmp_path: Path) -> None:
    date = config.load({"ZONEGIT_DATE": text, "ZONEGIT_DATA": str(tmp_path)}, tmp_path).date
    assert date is not None
    assert (int(date.timestamp()), f"{date:%z}") == (time, offset)


@pytest.mark.parametrize(
    "text",
    [
        "yesterday",
        "2026-11-21T08:30:00",
        "2026-11-21T08:30:00+01:00:30",
        "1960-01-01T00:00:00Z",
        "-1",
        "9" * 12,
        "1.5",
        "\u0661",
    ],
)
def test_an_invalid_date_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="ZONEGIT_DATE"):
        config.load({"ZONEGIT_DATE": text, "ZONEGIT_DATA": str(tmp_path)}, tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "x",
        "3",
        "{}",
        json.dumps({**STACK, "bus": 3}),
        json.dumps({**STACK, "bus": {"url": 3, "users": {}}}),
        json.dumps({**STACK, "pid": "1"}),
        json.dumps({**STACK, "dns": []}),
    ],
)
def test_an_invalid_record_is_named(content: str, tmp_path: Path) -> None:
    path = tmp_path / config.STACK_FILE
    path.write_text(content)
    with pytest.raises(Invalid, match=f"{path} is not the record of a stack"):
        config.read_stack(tmp_path)


def test_a_record_is_read(tmp_path: Path) -> None:
    (tmp_path / config.STACK_FILE).write_text(json.dumps(STACK))
    assert config.read_stack(tmp_path) == STACK


def settings(
    folder: Path, text: str, env: Mapping[str, str] = MappingProxyType({})
) -> config.ClientSettings:
    """Return the settings of a command in a folder where ``.zonegit.toml`` has ``text``."""
    (folder / settings_file.FOLDER_FILE).write_text(text)
    names = ("ZONEGIT_DATA", "ZONEGIT_TRUSTED_FOLDERS", "XDG_CONFIG_HOME")
    return config.load({**dict.fromkeys(names, str(folder)), **env}, folder)


def test_a_zone_may_have_a_scheme_of_its_own(
    tmp_path: Path,
) -> None:
    text = """
        workspace-scheme = "golang"
        [zone."example.com."]
        workspace-scheme = "flat"
        """
    found = settings(tmp_path, text)
    assert found.workspace_scheme == "golang"
    assert found.zone_schemes == {"example.com.": "flat"}
    found = settings(tmp_path, text, {"ZONEGIT_WORKSPACE_SCHEME": "flat"})
    assert found.workspace_scheme == "flat"


def test_the_file_of_the_folder_overrides_the_context_zone_by_zone(tmp_path: Path) -> None:
    context = tmp_path / "zonegit" / "contexts" / "site.toml"
    context.parent.mkdir(parents=True)
    context.write_text("""
        workspace-scheme = "flat"
        [zone]
        "a." = { workspace-scheme = "flat" }
        "b." = { workspace-scheme = "flat" }
        """)
    text = """
        context = "site"
        [zone."a."]
        workspace-scheme = "golang"
        """
    found = settings(tmp_path, text)
    assert found.workspace_scheme == "flat"
    assert found.zone_schemes == {"a.": "golang", "b.": "flat"}


@pytest.mark.parametrize(
    "text",
    [
        'zone = "example.com"',
        'zone."a." = "flat"',
        'zone."a.".url = "nats://x"',
        'zone."a.".workspace-scheme = 1',
        "workspace-scheme = 1",
        'workspace_scheme = "flat"',
    ],
)
def test_an_invalid_setting_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="is not a setting"):
        settings(tmp_path, text)


def test_a_variable_overrides_the_folder_and_the_folder_overrides_the_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts = tmp_path / "zonegit" / "contexts"
    contexts.mkdir(parents=True)
    (contexts / "lab.toml").write_text('default-zone = "c.test"\ndefault-branch = "c"\n')
    env = {"XDG_CONFIG_HOME": str(tmp_path), "ZONEGIT_CONTEXT": "lab"}
    (tmp_path / settings_file.FOLDER_FILE).write_text('default-zone = "f.test"\n')
    found = config.load(env, tmp_path)
    assert found.zone == config.HeadOverride("f.test", "default-zone in .zonegit.toml")
    assert found.branch == config.HeadOverride("c", "default-branch in the context")
    found = config.load({**env, "ZONEGIT_ZONE": "v.test", "ZONEGIT_BRANCH": "v"}, tmp_path)
    assert found.zone == config.HeadOverride("v.test", "ZONEGIT_ZONE")
    assert found.branch == config.HeadOverride("v", "ZONEGIT_BRANCH")
    assert config.load({}, tmp_path / "zonegit").zone is None
