"""Create stores as earlier releases left them, which checked less."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from zonegit.safety import tips
from zonegit.safety.flaw_walk import Flaws, FlawWalk, WantedObjects


@contextmanager
def accept_any_tip() -> Iterator[None]:
    """Let refs accept any tip, as a release without that check did."""

    def find_none(*_: object, **__: object) -> FlawWalk[Flaws]:
        yield WantedObjects()
        return Flaws()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tips, "find_flaws", find_none)
        yield
