"""What PyTorch has of streams and graphs of CUDA, pretended on a processor, with what is hard about them.

Written after torch/cuda/graphs.py of PyTorch 2.13 and its documentation: a recording begins with giving cached memory
back, one that fails leaves its stream set and the generator recording, and nobody may wait for a device meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import torch

from safelight.engine.machine import streams


@dataclass(eq=False)
class Stream:
    """A queue in which everything is done at once."""

    device: str = "cuda:0"
    waited: int = 0

    def wait_stream(self, other: Stream) -> None:
        """It is done."""

    def synchronize(self) -> None:
        self.waited += 1


@dataclass
class Generator:
    """`recording` as long as a graph that is being recorded has it."""

    recording: bool = False

    def clone_state(self) -> Generator:
        return Generator()

    def graphsafe_set_state(self, other: Generator) -> None:
        self.recording = other.recording


@dataclass
class PretendedCuda:
    """A device: bytes that are in use and that are held, the calling thread's stream, the generator."""

    used: int = 0
    reserved: int = 0
    current: Stream = field(default_factory=Stream)
    generator: Generator = field(default_factory=Generator)
    made: list[Stream] = field(default_factory=list)
    recording: bool = False

    def take(self, size: int) -> None:
        """Memory for a call."""
        self.used += size
        self.reserved = max(self.reserved, self.used)

    def make(self, device: Any = "cuda:0") -> Stream:
        self.made.append(Stream(str(device)))
        return self.made[-1]

    def empty_cache(self) -> None:
        self.reserved = self.used

    @contextmanager
    def on(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def record(self, graph: object, stream: Stream | None = None, capture_error_mode: str = "global") -> Iterator[None]:
        assert capture_error_mode == "thread_local"  # other threads go on
        self.empty_cache()
        before, self.current = self.current, stream or self.make()
        self.recording = self.generator.recording = True
        try:
            yield
        finally:
            self.recording = False
        self.generator.recording = False
        self.current = before


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> PretendedCuda:
    """For the length of a test."""

    def never(*_: object) -> None:
        raise AssertionError("a device is waited for as a whole")

    cuda = PretendedCuda()
    for name, value in {
        "Stream": cuda.make,
        "stream": cuda.on,
        "current_stream": lambda device=None: cuda.current,
        "graph": cuda.record,
        "CUDAGraph": object,
        "empty_cache": cuda.empty_cache,
        "memory_reserved": lambda device=None: cuda.reserved,
        "default_generators": (cuda.generator,),
        "synchronize": never,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(streams, "_own", {})
    return cuda
