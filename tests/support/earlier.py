"""What a store may hold from releases that judged less."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from zonegit.safety import tips
from zonegit.safety.tree_flaws import Flaws, Judging, WantedObjects


@contextmanager
def unjudged() -> Iterator[None]:
    """Refs accepts any tip meanwhile, as a release did that judged none."""

    def find_none(*_: object, **__: object) -> Judging[Flaws]:
        yield WantedObjects()
        return Flaws()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tips, "find_flaws", find_none)
        yield
