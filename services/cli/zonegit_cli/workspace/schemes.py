"""How zones lie as files, as the command line and the settings say."""

from zonegit.config import ClientSettings
from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zonefile import zone_paths
from zonegit.zonefile.zone_paths import OFFERED, Scheme
from zonegit_cli.workspace.index import WorkspaceIndex


def fresh(settings: ClientSettings, scheme: Scheme | None) -> WorkspaceIndex:
    """The index of a folder that is filled now; ``scheme`` None: as the settings say.

    Raises:
        Invalid: they name a scheme that is not offered.
    """
    if scheme is not None:
        return WorkspaceIndex(scheme=scheme)
    usual = settings.workspace_scheme
    return WorkspaceIndex(
        scheme=_offered(usual) if usual is not None else zone_paths.DEFAULT,
        particular={
            names.parse(zone): _offered(text) for zone, text in settings.zone_schemes.items()
        },
    )


def _offered(text: str) -> Scheme:
    if text not in OFFERED:
        raise Invalid(
            f"the setting workspace-scheme is {text[:40]!r}", hint=f"{' or '.join(OFFERED)}"
        )
    return text
