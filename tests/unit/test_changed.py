"""The tests that ``make quick`` selects."""

import pytest

from tests.support.changed import find_tests

EXISTS = [
    "tests/unit/zone", "tests/unit/zone/test_names.py", "tests/unit/refs", "tests/unit/docs",
    "tests/unit/test_files.py", "tests/unit/refs/test_undos.py",
]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "chosen"),
    [
        ("shared/zonegit/zone/names.py", ["tests/unit/zone"]),
        ("shared/zonegit/zone/rdata/layouts.py", ["tests/unit/zone"]),
        ("shared/zonegit/files.py", ["tests/unit/test_files.py"]),
        ("shared/zonegit/unknown.py", []),
        ("services/refs/zonegit_refs/keeper.py", ["tests/unit/refs"]),
        ("tests/unit/zone/test_names.py", ["tests/unit/zone/test_names.py"]),
        ("tests/unit/refs/conftest.py", ["tests/unit/refs"]),
        ("tests/e2e/test_stack.py", []),
        ("docs/wire.md", ["tests/unit/docs"]),
        ("README.md", ["tests/unit/docs"]),
    ],
)
def test_a_file_has_the_tests_of_its_package(changed: str, chosen: list[str]) -> None:
    assert find_tests([changed], EXISTS) == chosen


def test_a_file_in_a_selected_folder_is_not_named_again() -> None:
    changed = ["services/refs/README.md", "tests/unit/refs/test_undos.py"]
    assert find_tests(changed, EXISTS) == ["tests/unit/refs"]
