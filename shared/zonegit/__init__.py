"""zonegit: git semantics for authoritative DNS. This package is the library the services share."""

from importlib.metadata import PackageNotFoundError, version


def release() -> str:
    """The installed version, ``unknown`` when run from a bare source tree."""
    try:
        return version("zonegit")
    except PackageNotFoundError:
        return "unknown"
