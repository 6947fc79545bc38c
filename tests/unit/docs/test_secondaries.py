"""NSD, Knot and BIND accept their sample configurations in docs/how-to/secondaries.md."""

import re
import subprocess
from pathlib import Path

import pytest
from tests.support.peers import find_program
from tests.support.waiting import DEADLINE_S

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "secondaries.md").read_text()
SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
CHECKS = {
    "NSD": "nsd-checkconf {file}",
    "Knot": "knotc --config {file} conf-check",
    "BIND": "named-checkconf {file}",
}


@pytest.mark.parametrize("server", CHECKS)
def test_a_secondary_accepts_its_configuration(server: str, tmp_path: Path) -> None:
    found = re.search(rf"^{server}:\n\n```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None
    file = tmp_path / "config"
    file.write_text(found[1].replace("SECRET", SECRET))
    program, *words = CHECKS[server].format(file=file).split()
    path = find_program(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    command = [path, *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
