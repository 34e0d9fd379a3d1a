"""Has `subprocess` fork our programs from templates, wherever nothing speaks against it."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.forking.asked import ENGINE, ENGINE_SUITE, FORKED, PYTEST, SUITE, Start, draws
from tests.forking.template import Job
from tests.forking.template_client import HERE, READ_AT_START, Imports, Template

_ForkExec = Callable[..., int]


class Forking:
    """In the place of `subprocess._fork_exec`, below all ways of starting a process. Templates start as `imports` says;
    with one that was `lent` none is started.
    """

    def __init__(self, plain: _ForkExec, lent: Template | None = None, imports: Imports = HERE) -> None:
        self.plain = plain
        self._imports = imports
        self._borrowed = lent is not None
        self._templates: dict[Sequence[str], Template] = {} if lent is None else {ENGINE: lent}
        self._circumstances = _circumstances()
        self._turn = threading.RLock()  # a template is started by `subprocess` as well
        self.anew = 0
        self.forked = 0
        self.preloads: Sequence[str] | None = None

    def __call__(self, *given: Any) -> int:
        start = Start(*given[: len(Start._fields)])
        job = None if self.anew else start.job()
        if job is not None and self._circumstances == _circumstances():
            with self._turn:
                if (pid := self._forked(start, job)) > 0:
                    self.forked += 1
                    return pid
        return self.plain(*given)

    def _forked(self, start: Start, job: Job) -> int:
        """The number of a process that does that, or -1."""
        borrows = not self._borrowed and draws(job)
        modules = self.preloads if job.what == PYTEST else ENGINE if borrows else FORKED[job.what]
        template = self._template_of(modules) if modules is not None else None
        if template is None or not (borrows or template.fits(job.environment)):
            return -1
        return self._fork(template, start, job._replace(borrows=borrows))

    def _template_of(self, modules: Sequence[str]) -> Template | None:
        if modules not in self._templates and not self._borrowed:
            self._templates[modules] = Template.start(modules, self._imports)
        return self._templates.get(modules)

    def _fork(self, template: Template, start: Start, job: Job) -> int:
        try:
            return template.fork(job, start.files(job))
        except OSError:  # one of the files is closed
            return -1

    def close(self) -> None:
        """Wait until the templates have ended, so that their time is counted."""
        while self._templates:
            self._templates.popitem()[1].close()


def _circumstances() -> tuple[object, ...]:
    """What a process hands down to one that it starts, apart from what is in the message."""
    limits = [resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith("RLIMIT_")]
    return (os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, 0), os.getresuid(), os.getresgid(), limits)


def handed_down() -> tuple[object, ...]:
    """What `_circumstances` says, and those variables that are read as a process starts."""
    return (
        _circumstances(),
        {name: value for name, value in os.environ.items() if name.startswith(tuple(READ_AT_START))},
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
        _forking.preloads = ENGINE_SUITE if engine else SUITE


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
