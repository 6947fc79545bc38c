"""``--wait``: what a command waits for, and what it prints if a resolver is late."""

import json
import os
import signal
from collections.abc import Iterator

import pytest
from tests.e2e.stack import Stack

SET = ("set", "api", "A", "60")


@pytest.fixture
def waiting(own_stack: Stack) -> Iterator[Stack]:
    """Yield a stack whose resolver is stopped after it served 192.0.2.81."""
    own_stack.up()
    own_stack.zone("foo.com")
    own_stack.run(*SET, "192.0.2.81", "--wait")
    said = own_stack.run(*SET, "192.0.2.81", "--wait").out
    assert "nothing to commit" in said
    assert "served by resolver-1" in said
    document = own_stack.json(*SET, "192.0.2.81", "--wait")
    assert (document["committed"], document["served_by"]) == (False, ["resolver-1"])
    still = own_stack.pid_of("--name resolver-1")
    os.kill(still, signal.SIGSTOP)
    try:
        yield own_stack
    finally:
        os.kill(still, signal.SIGCONT)


def test_a_wait_that_times_out_prints_the_commit_and_what_resolvers_do(waiting: Stack) -> None:
    late = ("--wait", "--timeout", "5")
    done = waiting.run(*SET, "192.0.2.82", *late, status=6)
    assert "-api.foo.com. 60 IN A 192.0.2.81" in " ".join(done.out.replace("- ", "-").split())
    assert "committed, but not yet served after 5 s; resolver-1: " in done.err
    # Nothing changes, but the resolver does not serve it yet.
    done = waiting.run(*SET, "192.0.2.82", *late, status=6)
    assert "nothing to commit" in done.out
    assert "committed, but" not in done.err
    assert "not yet served after 5 s; resolver-1: " in done.err


def test_a_wait_that_times_out_has_the_commit_in_its_documents(waiting: Stack) -> None:
    done = waiting.run(*SET, "192.0.2.82", "--wait", "--timeout", "5", "--json", status=6)
    document, failure = json.loads(done.out), json.loads(done.err)["error"]
    assert (document["committed"], document["served_by"]) == (True, None)
    assert len(document["changes"]) == 1
    assert failure["code"] == "unavailable"
    assert failure["details"]["commit"] == document["commit"]
