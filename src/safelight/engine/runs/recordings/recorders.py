"""Recorders of calls: CUDA graphs, and one for any device that runs the call anew, which the first is held beside."""

# Tested in tests/engine/test_recorders.py.

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Any

import torch

from safelight.engine.machine.pace import now
from safelight.engine.machine.streams import own_stream
from safelight.engine.pipeline.stand_ins.call_values import tensors_of, with_tensors
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.recordings.replaying import Recorder

_SHARE = 16
"""Recordings take at most this part of a device's memory: each keeps what one step needs beside the weights."""


@dataclass
class _Held:
    """A call's values in tensors of our own, into which another call's are copied before it is run.

    Without the component: a recording must not be what keeps a model that is to go.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @classmethod
    def of(cls, call: Call) -> _Held:
        args, kwargs = with_tensors((call.args, call.kwargs), torch.Tensor.clone)
        return cls(args, kwargs)

    @property
    def bytes(self) -> int:
        return sum(tensor.nbytes for tensor in tensors_of((self.args, self.kwargs)))

    def take(self, call: Call) -> Call:
        """That call, its values in our tensors."""
        ours, theirs = (tensors_of(values) for values in ((self.args, self.kwargs), (call.args, call.kwargs)))
        for mine, value in zip(ours, theirs, strict=True):
            mine.copy_(value, non_blocking=True)
        return replace(call, args=self.args, kwargs=self.kwargs)


class Rerun:
    """Runs a recorded call anew: nothing is gained, and all that decides about recordings can be tried with it."""

    def __init__(self, kind: str = "cpu") -> None:
        self.kind = kind

    def now(self) -> float:
        return time.perf_counter()

    def record(self, call: Call) -> RerunRecording:
        return RerunRecording(_Held.of(call))


@dataclass
class RerunRecording:
    held: _Held
    bytes: int = 0

    def run(self, call: Call) -> Any:
        with torch.no_grad():
            return self.held.take(call).execute()


class CudaGraphs:
    """Records a call as a CUDA graph (pytorch.org/docs/stable/notes/cuda.html#cuda-graphs), in memory of its own."""

    kind = "cuda"

    def __init__(self, device: str) -> None:
        self._device = device

    def now(self) -> float:
        return now(self._device)

    def record(self, call: Call) -> GraphRecording:
        """Raises RuntimeError where the call does what cannot be recorded, such as reading a number off the device."""
        held = _Held.of(call)
        ours = held.take(call)
        here, aside = torch.cuda.current_stream(self._device), own_stream("record", self._device)
        aside.wait_stream(here)
        with torch.no_grad(), torch.cuda.stream(aside):
            ours.execute()  # what is chosen and allocated at the first call is not recorded
        here.wait_stream(aside)
        torch.cuda.empty_cache()  # a recording begins with that: what calls gave back must not hide what it takes
        before = torch.cuda.memory_reserved(self._device)
        graph, result = self._recorded(ours, aside)
        more = max(0, torch.cuda.memory_reserved(self._device) - before)
        return GraphRecording(graph, held, result, more + held.bytes)

    def _recorded(self, ours: Call, aside: torch.cuda.Stream) -> tuple[Any, Any]:
        graph = torch.cuda.CUDAGraph()
        # Other threads load models and make previews meanwhile: what they do is theirs. Where a recording fails,
        # PyTorch 2.13 does not set back the stream that it set, so `torch.cuda.stream` does.
        recording = torch.cuda.graph(graph, stream=aside, capture_error_mode="thread_local")
        try:
            with torch.no_grad(), torch.cuda.stream(aside), recording:
                result = ours.execute()
        except Exception:
            # Nor does it tell the device's generator, which would raise at the next random number.
            generator = torch.cuda.default_generators[torch.device(self._device).index or 0]
            generator.graphsafe_set_state(generator.clone_state())
            raise
        return graph, result


@dataclass
class GraphRecording:
    graph: Any
    held: _Held
    result: Any
    bytes: int

    def run(self, call: Call) -> Any:
        with torch.no_grad():
            self.held.take(call)
            self.graph.replay()
            return with_tensors(self.result, torch.Tensor.clone)  # the next replay writes over the graph's own


def recorder_for(device: str) -> tuple[Recorder | None, int]:
    """What records calls on that device, if anything does, and the bytes that recordings may take there."""
    if not device.startswith("cuda"):
        return None, 0
    return CudaGraphs(device), torch.cuda.get_device_properties(device).total_memory // _SHARE
