"""The other end of a template: starts one (`template.py`), and has it fork for this process."""

# Tested in tests/forking/test_starting.py.

from __future__ import annotations

import ctypes
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from safelight.adapters.processes.children import child_environment
from tests.forking.asked import ENGINE, ENGINE_SUITE, SUITE
from tests.forking.template import LENGTH_BYTES, Job

PROGRAM = Path(__file__).with_name("template.py")
# What Python, the loader, the C library, those of numbers, and Ray read for themselves, when a process starts.
READ_AT_START = """
    PYTHON LD_ LC_ LANG TZ GLIBC_ MALLOC_ FAKETIME OMP_ GOMP_ KMP_ OPENBLAS_ MKL_ RAY_
""".split()  # noqa: SIM905 - a list of words reads better so
# Of a test's own, which the template need not have.
_OURS = ("SAFELIGHT_", "DIFFUSION_", "HF_", "PORT")
_ROOM = 16_384
# A process with threads, such as those of NumPy's library, cannot be forked.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
# linux/prctl.h: whoever is marked so adopts processes below it that lose their parent.
_PR_SET_CHILD_SUBREAPER = 36


class Imports(NamedTuple):
    """Where templates import, and with which variables beside those of this process."""

    folder: Path | None
    variables: Mapping[str, str]


HERE = Imports(None, {})


class Template:
    """A process that forks for this one, and has imported some modules."""

    def __init__(self, control: socket.socket, process: subprocess.Popen[bytes] | None = None) -> None:
        self._control, self._process = control, process
        with control.makefile("rb", buffering=0) as said:
            read, environment = json.loads(said.readline())
        self._read: frozenset[str] = frozenset(read)
        self._environment: dict[str, str] = environment

    @classmethod
    def start(cls, modules: Sequence[str], imports: Imports) -> Template:
        """A new one that imports these."""
        ours, theirs = socket.socketpair()
        environment = _environment_of(modules, imports.variables)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-P", str(PROGRAM), str(theirs.fileno()), "." * _ROOM, *modules],
                env=environment | (_ONE_THREAD if modules in (SUITE, ENGINE_SUITE) else {}) | {"ROOM": "." * _ROOM},
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                cwd=imports.folder,
            )
        template = cls(ours, process)
        template._environment = environment
        return template

    def fits(self, environment: Mapping[str, str]) -> bool:
        """Whether a process that has imported here is one that would have been started with that environment."""
        return all(
            environment.get(name) == self._environment.get(name)
            for name in environment.keys() | self._environment.keys()
            if name in self._read or name.startswith(tuple(READ_AT_START))
        )

    def fork(self, job: Job, files: list[int]) -> int:
        """The number of a new child of ours, or -1."""
        said = json.dumps(job).encode()
        with _adopting():
            socket.send_fds(self._control, [len(said).to_bytes(LENGTH_BYTES, "big")], files)
            self._control.sendall(said)
            return int.from_bytes(self._control.recv(8, socket.MSG_WAITALL), "big", signed=True)

    def close(self) -> None:
        self._control.close()
        if self._process is not None:
            self._process.wait()


def _environment_of(modules: Sequence[str], more: Mapping[str, str]) -> dict[str, str]:
    """What a template of these has: what is forked from it would have been given no more when it started."""
    if modules in (SUITE, ENGINE_SUITE):
        return dict(os.environ)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)} | dict(more)
    return child_environment(environment) if modules is ENGINE else environment


@contextmanager
def _adopting() -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
