"""What a process that draws, or looks at a checkpoint, has imported; and whether that is right for what it is asked.

Which libraries are imported depends on the models (`safelight.engine.checkpoint.spared_imports`), and what PyTorch
reads while it is imported on how many workers there are. A process hears of these only once it runs: one that needs
anything else starts anew, by `exec`, before it has done anything. A worker that was not forked by a template of workers
hears of them after its greeting, when it is too late: it says so, and ends.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from contextlib import AbstractContextManager

import msgspec
import torch

from safelight.contract.errors import ProtocolError
from safelight.engine.checkpoint import spared_imports
from safelight.engine.checkpoint.files.location import BUNDLED
from safelight.engine.checkpoint.spared_imports import needed
from safelight.engine.machine.device import before_import
from safelight.engine.worker import import_engine
from safelight.protocol.frames import PACKET_BYTES, read_fork_order
from safelight.protocol.messages import Configure, ModelSpec

_SPINS = "GOMP_SPINCOUNT"
# What `safelight.engine.classifier` asks for by a variable, before it imports PyTorch.
_CLASSIFIER_THREADS = 2

with tempfile.TemporaryDirectory() as _plain:  # a checkpoint of which nothing is said
    _models = (ModelSpec(source=BUNDLED), ModelSpec(source=_plain))
    _there = needed(_models)
    import_engine(Configure(models=_models))
_spins = os.environ[_SPINS]
_spared = spared_imports.spared


def settle(module: str) -> None:
    """Go on, or start anew and do not return."""
    if not _suits(module):
        os.execve(sys.executable, sys.orig_argv, dict(os.environ))


def _suits(module: str) -> bool:
    match module:
        case "safelight.engine.template":
            with socket.socket(fileno=os.dup(int(sys.argv[-1]))) as control:
                packet = control.recv(PACKET_BYTES, socket.MSG_PEEK)
            try:
                order = read_fork_order(packet)
            except ProtocolError:
                return True  # which is for the module to say
            return not isinstance(order, Configure) or (needed(order.models) <= _there and _same_spins(order))
        case "safelight.engine.describe":
            said = sys.stdin.buffer.read()
            with os.fdopen(os.memfd_create("said"), "w+b") as again:
                again.write(said)
                again.seek(0)
                os.dup2(again.fileno(), 0)
            return needed((msgspec.json.decode(said, type=ModelSpec),)) <= _there
        case "safelight.engine.classifier":
            torch.set_num_threads(_CLASSIFIER_THREADS)
        case "safelight.engine.worker":
            del sys.modules[module]  # it was imported for `import_engine`, and is about to run
            setattr(spared_imports, "spared", _checked)  # noqa: B010 - what it gives is no more than what `with` needs
    return True


def _checked(needs: frozenset[str]) -> AbstractContextManager[None]:
    """In the place of `spared`, which a worker calls when it knows its models, and has set what OpenMP reads."""
    if not needs <= _there or os.environ[_SPINS] != _spins:
        print("This worker was forked without what its models need. Start it in `with anew():`.", file=sys.stderr)
        os._exit(1)
    return _spared(needs)


def _same_spins(configure: Configure) -> bool:
    """Whether OpenMP, which has read that already, would read the same again."""
    variables = dict(os.environ)
    os.environ.pop(_SPINS, None)
    before_import(configure.threads, configure.workers)
    wanted = os.environ[_SPINS]
    os.environ.clear()
    os.environ.update(variables)
    return wanted == _spins
