"""Models that rest in the host's memory while others have their device: what may, how much of it, and the move itself.

Coming back from there is a copy and no load: nothing is read from a disk, checked or measured again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from safelight.engine.machine.streams import off_the_steps
from safelight.engine.machine.weights.memory import free_memory, memory_of, tensors_of
from safelight.engine.machine.weights.transfers import ferry_for, move_modules
from safelight.engine.pipeline.model import LoadedModel
from safelight.protocol.messages import ModelSpec

HOST = "cpu"
_RESERVE_BYTES = 1_000_000_000  # pictures, prompts and the api process want some too

Move = Callable[[LoadedModel, str], None]


def host_budget(device: str, wanted_bytes: int | None, workers: int) -> int:
    """Bytes for models that rest: as wanted, or else this worker's share of half of what is free now.

    0 for a device without memory of its own: there the host's memory is what the models have to make room in.
    """
    if not device.startswith("cuda"):
        return 0
    if wanted_bytes is not None:
        return wanted_bytes
    return (free_memory() or 0) // 2 // workers


def can_move(spec: ModelSpec) -> bool:
    """Offloaded models lie in the host's memory anyway; quantized ones have tensors of other kinds, some of which do
    not come back the same."""
    options = spec.options
    gguf = options.transformer is not None and options.transformer.endswith(".gguf")
    return options.offload == "none" and not options.quantization and not gguf


def move(model: LoadedModel, device: str, free: Callable[[], int | None] = free_memory) -> None:
    """Move a model's weights there in place: bits, strides and ties stay. After an error it is neither here nor there.

    Raises:
        MemoryError: the host has no room for it; nothing was moved.
        Exception: whatever PyTorch and diffusers raise where a part cannot be moved.
    """
    if device == HOST:
        needs, has = memory_of(model.parts), free()
        if has is not None and needs + _RESERVE_BYTES > has:
            raise MemoryError(f"{needs} bytes do not fit beside what else is in the host's memory: {has} are free")
    ferry = ferry_for(model.device)
    with off_the_steps(model.device):
        if ferry is None:
            model.pipeline.to(device)
            model.controls.parts.to(device)
        else:
            move_modules(model.parts.components, device, ferry)
    kind = torch.device(device).type
    if any(tensor.device.type != kind for tensor in tensors_of(model.parts)):
        raise RuntimeError(f"a part of it did not move to {device}")


@dataclass(frozen=True)
class _Guest:
    bytes: int
    last_used: int


class HostMemory:
    """Who has room in the host's memory, by source, within a budget of bytes. Only the engine's thread calls."""

    def __init__(self, budget_bytes: int = 0) -> None:
        self._budget = budget_bytes
        self._guests: dict[str, _Guest] = {}

    def __contains__(self, source: object) -> bool:
        return source in self._guests

    def admit(self, spec: ModelSpec, weight_bytes: int, last_used: int) -> list[str]:
        """Give a model room, if it may have any, and say which, least recently used first, have lost theirs to it."""
        if not can_move(spec) or weight_bytes > self._budget:
            return []
        evicted = []
        while sum(guest.bytes for guest in self._guests.values()) + weight_bytes > self._budget:
            evicted.append(min(self._guests, key=lambda source: self._guests[source].last_used))
            del self._guests[evicted[-1]]
        self._guests[spec.source] = _Guest(weight_bytes, last_used)
        return evicted

    def leave(self, source: str) -> None:
        """That model needs its room no longer, if it had any."""
        self._guests.pop(source, None)
