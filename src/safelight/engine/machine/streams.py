"""Work beside the stream on which steps are queued, where a device has streams: decodings, and copies to the host.

A stream is a queue of a CUDA device. What is queued on one waits for what was queued there before, and for nothing on
another but what it is told to wait for (CUDA C++ Programming Guide, "Streams").
"""

# Tested in tests/engine/test_decoding.py.

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import Lock
from typing import Protocol

import torch

from safelight.engine.machine.pace import Mark, mark


class Beside(Protocol):
    """A second queue of a device. The engine's thread alone calls."""

    def entered(self, *, after_steps: bool) -> AbstractContextManager[None]:
        """What is queued while this is entered goes there; with `after_steps` it waits for all steps queued so far."""

    def mark(self) -> Mark:
        """A moment in that queue; call it while entered."""

    def join(self) -> None:
        """Steps that are queued from now on wait for all that is in this queue so far."""


_own: dict[tuple[str, str], torch.cuda.Stream] = {}
_making = Lock()


def own_stream(purpose: str, device: str) -> torch.cuda.Stream:
    """The one stream of this process for that purpose on that device.

    PyTorch has 32 streams of a device and hands them out in turn. Were one asked for at each use, it would some day be
    the one on which another thread records a CUDA graph, and a copy of weights would be recorded and not made.
    """
    with _making:
        if (purpose, device) not in _own:
            _own[purpose, device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        return _own[purpose, device]


class CudaBeside:
    """A CUDA stream."""

    def __init__(self, device: str) -> None:
        self._device = device
        self._stream = own_stream("decode", device)

    @contextmanager
    def entered(self, *, after_steps: bool) -> Iterator[None]:
        if after_steps:
            self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            yield

    def mark(self) -> Mark:
        return mark(self._device)

    def join(self) -> None:
        torch.cuda.current_stream(self._device).wait_stream(self._stream)


def beside(device: str) -> Beside | None:
    """Where to decode on that device while it takes others' steps; None where it has one queue alone."""
    return CudaBeside(device) if device.startswith("cuda") else None


def fetched(tensor: torch.Tensor) -> Callable[[], torch.Tensor]:
    """Begin to copy a tensor to the host as it is now, beside the steps and into pinned memory: the device waits for
    nothing. What is given waits for the copy, in any thread, and hands it over.
    """
    if tensor.device.type != "cuda":
        copy = tensor.detach().clone()
        return lambda: copy
    ours = tensor.detach().clone()  # in the queue of the steps: whoever comes next may write over the tensor
    stream = own_stream("fetch", str(tensor.device))
    stream.wait_stream(torch.cuda.current_stream(tensor.device))
    with torch.cuda.stream(stream):
        host = torch.empty(ours.shape, dtype=ours.dtype, pin_memory=True)
        host.copy_(ours, non_blocking=True)
    ours.record_stream(stream)  # its memory is not given to others before it was read
    done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
    done.record(stream)

    def have() -> torch.Tensor:
        done.synchronize()
        return host

    return have


@contextmanager
def off_the_steps(device: str) -> Iterator[None]:
    """In a thread that brings or moves models: what it queues goes beside the steps, and is done when this ends."""
    if not device.startswith("cuda"):
        yield
        return
    stream = own_stream("load", device)  # one model is brought at a time
    # Memory that steps gave back may be theirs until they are done.
    stream.wait_stream(torch.cuda.default_stream(device))
    try:
        with torch.cuda.stream(stream):
            yield
    finally:
        stream.synchronize()
