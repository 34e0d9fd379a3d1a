"""Descriptors that are closed, and code in C that writes to those that nobody reads: real ones, in real processes."""

from __future__ import annotations

import os
import pty
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

# As an extension does that holds Python's lock: no other thread of ours can help it on.
WRITES = """
import ctypes, os, sys
from safelight.adapters.logs.outlet import standard_error
with standard_error():
    for _ in range(1000):
        ctypes.PyDLL(None).write(2, b"x" * 1023 + b"\\n", 1024)
print("done")
"""
TELLS = """
import ctypes, os, sys
from safelight.adapters.logs.outlet import standard_error
with standard_error() as outlet:
    ctypes.PyDLL(None).write(2, b"from C\\n", 7)
    print("from Python", file=sys.stderr)
"""
COMPLETES = """
import os, sys
from safelight.adapters.logs.descriptors import complete
complete()
print("said", file=sys.stderr)
print(sys.stdin.read(), end="")
os.write(int(sys.argv[1]), "\\n".join(os.readlink(f"/proc/self/fd/{number}") for number in range(3)).encode())
"""

Pair = Callable[[], tuple[int, int]]


def _sockets() -> tuple[int, int]:
    ours, theirs = socket.socketpair()
    return ours.detach(), theirs.detach()


@pytest.mark.parametrize("pair", [os.pipe, pty.openpty, _sockets], ids=["pipe", "terminal", "socket"])
def test_code_in_c_waits_for_no_reader(pair: Pair) -> None:
    reader, writer = pair()
    command = [sys.executable, "-P", "-c", WRITES]
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=writer, timeout=120, check=True)
    assert said.stdout == b"done\n"
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("pair", [os.pipe, _sockets], ids=["pipe", "socket"])
def test_what_it_says_reaches_a_reader_who_reads(pair: Pair) -> None:
    reader, writer = pair()
    subprocess.run([sys.executable, "-P", "-c", TELLS], stderr=writer, timeout=120, check=True)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        assert sorted(stream.read().splitlines()) == [b"from C", b"from Python"]


def test_a_file_is_written_on_where_it_ends() -> None:
    with open(os.memfd_create("log"), "r+b") as file:
        file.write(b"before\n")
        file.flush()
        subprocess.run([sys.executable, "-P", "-c", TELLS], stderr=file, timeout=120, check=True)
        file.seek(0)
        assert sorted(file.read().splitlines()) == [b"before", b"from C", b"from Python"]


def test_those_who_share_a_pipe_still_wait_for_it() -> None:
    reader, writer = os.pipe()
    subprocess.run([sys.executable, "-P", "-c", TELLS], stderr=writer, timeout=120, check=True)
    assert os.get_blocking(writer)
    os.close(reader)
    os.close(writer)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("closed", ["2>&-", "1>&- 2>&-", "0<&- 1>&- 2>&-"])
def test_closed_descriptors_lead_nowhere_and_no_file_gets_their_numbers(closed: str) -> None:
    reader, writer = os.pipe()
    start = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-P", "-c", COMPLETES, str(writer)]
    subprocess.run(start, stdin=subprocess.DEVNULL, pass_fds=(writer,), timeout=120, check=True)
    os.close(writer)
    with os.fdopen(reader) as stream:
        where = stream.read().split("\n")
    assert where[3 - closed.count("&-") :] == ["/dev/null"] * closed.count("&-")
