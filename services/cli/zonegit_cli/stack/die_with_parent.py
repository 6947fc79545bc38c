"""Run a command that is killed when its parent process exits.

Run as ``python -I die_with_parent.py PARENT_PID COMMAND...``. On Linux the kernel kills the command
(``PR_SET_PDEATHSIG``); on other systems this process stays and polls for the parent. A service that
is killed loses no data: an acknowledged write is durable.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
WATCH_INTERVAL_S = 0.5


def main(parent: int, command: list[str]) -> int:
    """Replace this process by ``command``, or run it as a child and return its exit status."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:  # it exited before prctl
            return 1
        os.execv(command[0], command)  # noqa: S606 # a list, no shell
    return _watch(parent, command)


def _watch(parent: int, command: list[str]) -> int:
    """Run ``command`` as a child, kill it when the parent exits, and return its exit status."""
    # Not imported on Linux, where each start of a service runs this file.
    import subprocess
    import time

    child = subprocess.Popen(command)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, _: child.send_signal(number))
    while child.poll() is None:
        if os.getppid() != parent:
            child.kill()
        time.sleep(WATCH_INTERVAL_S)
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
