"""The process that workers are forked from: `python -P -m safelight.engine.template --fd N`.

It imports what the models need, once, and computes nothing. A worker forked from it has that at once, so that one that
was killed is back as soon as its models are read, and memory that nobody writes to is there once for all of them.

A fork copies the calling thread alone: a lock that another one holds stays locked for ever, and a team of OpenMP's has
lost its threads. So it forks only while it has one thread, which is counted each time; it runs no operation that is
shared among threads, keeps no log, opens no socket but the one it is told by, and never asks for an accelerator, whose
driver does not survive a fork (the api process asks for no template where there may be one).
"""

# Tested in tests/adapters/workers/test_template.py.

from __future__ import annotations

import argparse
import gc
import os
import signal
import socket
import sys
from pathlib import Path

from safelight.contract.errors import ProtocolError
from safelight.engine.machine.cpu.allocator import keep_freed_memory
from safelight.engine.machine.privileges import take_no_new_privileges
from safelight.engine.worker import EXIT_PROTOCOL, be_worker, import_engine
from safelight.protocol.forking import CannotFork, Ended, Fork, Forked, ForkReport, Kill
from safelight.protocol.frames import PACKET_BYTES, read_fork_order, to_packet
from safelight.protocol.messages import Configure

_TASKS = Path("/proc/self/task")
_FDS = 2
"""With each `Fork`: the worker's socket and its standard error."""


class Template:
    """Forks on request, and tells how those that it forked end. One thread, no locks."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: set[int] = set()
        self._woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wake = wake

    def serve(self) -> None:
        """Take orders until the other end closes.

        Raises:
            ProtocolError: the other end does not speak our protocol.
        """
        import select

        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        poll = select.poll()
        for descriptor in (self._control.fileno(), self._woken):
            poll.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self._woken:
                    os.read(self._woken, PACKET_BYTES)
                    self._reap()
                elif not self._obey():
                    return

    def _obey(self) -> bool:
        packet, descriptors, _, _ = socket.recv_fds(self._control, PACKET_BYTES, _FDS)
        if not packet:
            return False
        match read_fork_order(packet):
            case Fork():
                self._fork(descriptors)
            case Kill(pid=pid):
                if pid in self._children:  # not reaped yet, so that the number is still its own
                    os.kill(pid, signal.SIGKILL)
            case Configure():
                raise ProtocolError("A second configuration came; a template takes one.")
        return True

    def _fork(self, descriptors: list[int]) -> None:
        threads = len(list(_TASKS.iterdir()))
        if threads > 1 or len(descriptors) != _FDS:
            self._tell(CannotFork(reason=f"the template has {threads} threads and was given {len(descriptors)} files"))
        elif (pid := os.fork()) == 0:
            self._become_worker(*descriptors)
        else:
            self._children.add(pid)
            self._tell(Forked(pid=pid))
        for descriptor in descriptors:
            os.close(descriptor)

    def _become_worker(self, stream: int, log: int) -> None:
        """In the new process; does not return."""
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            os.dup2(log, sys.stderr.fileno())
            for descriptor in (log, self._woken, self._wake):
                os.close(descriptor)
            self._control.close()
            status = be_worker(socket.socket(fileno=stream))
        finally:
            os._exit(status)

    def _reap(self) -> None:
        for pid in list(self._children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._children.discard(pid)
                self._tell(Ended(pid=pid, status=os.waitstatus_to_exitcode(status)))

    def _tell(self, report: ForkReport) -> None:
        try:
            self._control.send(to_packet(report))
        except (BrokenPipeError, ConnectionResetError):
            os._exit(0)  # nobody is left to fork for; workers see their own sockets end


def main() -> None:
    """Serve the orders on an inherited file descriptor: one end of a Unix socket pair of packets."""
    parser = argparse.ArgumentParser(prog="python -P -m safelight.engine.template", description=main.__doc__)
    parser.add_argument("--fd", type=int, required=True, help="one end of a Unix socket pair of packets")
    control = socket.socket(fileno=parser.parse_args().fd)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as workers do
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    keep_freed_memory()
    take_no_new_privileges()
    try:
        order = read_fork_order(control.recv(PACKET_BYTES))
        if not isinstance(order, Configure):
            raise ProtocolError("An order came before the configuration.")
        gc.disable()
        import_engine(order)
        gc.freeze()
        Template(control).serve()
    except ProtocolError as error:
        print(error, file=sys.stderr)
        os._exit(EXIT_PROTOCOL)
    os._exit(0)


if __name__ == "__main__":
    main()
