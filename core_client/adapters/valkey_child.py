"""Become the store's server, tied to the life of the process that asked for it.

Run as a script by :mod:`core_client.adapters.valkey`: ``python valkey_child.py PARENT_PID SERVER ARGUMENT...``.
On Linux it asks the kernel to kill it when its parent dies and then becomes the server. Elsewhere it stays as a small
keeper that ends the server when its standard input, a pipe that only the parent holds, is closed.

It is a script, not a ``preexec_fn``: Python code between fork and exec can deadlock in a process with threads.
"""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys

_PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Start ``arguments[1:]``, tied to the process ``arguments[0]``."""
    parent, command = int(arguments[0]), arguments[1:]
    if platform.system() == "Linux":  # not sys.platform, which the type checker takes for its own machine's
        import ctypes

        # SIGKILL: everything that was acknowledged is on the disk already, and a late writer would meet its successor.
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL)) != 0:
            return 71
        if os.getppid() != parent:  # it died before the kernel was asked
            return 0
        os.execv(command[0], command)  # noqa: S606 - the path of the wheel's own binary, no shell
    return _keep(command)


def _keep(command: list[str]) -> int:
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, close_fds=False) as server:  # noqa: S603
        while sys.stdin.buffer.read(1):
            pass
        server.kill()
        return server.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
