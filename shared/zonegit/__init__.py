"""zonegit: git semantics for authoritative DNS. This package is the library the services share."""


def release() -> str:
    """The installed version, ``unknown`` when run from a bare source tree."""
    # Imported here because it takes longer than the rest of a command's imports together.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("zonegit")
    except PackageNotFoundError:
        return "unknown"
