"""Giving up what a process that reads files of strangers does not need."""

# Tested in tests/adapters/pictures/test_process.py.

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_NO_NEW_PRIVS, _PR_SET_DUMPABLE = 38, 4


def confine(**bounds: int) -> None:
    """Set bounds for good, by the names of limits without `RLIMIT_` (setrlimit(2), prctl(2)); no core, no file written.

    Without a descriptor to spare nothing can be opened or connected to, the libraries of a program neither. What is not
    had here (a system without a limit) is not given up: the process still reads nothing but what it is sent.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    for name, bound in {"CORE": 0, "FSIZE": 0, "NOFILE": 0, **bounds}.items():
        limit = getattr(resource, f"RLIMIT_{name}", None)
        try:
            if limit is not None:
                resource.setrlimit(limit, (bound, bound))
        except (ValueError, OSError):
            continue
