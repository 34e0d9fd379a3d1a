"""Weights between the host and a device, through pinned memory.

A copy from or to memory that may be paged out goes through a small buffer of the driver's, and waits (CUDA C++ Best
Practices Guide, "Pinned Memory"). Pinning all the weights that rest on the host would take their memory away from the
system for good, and PyTorch rounds each pinned tensor up to a power of two. So they cross in pieces through two pinned
buffers, one being filled while the other crosses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import torch

PIECE_BYTES = 64 * 2**20


class Buffer(Protocol):
    """A piece of the host's memory that a device reads and writes by itself."""

    memory: torch.Tensor

    def sent(self) -> None:
        """A copy out of or into it was queued on the current stream."""

    def wait(self) -> None:
        """Return when what was queued last is done."""


class PinnedBuffer:
    """For a CUDA device; its copies are queued on the calling thread's current stream."""

    def __init__(self, size: int, device: str) -> None:
        self.memory = torch.empty(size, dtype=torch.uint8, pin_memory=True)
        self._device = device
        self._done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]

    def sent(self) -> None:
        self._done.record(torch.cuda.current_stream(self._device))

    def wait(self) -> None:
        self._done.synchronize()


class PlainBuffer:
    """For what is done when a copy returns: any other device, and tests of what is done with buffers."""

    def __init__(self, size: int) -> None:
        self.memory = torch.empty(size, dtype=torch.uint8)

    def sent(self) -> None:
        """It is done."""

    def wait(self) -> None:
        """It is done."""


class Ferry:
    """Takes tensors to the host and back through two buffers. One thread uses it."""

    def __init__(self, buffers: tuple[Buffer, Buffer]) -> None:
        self._buffers = buffers
        self._turn = 0

    def to_device(self, tensor: torch.Tensor, device: str) -> torch.Tensor:
        """A tensor of the host's, on a device: the same bytes and strides."""
        target = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype, device=device)
        source, goal = _flat(tensor), _flat(target)
        for start in range(0, len(source), self._size):
            buffer = self._next()
            piece = buffer.memory[: len(source[start : start + self._size])]
            piece.copy_(source[start : start + self._size])
            goal[start : start + self._size].copy_(piece, non_blocking=True)
            buffer.sent()
        return target

    def to_host(self, tensor: torch.Tensor) -> torch.Tensor:
        """A tensor of a device's, on the host: the same bytes and strides."""
        target = torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype)
        source, goal = _flat(tensor), _flat(target)
        landed: Callable[[], None] | None = None
        for start in range(0, len(source), self._size):
            buffer = self._next()
            piece = buffer.memory[: len(source[start : start + self._size])]
            piece.copy_(source[start : start + self._size], non_blocking=True)
            buffer.sent()
            if landed is not None:
                landed()  # while this one crosses
            landed = _landing(buffer, piece, goal[start : start + self._size])
        if landed is not None:
            landed()
        return target

    @property
    def _size(self) -> int:
        return len(self._buffers[0].memory)

    def _next(self) -> Buffer:
        """The buffer of the two that is free the longest, once it is."""
        self._turn += 1
        buffer = self._buffers[self._turn % 2]
        buffer.wait()
        return buffer


def _landing(buffer: Buffer, piece: torch.Tensor, goal: torch.Tensor) -> Callable[[], None]:
    def land() -> None:
        buffer.wait()
        goal.copy_(piece)

    return land


def _flat(tensor: torch.Tensor) -> torch.Tensor:
    """All bytes of a tensor without gaps, in the order in which they lie."""
    return tensor.as_strided((tensor.numel(),), (1,)).view(torch.uint8)


def ferry_for(device: str) -> Ferry | None:
    """What takes weights to that device and back; None where PyTorch's own way is as good."""
    if not device.startswith("cuda"):
        return None
    return Ferry((PinnedBuffer(PIECE_BYTES, device), PinnedBuffer(PIECE_BYTES, device)))


def move_modules(components: dict[str, Any], device: str, ferry: Ferry) -> None:
    """Move the weights and buffers of a pipeline's components in place. A parameter that two share moves once."""
    to_host = torch.device(device).type == "cpu"

    def moved(tensor: torch.Tensor) -> torch.Tensor:
        if tensor.device.type == torch.device(device).type:
            return tensor
        if type(tensor) not in (torch.Tensor, torch.nn.Parameter) or not _is_dense(tensor):
            return tensor.to(device)
        return ferry.to_host(tensor) if to_host else ferry.to_device(tensor, device)

    for component in components.values():
        if isinstance(component, torch.nn.Module):
            component._apply(moved)  # type: ignore[no-untyped-call]


def _is_dense(tensor: torch.Tensor) -> bool:
    """Every byte from the first to the last is one of its own, in whichever order its dimensions lie."""
    if tensor.layout is not torch.strided or not tensor.numel():
        return False
    expected = 1
    for stride, size in sorted((stride, size) for stride, size in zip(tensor.stride(), tensor.shape, strict=True)):
        if size > 1 and stride != expected:
            return False
        expected *= size
    return True
