"""What a process that draws, or looks at a checkpoint, has imported; and whether that is right for what it is asked.
The bundled model is loaded as well.

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
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from safelight.contract.errors import ProtocolError
from safelight.contract.models.traits import Traits
from safelight.engine.checkpoint import spared_imports
from safelight.engine.checkpoint.files.location import BUNDLED
from safelight.engine.checkpoint.spared_imports import needed
from safelight.engine.machine import device as machine
from safelight.engine.machine.device import before_import
from safelight.engine.worker import import_engine
from safelight.protocol.frames import PACKET_BYTES, read_fork_order
from safelight.protocol.messages import Configure, ModelSpec

_SPINS = "GOMP_SPINCOUNT"
# What `safelight.engine.classifier` asks for by a variable, before it imports PyTorch.
_CLASSIFIER_THREADS = 2
_BUNDLED = ModelSpec(source=BUNDLED)
_WORKERS = ("safelight.engine.template", "safelight.engine.worker")
# Commands that load that model, unless they are told of another one or another engine.
_DRAW = ("serve", "generate")

with tempfile.TemporaryDirectory() as _plain:  # a checkpoint of which nothing is said
    _models = (ModelSpec(source=BUNDLED), ModelSpec(source=_plain))
    _there = needed(_models)
    import_engine(Configure(models=_models))

# After that, which says what of it is wanted, and how long OpenMP's threads spin.
import torch  # noqa: E402

from safelight.engine.checkpoint import loading  # noqa: E402
from safelight.engine.checkpoint.fingerprint import fingerprint  # noqa: E402
from safelight.engine.pipeline.model import LoadedModel  # noqa: E402

_spins = os.environ[_SPINS]
_spared = spared_imports.spared
_load = loading.load
_postcard = list[LoadedModel]()
_fingerprints = dict[int, str]()


def make_ready(module: str, arguments: list[str]) -> None:
    """Before something is forked: load the bundled model, once, if that is about to draw. What is forked has a copy,
    which becomes memory of its own only where it writes.

    With one thread: a process that has more cannot be forked. As in a worker, which has that thread draw.
    """
    draws = module == "safelight" and arguments[:1] != [] and arguments[0] in _DRAW
    if _postcard or not (draws or module in _WORKERS):
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    setattr(loading, "fingerprint", _of_each_number_of_threads)  # noqa: B010 - it takes what that takes
    with torch.no_grad():
        _postcard.append(_load(_BUNDLED, "cpu"))
    setattr(loading, "fingerprint", fingerprint)  # noqa: B010
    torch.set_flush_denormal(False)
    torch.set_num_threads(threads)


def _of_each_number_of_threads(*arguments: Any, **named: Any) -> str:
    """In the place of `fingerprint`: with how many threads it draws, a worker hears later."""
    for threads in {1, machine.usable_cores()}:
        machine._reference = threads
        _fingerprints[threads] = fingerprint(*arguments, **named)
    machine._reference = 0
    return _fingerprints[1]


def _loaded(
    spec: ModelSpec, device: str, described: Callable[[Traits], None] | None = None, kept: Path | None = None
) -> LoadedModel:
    """In the place of `load`, in what is forked: the model that is there, to whoever asks for it first."""
    is_there = _postcard and machine.reference_threads() in _fingerprints
    if not is_there or device != "cpu" or msgspec.structs.replace(spec, pinned=False) != _BUNDLED:
        return _load(spec, device, described, kept)
    model = replace(_postcard.pop(), fingerprint=_fingerprints[machine.reference_threads()])
    if described is not None:
        described(model.traits)
    return model


def settle(module: str) -> None:
    """Go on, or start anew and do not return."""
    if not _suits(module):
        os.execve(sys.executable, sys.orig_argv, dict(os.environ))
    if module in _WORKERS:
        loading.load = _loaded


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
