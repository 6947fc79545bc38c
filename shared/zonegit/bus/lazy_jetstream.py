"""Imports the NATS client without JetStream, which it would load and nothing here uses.

JetStream is 40 % of the client's import time, and every command pays it. Its package is put in
place as a module that loads the real one when an attribute of it is first asked for; the client
does so only where the bus itself answers that nobody listens.
"""

import importlib
import sys
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "nats.js"


class _LazyModule(ModuleType):
    """Stands for ``nats.js`` until somebody needs it."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(_PACKAGE) is self:
            del sys.modules[_PACKAGE]
        return getattr(importlib.import_module(_PACKAGE), name)


def _import_client() -> None:
    if _PACKAGE in sys.modules or "nats" in sys.modules:
        return
    later = sys.modules[_PACKAGE] = _LazyModule(_PACKAGE)
    import nats

    nats.js = later


_import_client()
