"""Descriptors 0, 1 and 2: that they are there, and that whoever writes to them never waits.

Code of libraries written in C knows nothing of `sys.stderr` and writes to descriptor 2: warnings of image formats, the
last words of an abort. Where that is closed, the next file that is opened gets its number, which may be the database.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterator

_MODES = (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY))
# How long a write to a socket that nobody reads may take: seconds and microseconds, as SO_SNDTIMEO has it.
_SOCKET_PATIENCE = struct.pack("ll", 0, 1000)


def complete() -> None:
    """Have descriptors 0, 1 and 2, and Python's streams of them, lead nowhere where they were closed (`2>&-`)."""
    for number, (name, mode) in enumerate(_MODES):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, mode)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "r" if mode == os.O_RDONLY else "w", closefd=False))  # noqa: SIM115


@contextlib.contextmanager
def never_waiting(*descriptors: int) -> Iterator[None]:
    """Within it a write to those returns at once, and what finds no room is lost, should their reader stand still.

    A pipe or terminal is opened anew for that, since others may share it as it is, and would see their own writes fail:
    on Linux alone, and where its owner is us. A socket, such as the journal's, gets a timeout.
    """
    with contextlib.ExitStack() as stack:
        for descriptor in descriptors:
            kind = os.fstat(descriptor).st_mode
            if stat.S_ISSOCK(kind):
                with contextlib.suppress(OSError), socket.socket(fileno=os.dup(descriptor)) as shared:
                    shared.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _SOCKET_PATIENCE)
            elif stat.S_ISFIFO(kind) or stat.S_ISCHR(kind):
                stack.enter_context(_opened_anew(descriptor))
        yield


@contextlib.contextmanager
def _opened_anew(descriptor: int) -> Iterator[None]:
    try:
        anew = os.open(f"/proc/self/fd/{descriptor}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:  # no Linux, another user's, or a pipe whose reader has left, which makes nobody wait
        yield
        return
    before = os.dup(descriptor)
    os.dup2(anew, descriptor)
    os.close(anew)
    try:
        yield
    finally:
        os.dup2(before, descriptor)
        os.close(before)
