"""How far the engine runs ahead of its device, and what a turn took there.

A call of a component returns on an accelerator when its work is queued, not when it is done. Waiting for it at every
step would leave the device idle while the next is prepared; never waiting would queue a whole picture at once, so that
nothing could be cancelled, shared fairly or timed any more. So the engine waits for the turn before the one that it has
just queued: the device always has one to do, and what is decided is decided one turn ahead.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

Told = Callable[[float], None]


class Mark(Protocol):
    """A moment on a device, reached when all that was queued before it is done."""

    def reached(self) -> bool:
        """Whether it is, without waiting."""

    def wait(self) -> None:
        """Return when it is reached."""

    def seconds_since(self, earlier: Mark) -> float:
        """Between two moments that are reached."""


@dataclass(frozen=True)
class Moment:
    """Of a device that is done when a call returns."""

    seconds: float

    def reached(self) -> bool:
        return True

    def wait(self) -> None:
        """It is over."""

    def seconds_since(self, earlier: Mark) -> float:
        assert isinstance(earlier, Moment)
        return self.seconds - earlier.seconds


class CudaMark:
    """Recorded on the stream that the calling thread queues its work on; all of the engine's threads use the same."""

    def __init__(self, device: str) -> None:
        # `blocking`: a thread that waits sleeps instead of spinning on a core that somebody may draw on.
        self._event = torch.cuda.Event(enable_timing=True, blocking=True)  # type: ignore[no-untyped-call]
        self._event.record(torch.cuda.current_stream(device))

    def reached(self) -> bool:
        return bool(self._event.query())  # type: ignore[no-untyped-call]

    def wait(self) -> None:
        self._event.synchronize()

    def seconds_since(self, earlier: Mark) -> float:
        assert isinstance(earlier, CudaMark)
        return float(earlier._event.elapsed_time(self._event)) / 1e3


def mark(device: str) -> Mark:
    """Now, on that device."""
    return CudaMark(device) if device.startswith("cuda") else Moment(time.perf_counter())


def now(device: str) -> float:
    """Seconds on this process's clock when all that this thread queued on the device is done.

    Not the device itself is waited for: while another thread records a CUDA graph that is an error, and the recording
    fails too (CUDA Programming Guide, "CUDA Graphs", "Prohibited and Unhandled Operations").
    """
    if device.startswith("cuda"):
        torch.cuda.current_stream(device).synchronize()
    return time.perf_counter()


class Pace:
    """The turns that are queued and not yet accounted for. Only the engine's thread calls."""

    def __init__(self) -> None:
        self._queued: deque[tuple[Mark, Mark, Told]] = deque()

    def turn(self, begun: Mark, ended: Mark, told: Told) -> None:
        """A turn was queued between two marks; `told` gets its seconds once they are known, which may be at once.

        Returns when no turn but this one is under way.
        """
        self._queued.append((begun, ended, told))
        self._account(1)

    def settle(self) -> None:
        """Wait for all that is queued, and account for it."""
        self._account(0)

    def _account(self, left: int) -> None:
        while len(self._queued) > left or (self._queued and self._queued[0][1].reached()):
            begun, ended, told = self._queued.popleft()
            ended.wait()
            told(ended.seconds_since(begun))
