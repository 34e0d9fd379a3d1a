"""The process that draws: `python -P -m safelight.engine.worker --fd N`, N one end of a Unix socket pair.

The main thread reads commands and answers pings whatever is being drawn; the loop has a thread of its own. When the
socket ends, the api process is gone and so is this one. Standard error carries plain log lines; no prompt is in any.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

import msgspec

from safelight.contract.errors import ConfigurationError, ModelLoadError, ProtocolError
from safelight.engine.connection import Connection
from safelight.engine.machine.cpu.allocator import keep_freed_memory
from safelight.engine.machine.privileges import take_no_new_privileges
from safelight.engine.machine.stage_ages import StageAges
from safelight.protocol.frames import read_command
from safelight.protocol.messages import (
    Cancel,
    Command,
    Configure,
    Draw,
    Embed,
    Hello,
    ModelSpec,
    Ping,
    Pong,
    ShareCores,
    Watch,
)

if TYPE_CHECKING:
    from safelight.contract.models.traits import Traits
    from safelight.engine.drawing.inbox import Inbox
    from safelight.engine.pipeline.model import LoadedModel
    from safelight.engine.residency.residency import Residency
    from safelight.engine.runs.turns import Computing

log = logging.getLogger(__name__)

EXIT_ENGINE = 1
EXIT_PROTOCOL = 3
# For how long a thread that computes in Python lets others wait: the reader of commands, and who makes files. While
# pictures are drawn a ping took 11 ms in the mean with Python's 5 ms, 3 with this.
_SWITCH_SECONDS = 0.0005
_SEND_BUFFER = 4 * 1024 * 1024  # a picture at a time, so that a busy reader does not hold up what is drawn next


class Worker:
    """Answers the commands of one connection."""

    def __init__(self, connection: Connection[Command]) -> None:
        self._connection = connection
        self._inbox: Inbox = SimpleQueue()
        self._configured = False
        self._ages = StageAges()
        self._has_imported = False

    def run(self) -> None:
        """Greet, then answer until the other end closes.

        Raises:
            ProtocolError: the other end does not speak our protocol.
        """
        self._connection.send(Hello(pid=os.getpid()))
        while (command := self._connection.receive()) is not None:
            match command:
                case Ping():
                    self._answer(command)
                case Configure():
                    self._configure(command)
                case Draw() | Embed() | Cancel() | Watch() | ShareCores() if self._configured:
                    self._inbox.put(command)
                case _:
                    raise ProtocolError("A job came before the configuration.")

    def _answer(self, ping: Ping) -> None:
        held, used = 0, None
        if self._has_imported:  # torch is there, and no sooner
            from safelight.engine.machine.weights.memory import held_on_accelerator, use_of_accelerator

            held, used = held_on_accelerator(), use_of_accelerator()
        stages = self._ages.look()
        self._connection.send(Pong(number=ping.number, stages=stages, device_bytes=held, device_percent=used))

    def _configure(self, configure: Configure) -> None:
        if self._configured:
            raise ProtocolError("A second configuration came; a worker takes one.")
        self._configured = True
        for encoder in configure.encoders:
            self._inbox.put(encoder)
        for model in configure.models:
            self._inbox.put(model)
        threading.Thread(target=self._draw, args=(configure,), name="engine", daemon=True).start()

    def _draw(self, configure: Configure) -> None:
        """The engine's thread. PyTorch is imported here, seconds of work, so that pings are answered meanwhile; in a
        worker that was forked it is there.
        """
        gc.disable()  # hundreds of thousands of objects that stay: looking through them finds nothing
        try:
            with self._ages.within("import"):
                import_engine(configure)
            self._has_imported = True
            from safelight.engine.drawing.loop import Loop
            from safelight.engine.drawing.warm_up import keep
            from safelight.engine.machine.device import prepare

            prepare(configure.threads)
            gc.freeze()  # nor later: no collection in the middle of a picture goes through what was imported
            gc.enable()
            configure = on_its_device(configure)
            measured = Path(configure.measured) if configure.measured else None
            loop = Loop(
                _residency(configure, measured),
                self._connection.send,
                inbox=self._inbox,
                max_runs=configure.max_runs,
                computing=_computing(configure),
                keep=partial(keep, folder=measured),
                ages=self._ages,
            )
            loop.serve()
        except BaseException:  # a fault in the engine itself: better a new process than a dumb one
            log.exception("the engine stopped")
            os._exit(EXIT_ENGINE)


def import_engine(configure: Configure) -> None:
    """Import what the models need to be drawn with, and nothing else."""
    from safelight.engine.checkpoint.spared_imports import needed, spared
    from safelight.engine.machine.device import before_import

    # torchao, where it is installed, complains of kernels for other devices whenever diffusers is imported.
    for library in ("torchao", "torch.utils._pytree", "diffusers.quantizers"):
        logging.getLogger(library).setLevel(logging.ERROR)
    before_import(configure.threads, configure.workers)
    with spared(needed(configure.models)):
        import safelight.engine.drawing.loop
        import safelight.engine.drawing.warm_up  # noqa: F401
        from safelight.engine.checkpoint.files.folder import Checkpoint
        from safelight.engine.checkpoint.files.location import location_of

        for spec in configure.models:
            with suppress(Exception):  # loading says what is wrong; this imports its classes
                Checkpoint.read(location_of(spec.source, spec.commit), spec.options)


def on_its_device(configure: Configure) -> Configure:
    """This worker's own device, for its thread: of several GPUs each worker has one, unless the name says which."""
    from safelight.engine.machine.device import choose_device, use_device

    try:
        device = choose_device(configure.device, configure.number)
    except ConfigurationError:
        return configure  # checked when a model is loaded, whose error says so
    use_device(device)
    return msgspec.structs.replace(configure, device=device)


def _load(
    spec: ModelSpec, described: Callable[[Traits], None], *, device: str, kept: Path | None = None
) -> LoadedModel:
    from safelight.engine.checkpoint.loading import load
    from safelight.engine.machine.device import choose_device, use_device
    from safelight.engine.machine.streams import off_the_steps

    try:
        device = choose_device(device)
        use_device(device)
        with off_the_steps(device):
            return load(spec, device, described, kept)
    except ConfigurationError as error:
        raise ModelLoadError(str(error)) from error


def _residency(configure: Configure, measured: Path | None) -> Residency:
    from safelight.engine.drawing.warm_up import warm_up
    from safelight.engine.residency.load_times import LoadTimes
    from safelight.engine.residency.residency import Residency

    seconds, tries = configure.warm_up_seconds, configure.try_threads
    return Residency(
        partial(_load, device=configure.device, kept=measured / "graphs" if measured is not None else None),
        warm_up=partial(warm_up, budget_seconds=seconds, kept=measured, threads=tries),
        weigh=partial(_weigh, device=configure.device),
        memory_bytes=configure.memory_bytes or _memory_budget(configure.device),
        host_memory_bytes=_host_budget(configure),
        load_times=LoadTimes(measured),
    )


def _computing(configure: Configure) -> Computing:
    from safelight.engine.machine.device import choose_device
    from safelight.engine.runs.recordings.recorders import recorder_for
    from safelight.engine.runs.recordings.replaying import Replays
    from safelight.engine.runs.turns import Computing

    recorder = recorder_for(choose_device(configure.device)) if configure.cuda_graphs else (None, 0)
    return Computing(merge=configure.merge, replays=Replays(*recorder))


def _memory_budget(device: str) -> int | None:
    from safelight.engine.machine.device import choose_device
    from safelight.engine.machine.weights.memory import budget

    try:
        return budget(choose_device(device))
    except ConfigurationError:  # said when a model is loaded
        return None


def _host_budget(configure: Configure) -> int:
    from safelight.engine.machine.device import choose_device
    from safelight.engine.residency.host_memory import host_budget

    try:
        return host_budget(choose_device(configure.device), configure.host_memory_bytes, configure.workers)
    except ConfigurationError:  # said when a model is loaded
        return 0


def _weigh(spec: ModelSpec, *, device: str) -> int:
    from safelight.engine.checkpoint.loading import weight_of
    from safelight.engine.machine.device import choose_device

    try:
        return weight_of(spec, choose_device(device))
    except ConfigurationError:  # said when it is loaded
        return 0


def be_worker(stream: socket.socket) -> int:
    """Serve a connection until it ends; the exit status, with which the process should end at once."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
    sys.setswitchinterval(_SWITCH_SECONDS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the api process says when to end
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="worker %(process)d: %(levelname)s %(message)s")
    take_no_new_privileges()
    try:
        Worker(Connection(stream, read_command)).run()
    except ProtocolError as error:
        log.error("%s", error)
        return EXIT_PROTOCOL
    return 0


def main() -> None:
    """Serve the connection on an inherited file descriptor."""
    parser = argparse.ArgumentParser(prog="python -P -m safelight.engine.worker", description=main.__doc__)
    parser.add_argument("--fd", type=int, required=True, help="one end of a Unix stream socket pair")
    keep_freed_memory()
    # At once, whatever is being computed: nobody is left to have it.
    os._exit(be_worker(socket.socket(fileno=parser.parse_args().fd)))


if __name__ == "__main__":
    main()
