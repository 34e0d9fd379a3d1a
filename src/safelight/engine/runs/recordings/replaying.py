"""Calls of a denoiser recorded once and run again with other values, where that changes no byte and is faster.

On a GPU a step of a small model takes less time than the host needs to queue its thousand operations. A CUDA graph
queues them all at once. Whether one may stand for the call is not assumed of any model: what was recorded is run beside
the call itself twice, with the values of its recording and with the next call's, and kept only if both results have the
same bytes and it took less time.

A recording holds for one component, one place of its weights, and arguments of one form: shapes, strides, number
formats, and every argument that is no tensor. It reads the weights where they lay, so it is forgotten when they move.
"""

from __future__ import annotations

import logging
import weakref
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from diffusers.hooks.group_offloading import _is_group_offload_enabled

from safelight.contract.models.stages import STEPS
from safelight.engine.pipeline.stand_ins.call_values import NoForm, form_of, same_bytes
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.execution import Raised, execute

log = logging.getLogger(__name__)

_PAYS = 0.98
_REMEMBERED = 256


class Recording(Protocol):
    """A call that can be run again. `bytes` is the device's memory that it keeps."""

    bytes: int

    def run(self, call: Call) -> Any:
        """The result for that call's values, which is the caller's to keep."""


class Recorder(Protocol):
    """Records calls on one kind of device: `kind` as in `torch.device.type`."""

    kind: str

    def now(self) -> float:
        """Seconds on a clock of its own when all that was queued is done."""

    def record(self, call: Call) -> Recording:
        """Raises whatever PyTorch raises where a call cannot be recorded."""


@dataclass
class _Known:
    """What is known of calls of one form. Without a `recording` they are run as they are."""

    component: weakref.ref[Any]
    weights: list[weakref.ref[torch.Tensor]]
    places: list[int]  # nothing here keeps a model that is to go
    refused: bool = False
    proven: bool = False
    recording: Recording | None = None

    @property
    def in_place(self) -> bool:
        """Whether the component is there, with its weights where they were."""
        return self.component() is not None and _places(self.weights) == self.places


def _places(weights: list[weakref.ref[torch.Tensor]]) -> list[int]:
    """Where weights lie; 0 for one that is gone."""
    return [tensor.data_ptr() if (tensor := weight()) is not None else 0 for weight in weights]


class Replays:
    """Runs calls, recorded ones where that is proven. Only the engine's thread calls.

    Without a recorder every call is run as it is. Recordings take `most_bytes` together; the least recently used go.
    """

    def __init__(self, recorder: Recorder | None = None, most_bytes: int = 0) -> None:
        self._recorder, self._most = recorder, most_bytes
        self._known: OrderedDict[Hashable, _Known] = OrderedDict()

    @property
    def bytes(self) -> int:
        """What the recordings keep of the device's memory."""
        return sum(known.recording.bytes for known in self._known.values() if known.recording)

    def run(self, call: Call) -> Any:
        """The result of a call, or what it raised."""
        key = self._key(call)
        if self._recorder is None or key is None:
            return execute(call)
        known = self._known.get(key)
        if known is None or not known.in_place:
            self._meet(key, call)
            return execute(call)
        self._known.move_to_end(key)
        if known.refused:
            return execute(call)
        if known.recording is None:
            return self._try(self._recorder, known, call)
        if not known.proven:
            return self._prove(known, call)
        return known.recording.run(call)

    def sweep(self) -> None:
        """Forget what was recorded of models that have moved or are gone, and give its memory back."""
        for key in [key for key, known in self._known.items() if not known.in_place]:
            del self._known[key]

    def _key(self, call: Call) -> Hashable | None:
        component = call.component
        if self._recorder is None or call.stage != STEPS or not call.repeats:
            return None
        # Step caches remember between calls; weights of what is offloaded come and go.
        if getattr(component, "is_cache_enabled", False) or hasattr(component, "_hf_hook"):
            return None
        if _is_group_offload_enabled(component):
            return None
        try:
            form = form_of((call.args, call.kwargs), self._recorder.kind)
        except NoForm:
            return None
        return id(component), call.method, call.within_keys, form

    def _meet(self, key: Hashable, call: Call) -> None:
        """A form that comes once is not worth a recording."""
        weights = [weakref.ref(tensor) for tensor in (*call.component.parameters(), *call.component.buffers())]
        self._known[key] = _Known(weakref.ref(call.component), weights, _places(weights))
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)

    def _try(self, recorder: Recorder, known: _Known, call: Call) -> Any:
        begun = recorder.now()
        result = execute(call)
        alone = recorder.now() - begun
        if isinstance(result, Raised):
            return result
        try:
            recording = recorder.record(call)
            begun = recorder.now()
            again = recording.run(call)
            share = (recorder.now() - begun) / max(alone, 1e-9)
        except Exception as error:  # noqa: BLE001 - what cannot be recorded is run as it is
            log.info("calls of %s are not recorded: %s", call.name, type(error).__name__)
            known.refused = True
            return result
        known.refused = not (same_bytes(result, again) and share < _PAYS and recording.bytes <= self._most)
        if not known.refused:
            known.recording = recording
            self._make_room()
        return result

    def _prove(self, known: _Known, call: Call) -> Any:
        """With other values than those it was recorded with: something of those may have been taken for fixed."""
        assert known.recording is not None
        result = execute(call)
        if isinstance(result, Raised):
            return result
        known.proven = same_bytes(result, known.recording.run(call))
        if not known.proven:
            log.warning("a recorded call of %s gave other bytes; it is run as it is", call.name)
            known.refused, known.recording = True, None
        return result

    def _make_room(self) -> None:
        while self.bytes > self._most:
            oldest = next(key for key, known in self._known.items() if known.recording)
            del self._known[oldest]
