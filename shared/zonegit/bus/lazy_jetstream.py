"""Import the NATS client without JetStream, which zonegit does not use.

JetStream is 40 % of the import time of the client, and each command would pay for it. It is
replaced by a module that loads the real one when an attribute is first accessed; the client does so
only if the bus answers that no service listens.
"""

import importlib
import sys
from types import ModuleType
from typing import Any, Final

_PACKAGE: Final = "nats.js"


class _LazyModule(ModuleType):
    """Stands for ``nats.js`` until it is used."""

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
