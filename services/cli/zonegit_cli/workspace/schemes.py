"""The layout of zones as files, from the command line and the settings."""

from zonegit.config import ClientSettings
from zonegit.errors import Invalid
from zonegit.zone import names
from zonegit.zonefile import zone_paths
from zonegit.zonefile.zone_paths import OPERATOR_SCHEMES, Scheme
from zonegit_cli.workspace.index import WorkspaceIndex


def new_index(settings: ClientSettings, scheme: Scheme | None) -> WorkspaceIndex:
    """Return the index of a new workspace; ``scheme`` None for those of the settings.

    Raises:
        Invalid: the settings name an unknown scheme.
    """
    if scheme is not None:
        return WorkspaceIndex(scheme=scheme)
    default = settings.workspace_scheme
    return WorkspaceIndex(
        scheme=_parse_scheme(default) if default is not None else zone_paths.DEFAULT,
        particular={
            names.parse(zone): _parse_scheme(text) for zone, text in settings.zone_schemes.items()
        },
    )


def _parse_scheme(text: str) -> Scheme:
    if text not in OPERATOR_SCHEMES:
        raise Invalid(
            f"the setting workspace-scheme is {text[:40]!r}",
            hint=f"{' or '.join(OPERATOR_SCHEMES)}",
        )
    return text
