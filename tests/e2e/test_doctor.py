"""zonegit doctor: what the resolvers of a stack report, and what they should serve."""

import os
import signal

from tests.e2e.stack import Stack, wait_until


def test_doctor_names_the_refused_file_and_its_line_until_it_is_valid(own_stack: Stack) -> None:
    file = own_stack.data / "resolver.toml"
    own_stack.up()
    file.write_text('\nbranhc = "next"\n')
    os.kill(own_stack.pid_of("--name resolver-1"), signal.SIGHUP)
    wait_until(lambda: "the file was refused" in check(own_stack, "resolver-1"))
    assert f"{file}:2: 'branhc' is not a setting" in check(own_stack, "resolver-1")
    file.write_text("")
    own_stack.run("reload")
    assert check(own_stack, "resolver-1") == ""


def test_doctor_names_a_zone_that_is_not_served_and_counts_a_canary_once(own_stack: Stack) -> None:
    file = own_stack.data / "resolver.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('canary = "next:10"\nonly = ["foo.com"]\n')
    own_stack.up()
    own_stack.zone("foo.com")
    own_stack.run("branch", "next", "--zone", "foo.com")
    own_stack.run("init", "empty.example")
    assert check(own_stack, "zones") == ""
    assert "serves 1 zone on " in own_stack.run("doctor").out
    assert len(own_stack.json("resolvers")) == 1
    wait_until(lambda: len(own_stack.json("resolvers")[0]["zones"]) == 2)
    assert "serves 1 zone on " in own_stack.run("doctor").out
    own_stack.zone("bar.org")
    assert "no resolver serves bar.org.;" in check(own_stack, "zones")


def check(stack: Stack, name: str) -> str:
    """Return the text of the check of that name if it fails; empty if it passes."""
    (found,) = [each for each in stack.doctor() if each["check"] == name]
    return "" if found["ok"] else str(found["text"])
