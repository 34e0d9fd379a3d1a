"""The process that others are forked from: `python -P template.py FD ROOM MODULE …`, FD a socket, ROOM as many letters
as the arguments of what is forked may have.

It imports those modules, notes which variables of the environment were read for that, and from then on forks for
whoever is at the other end of its socket, which is its parent. It has one thread, which it counts each time: a lock
that another one held would stay locked in what is forked.

A server that draws starts a process with those modules itself, as its own child, and a child of its own is not what
another process forks. So such a server is one that was forked and then starts anew, by `exec`: it has nothing of what
was imported, but a child that it forked before, which has, and forks for it as this process does for its parent. The
command of what starts anew is `python -P template.py lent FD JOB`.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from collections.abc import Iterator, MutableMapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, NoReturn

LENGTH_BYTES = 4
LENT = "lent"
_MOST_FILES = 64
_ROOM = "ROOM"
_ROOT = str(Path(__file__).parents[2])
_AREAS = 47
"""Where the addresses of a process's arguments and environment stand in /proc/PID/stat (proc_pid_stat(5)), from 0."""


class Job(NamedTuple):
    """What is to be run: Python's `options`, `-m` and a module, or `-c` and lines, and `arguments`. `numbers` are those
    that its files have; they come with the message. What `borrows` has a process of its own that forks for it.
    """

    options: list[str]
    how: str
    what: str
    arguments: list[str]
    environment: dict[str, str]
    folder: str | None
    numbers: list[int]
    own_session: bool
    borrows: bool = False

    def words(self) -> list[str]:
        """Its command."""
        return [sys.executable, *self.options, self.how, self.what, *self.arguments]


class _Noted(MutableMapping[bytes, bytes]):
    """The bytes of `os.environ`, as they were, and which of them somebody has asked for."""

    def __init__(self, content: MutableMapping[bytes, bytes]) -> None:
        self._content = content
        self.read = set[bytes]()

    def __getitem__(self, name: bytes) -> bytes:
        self.read.add(name)
        return self._content[name]

    def __setitem__(self, name: bytes, value: bytes) -> None:
        self._content[name] = value

    def __delitem__(self, name: bytes) -> None:
        del self._content[name]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)


def names_read(modules: Sequence[str]) -> list[str]:
    """Import those; the variables that somebody asked for meanwhile."""
    import wsgiref.handlers  # noqa: F401 - takes a copy of all there are, for servers that nobody here starts

    plain = os.environ._data  # type: ignore[attr-defined]  # below all ways of asking: get, [], getenv, in
    noted = os.environ._data = _Noted(plain)  # type: ignore[attr-defined]
    sys.path.insert(0, _ROOT)
    for module in modules:
        importlib.import_module(module)
    sys.path.remove(_ROOT)
    os.environ._data = plain  # type: ignore[attr-defined]
    return sorted(os.fsdecode(name) for name in noted.read)


def serve(control: socket.socket) -> tuple[Job, list[int]] | None:
    """Fork for each message. In what is forked: the job, and its files as they came. At the end: None."""
    while True:
        head, files, _, _ = socket.recv_fds(control, LENGTH_BYTES, _MOST_FILES)
        if not head:
            return None
        job = Job(*json.loads(_received(control, int.from_bytes(head, "big"))))
        if engine := sys.modules.get("tests.forking.engine"):
            engine.make_ready(job.what, job.arguments)
        pid = _fork_for_our_parent() if len(os.listdir("/proc/self/task")) == 1 else -1
        if pid == 0:
            control.close()
            return job, files
        for file in files:
            os.close(file)
        control.sendall(pid.to_bytes(8, "big", signed=True))


def _received(control: socket.socket, length: int) -> bytes:
    content = b""
    while len(content) < length:
        piece = control.recv(length - len(content))
        if not piece:
            raise EOFError
        content += piece
    return content


def _fork_for_our_parent() -> int:
    """A process whose parent is ours, which is ready to adopt what loses its own (PR_SET_CHILD_SUBREAPER); in it: 0.

    The process in between ends at once. What it forked waits for that, so that nothing is done under another parent.
    """
    told, tell = os.pipe()
    held, hold = os.pipe()
    between = os.fork()
    if between == 0:
        pid = os.fork()
        if pid != 0:
            os.write(tell, pid.to_bytes(8, "big"))
            os._exit(0)
        os.close(hold)
        os.read(held, 1)
    else:
        os.waitpid(between, 0)
        pid = int.from_bytes(os.read(told, 8), "big")
        os.close(hold)
    for end in (told, tell, held):
        os.close(end)
    return pid


def become(job: Job, files: list[int]) -> None:
    """Take the place that `exec` would have given this process."""
    _settle_in(job, files)
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
    show(job)
    os.environ.clear()
    os.environ.update(job.environment)


def _settle_in(job: Job, files: list[int]) -> None:
    """What `exec` leaves as it is: session, signals, files, folder."""
    if job.own_session:
        os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _number(files, job.numbers)
    if job.folder is not None:
        os.chdir(job.folder)


def lend(job: Job, files: list[int]) -> socket.socket:
    """Start what is to be run by `exec`. Returns in a child that was forked before: the socket by which it is asked."""
    ours, theirs = socket.socketpair()
    if os.fork() != 0:
        _start(job, files, ours.detach())
    ours.close()
    for file in files:
        os.close(file)
    return theirs


def _start(job: Job, files: list[int], control: int) -> NoReturn:
    number = max(job.numbers) + 1
    _settle_in(job._replace(numbers=[*job.numbers, number]), [*files, control])
    said = json.dumps(job._replace(environment={}))
    os.execve(sys.executable, [sys.executable, "-P", __file__, LENT, str(number), said], job.environment)


def begin(number: int, job: Job) -> None:
    """In what was started so: run it, and have `subprocess` ask whoever is at the other end of that socket."""
    control = socket.socket(fileno=number)
    control.set_inheritable(False)
    sys.path.insert(0, _ROOT)
    starting = importlib.import_module("tests.forking.starting")
    sys.path.remove(_ROOT)
    starting.borrow(control)
    show(job)
    run(job)


def run(job: Job) -> None:
    """What Python does with its command."""
    if job.how == "-m":
        runpy.run_module(job.what, run_name="__main__", alter_sys=True)
    else:
        sys.path.insert(0, "")
        sys.modules["__main__"] = ModuleType("__main__")
        exec(job.what, vars(sys.modules["__main__"]))


def _number(files: list[int], numbers: list[int]) -> None:
    """Give each file its number, whatever has that now, and close it by the one that it came with."""
    import fcntl

    above = max(numbers) + 1
    kept = [fcntl.fcntl(file, fcntl.F_DUPFD, above) for file in files]
    for file in files:
        os.close(file)
    for file, number in zip(kept, numbers, strict=True):
        os.dup2(file, number, inheritable=True)
        os.close(file)


def show(job: Job) -> None:
    """Have the process know its command, and write it where the kernel looks for it (/proc/PID/cmdline); its variables
    too (environ), unless it was started with them."""
    sys.argv[:] = [job.how, *job.arguments]
    sys.orig_argv[:] = job.words()
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    at = [int(field) for field in fields[_AREAS - 2 : _AREAS + 2]]
    _write(at[0], at[1], job.words())
    if job.environment:
        _write(at[2], at[3], [f"{name}={value}" for name, value in job.environment.items()])


def _write(begin: int, end: int, words: list[str]) -> None:
    said = b"".join(os.fsencode(word) + b"\0" for word in words)[: end - begin - 1]
    ctypes.memmove(begin, said.ljust(end - begin, b"\0"), end - begin)


def main() -> None:
    if sys.argv[1] == LENT:
        begin(int(sys.argv[2]), Job(*json.loads(sys.argv[3])))
        return
    control, modules = socket.socket(fileno=int(sys.argv[1])), sys.argv[3:]
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; pytest says when to end
    gc.disable()
    environment = {name: value for name, value in os.environ.items() if name != _ROOM}
    said = json.dumps([names_read(modules), environment]).encode() + b"\n"
    control.sendall(said)
    gc.freeze()
    while (found := serve(control)) is not None and found[0].borrows:
        control = lend(*found)
        control.sendall(said)
    if found is None:
        os._exit(0)
    gc.enable()
    become(*found)
    if settled := sys.modules.get("tests.forking.engine"):
        settled.settle(found[0].what)
    run(found[0])


if __name__ == "__main__":
    main()
