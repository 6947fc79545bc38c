"""Starts a command that cannot outlive the process that asked for it.

Run as ``python -I leash.py PARENT_PID COMMAND...``. On Linux the kernel kills the command when its
parent ends in any way; elsewhere this process stays and watches. The services lose nothing by
being killed: an acknowledged write is durable.
"""

import ctypes
import os
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
WATCH_S = 0.5


def main(parent: int, command: list[str]) -> int:
    """Becomes ``command``, or watches over it; returns its exit status in the latter case."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:  # it ended before the leash was on
            return 1
        os.execv(command[0], command)  # noqa: S606 # a list, no shell
    child = subprocess.Popen(command)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, lambda number, _: child.send_signal(number))
    while child.poll() is None:
        if os.getppid() != parent:
            child.kill()
        time.sleep(WATCH_S)
    return child.returncode


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
