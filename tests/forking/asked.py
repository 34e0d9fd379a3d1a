"""What `subprocess` was asked to start: whether it is ours to fork, and from which template."""

# Tested in tests/forking/test_starting.py.

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NamedTuple

from tests.forking.making import MAKE
from tests.forking.template import Job

SERVER = ("safelight.cli.app", "safelight.bootstrap.serve")
ENGINE = ("tests.forking.engine",)
SUITE = ("tests.forking.suite",)
ENGINE_SUITE = ("tests.forking.engine_suite",)
# What xdist runs, in as many processes as it is told.
PYTEST = "import sys;exec(eval(sys.stdin.readline()))"
# What is forked, and which modules the template of it has imported.
FORKED = {
    "safelight": SERVER,
    "safelight.engine.template": ENGINE,
    "safelight.engine.worker": ENGINE,
    "safelight.engine.describe": ENGINE,
    "safelight.engine.report": ENGINE,
    "safelight.engine.classifier": ENGINE,
    MAKE: ENGINE,
    PYTEST: SUITE,
}
# Which commands start a process of the engine, unless another engine or a server that runs is named.
_DRAW = ("serve", "run", "generate", "show", "doctor")
_COMMANDS = (sys.executable, "-P", "-m"), (sys.executable, "-u", "-c")


class Start(NamedTuple):
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
        if tuple(words[:3]) not in _COMMANDS or words[3:4] == [] or words[3] not in FORKED:
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


def draws(job: Job) -> bool:
    """Whether it starts a process of the engine's, so that it is worth to start anew with somebody who forks that."""
    if job.what != "safelight" or job.arguments[:1] == [] or job.arguments[0] not in _DRAW:
        return False
    elsewhere = {"fake", "ray", "--url"} & {*job.arguments}
    return not elsewhere and job.environment.get("SAFELIGHT_ENGINE", "local") == "local"
