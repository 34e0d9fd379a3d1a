"""Has `subprocess` fork our programs from templates, wherever nothing speaks against it."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from safelight.adapters.processes.children import child_environment
from tests.forking.making import MAKE
from tests.forking.template import LENGTH_BYTES, Job

PROGRAM = Path(__file__).with_name("template.py")
_SERVER = ("safelight.cli.app", "safelight.bootstrap.serve")
_ENGINE = ("tests.forking.engine",)
_SUITE = ("tests.forking.suite",)
_ENGINE_SUITE = ("tests.forking.engine_suite",)
# What xdist runs, in as many processes as it is told.
PYTEST = "import sys;exec(eval(sys.stdin.readline()))"
# What is forked, and which modules the template of it has imported.
_FORKED = {
    "safelight": _SERVER,
    "safelight.engine.template": _ENGINE,
    "safelight.engine.worker": _ENGINE,
    "safelight.engine.describe": _ENGINE,
    "safelight.engine.report": _ENGINE,
    "safelight.engine.classifier": _ENGINE,
    MAKE: _ENGINE,
    PYTEST: _SUITE,
}
# Which commands start a process of the engine, unless another engine or a server that runs is named.
_DRAW = ("serve", "run", "generate", "show", "doctor")
_COMMANDS = (sys.executable, "-P", "-m"), (sys.executable, "-u", "-c")
# What Python, the loader, the C library, those of numbers, and Ray read for themselves, when a process starts.
_READ_AT_START = """
    PYTHON LD_ LC_ LANG TZ GLIBC_ MALLOC_ FAKETIME OMP_ GOMP_ KMP_ OPENBLAS_ MKL_ RAY_
""".split()  # noqa: SIM905 - a list of words reads better so
# Of a test's own, which the template need not have.
_OURS = ("SAFELIGHT_", "DIFFUSION_", "HF_", "PORT")
_ROOM = 16_384
# A process with threads, such as those of NumPy's library, cannot be forked.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}
# linux/prctl.h: whoever is marked so adopts processes below it that lose their parent.
_PR_SET_CHILD_SUBREAPER = 36

_ForkExec = Callable[..., int]


class _Start(NamedTuple):
    """What `subprocess` passes for one process; the names are those of `_posixsubprocess.fork_exec`."""

    args: Sequence[str | bytes]
    executables: Sequence[bytes]
    close_fds: bool
    kept: Sequence[int]
    cwd: str | None
    env: Sequence[bytes] | None
    p2cread: int
    p2cwrite: int
    c2pread: int
    c2pwrite: int
    errread: int
    errwrite: int
    errpipe_read: int
    errpipe_write: int
    restore_signals: bool
    start_new_session: bool
    process_group: int
    gid: int | None
    gids: Sequence[int] | None
    uid: int | None
    umask: int
    preexec_fn: object

    def job(self) -> Job | None:
        """What is to be run, unless it is another program, or has to be started with something of its own."""
        words = [os.fsdecode(word) for word in self.args]
        own = (self.preexec_fn, self.gid, self.gids, self.uid)
        if any(each is not None for each in own) or self.umask >= 0 or self.process_group >= 0:
            return None
        if not (self.close_fds and self.restore_signals):
            return None
        if tuple(words[:3]) not in _COMMANDS or words[3:4] == [] or words[3] not in _FORKED:
            return None
        if self.executables != (os.fsencode(words[0]),):
            return None
        folder = None if self.cwd is None else os.fsdecode(self.cwd)
        if folder is not None and not os.access(folder, os.X_OK):
            return None
        given = [os.fsdecode(each).partition("=") for each in self.env or ()]
        environment = dict(os.environ) if self.env is None else {name: value for name, _, value in given}
        numbers = [0, 1, 2, *(number for number in self.kept if number != self.errpipe_write)]
        return Job(
            words[1:2],
            words[2],
            words[3],
            words[4:],
            environment,
            folder or os.getcwd(),
            numbers,
            self.start_new_session,
        )

    def files(self, job: Job) -> list[int]:
        """What has the job's numbers in it, as this process has it now."""
        given = (self.p2cread, self.c2pwrite, self.errwrite)
        return [given[number] if number < 3 and given[number] >= 0 else number for number in job.numbers]


class Imports(NamedTuple):
    """Where templates import, and with which variables beside those of this process."""

    folder: Path | None
    variables: Mapping[str, str]


_HERE = Imports(None, {})


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
                env=environment | (_ONE_THREAD if modules in (_SUITE, _ENGINE_SUITE) else {}) | {"ROOM": "." * _ROOM},
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
            if name in self._read or name.startswith(tuple(_READ_AT_START))
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


class Forking:
    """In the place of `subprocess._fork_exec`, below all ways of starting a process. Templates start as `imports` says;
    with one that was `lent` none is started.
    """

    def __init__(self, plain: _ForkExec, lent: Template | None = None, imports: Imports = _HERE) -> None:
        self.plain = plain
        self._imports = imports
        self._borrowed = lent is not None
        self._templates: dict[Sequence[str], Template] = {} if lent is None else {_ENGINE: lent}
        self._circumstances = _circumstances()
        self._turn = threading.RLock()  # a template is started by `subprocess` as well
        self.anew = 0
        self.forked = 0
        self.preloads: Sequence[str] | None = None

    def __call__(self, *given: Any) -> int:
        start = _Start(*given[: len(_Start._fields)])
        job = None if self.anew else start.job()
        if job is not None and self._circumstances == _circumstances():
            with self._turn:
                if (pid := self._forked(start, job)) > 0:
                    self.forked += 1
                    return pid
        return self.plain(*given)

    def _forked(self, start: _Start, job: Job) -> int:
        """The number of a process that does that, or -1."""
        borrows = not self._borrowed and _draws(job)
        modules = self.preloads if job.what == PYTEST else _ENGINE if borrows else _FORKED[job.what]
        template = self._template_of(modules) if modules is not None else None
        if template is None or not (borrows or template.fits(job.environment)):
            return -1
        return self._fork(template, start, job._replace(borrows=borrows))

    def _template_of(self, modules: Sequence[str]) -> Template | None:
        if modules not in self._templates and not self._borrowed:
            self._templates[modules] = Template.start(modules, self._imports)
        return self._templates.get(modules)

    def _fork(self, template: Template, start: _Start, job: Job) -> int:
        try:
            return template.fork(job, start.files(job))
        except OSError:  # one of the files is closed
            return -1

    def close(self) -> None:
        """Wait until the templates have ended, so that their time is counted."""
        while self._templates:
            self._templates.popitem()[1].close()


def _environment_of(modules: Sequence[str], more: Mapping[str, str]) -> dict[str, str]:
    """What a template of these has: what is forked from it would have been given no more when it started."""
    if modules in (_SUITE, _ENGINE_SUITE):
        return dict(os.environ)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)} | dict(more)
    return child_environment(environment) if modules is _ENGINE else environment


def _draws(job: Job) -> bool:
    """Whether it starts a process of the engine's, so that it is worth to start anew with somebody who forks that."""
    if job.what != "safelight" or job.arguments[:1] == [] or job.arguments[0] not in _DRAW:
        return False
    elsewhere = {"fake", "ray", "--url"} & {*job.arguments}
    return not elsewhere and job.environment.get("SAFELIGHT_ENGINE", "local") == "local"


def _circumstances() -> tuple[object, ...]:
    """What a process hands down to one that it starts, apart from what is in the message."""
    limits = [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")]
    return (os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0), os.getresuid(), os.getresgid(), limits)


@contextmanager
def _adopting() -> Iterator[None]:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def handed_down() -> tuple[object, ...]:
    """What `_circumstances` says, and those variables that are read as a process starts."""
    return (
        _circumstances(),
        {name: value for name, value in os.environ.items() if name.startswith(tuple(_READ_AT_START))},
    )


_forking: Forking | None = None


def install() -> None:
    """From here on. Linux alone has what it needs."""
    global _forking
    plain = getattr(subprocess, "_fork_exec", None)
    if sys.platform == "linux" and plain is not None and _forking is None:
        _forking = Forking(plain)
        subprocess._fork_exec = _forking  # type: ignore[attr-defined]


def preload(*, engine: bool) -> None:
    """Fork pytest's own processes too, from one that has imported what they import to collect tests of a server, or of
    the engine as well."""
    if _forking is not None:
        _forking.preloads = _ENGINE_SUITE if engine else _SUITE


def borrow(control: socket.socket) -> None:
    """From here on, what the engine's template at the other end of that socket can fork."""
    global _forking
    _forking = Forking(subprocess._fork_exec, Template(control))  # type: ignore[attr-defined]
    subprocess._fork_exec = _forking  # type: ignore[attr-defined]


def close() -> None:
    """End the templates."""
    if _forking is not None:
        _forking.close()


def forked() -> int:
    """How many processes were forked so far."""
    return 0 if _forking is None else _forking.forked


@contextmanager
def imported_in(folder: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """Within it processes are forked from templates that import in that folder, with those variables."""
    global _forking
    if (before := _forking) is None:
        yield
        return
    _forking = subprocess._fork_exec = Forking(before.plain, imports=Imports(folder, variables))  # type: ignore[attr-defined]
    try:
        yield
    finally:
        _forking.close()
        _forking = subprocess._fork_exec = before  # type: ignore[attr-defined]


@contextmanager
def anew() -> Iterator[None]:
    """Within it every process is started as ever."""
    if _forking is None:
        yield
        return
    _forking.anew += 1
    try:
        yield
    finally:
        _forking.anew -= 1
