"""What a process that reads checkpoints and draws gives up before it begins."""

from __future__ import annotations

import ctypes
import logging
import sys

# linux/prctl.h; https://docs.kernel.org/userspace-api/no_new_privs.html
_PR_SET_NO_NEW_PRIVS = 38

log = logging.getLogger(__name__)


def take_no_new_privileges() -> None:
    """From here on neither this process nor one that it starts gains rights by running a program (setuid, file
    capabilities). Linux alone has that; elsewhere nothing is done.
    """
    if sys.platform != "linux":
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        log.warning("the kernel does not let this process give up new privileges (errno %d)", ctypes.get_errno())
