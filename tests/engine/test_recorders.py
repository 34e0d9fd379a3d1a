"""Facts about recording on a GPU, held beside a pretended one: whatever fails, the thread goes on as it was."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch

from safelight.engine.machine.pace import now
from safelight.engine.machine.streams import own_stream
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.recordings.recorders import CudaGraphs
from tests.engine.pretended_cuda import PretendedCuda, pretended

__all__ = ["pretended"]


@dataclass(eq=False)
class Denoiser:
    """Takes memory for its result, and reads a number off the device if it `reads`, which cannot be recorded."""

    cuda: PretendedCuda
    reads: bool = False
    takes: int = 4_000

    def __call__(self, x: torch.Tensor) -> tuple[torch.Tensor]:
        if self.reads and self.cuda.recording:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.cuda.take(self.takes)
        if not self.cuda.recording:
            self.cuda.used -= self.takes
        return (x * 2,)


def call_of(denoiser: Denoiser) -> Call:
    return Call("transformer", denoiser, "__call__", "denoise", (torch.ones(2, 4),), {})


def test_a_recording_that_fails_leaves_the_thread_on_its_stream(pretended: PretendedCuda) -> None:
    before = pretended.current
    with pytest.raises(RuntimeError, match="capturing"):
        CudaGraphs("cuda:0").record(call_of(Denoiser(pretended, reads=True)))
    assert pretended.current is before
    assert not pretended.generator.recording


def test_what_a_recording_takes_is_counted_beside_memory_that_calls_gave_back(pretended: PretendedCuda) -> None:
    pretended.take(9_000)
    pretended.used = 0
    recording = CudaGraphs("cuda:0").record(call_of(Denoiser(pretended)))
    assert recording.bytes == 4_000 + torch.ones(2, 4).nbytes  # what it computes in, and the call's values


def test_there_is_one_stream_for_a_purpose_however_often_it_is_used(pretended: PretendedCuda) -> None:
    """Another one each time would be, after 32, one on which somebody else is recording."""
    recorder = CudaGraphs("cuda:0")
    for _ in range(40):
        recorder.record(call_of(Denoiser(pretended)))
        own_stream("load", "cuda:0")
        own_stream("load", "cuda:1")
    assert len(pretended.made) == 3
    assert own_stream("load", "cuda:0") is not own_stream("record", "cuda:0")


def test_a_clock_waits_for_its_threads_stream_alone(pretended: PretendedCuda) -> None:
    """While another thread records, whoever waits for the device breaks the recording, and is told an error."""
    other = pretended.make()
    now("cuda:0")
    assert pretended.current.waited == 1
    assert other.waited == 0
