"""How much memory a model's weights take, by their files' headers or as they are, and whether there is as much."""

# Tested in tests/engine/test_host_memory.py.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import prod
from pathlib import Path
from typing import Any

import torch

from safelight.contract.checkpoints.split_weights import header_of
from safelight.contract.errors import ModelLoadError
from safelight.engine.machine.device import usable_memory

# https://github.com/huggingface/safetensors#format: the kinds of floats, which become the model's own kind.
_FLOATS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
_OTHERS = {"I64": 8, "U64": 8, "I32": 4, "U32": 4, "I16": 2, "U16": 2, "I8": 1, "U8": 1, "BOOL": 1}


def weights_bytes(files: Iterable[Path], dtype: torch.dtype) -> int:
    """Bytes of the tensors in safetensors files once their floats are `dtype`."""
    total = 0
    for path in files:
        for name, tensor in header_of(path).items():
            if name != "__metadata__":
                size = dtype.itemsize if tensor["dtype"] in _FLOATS else _OTHERS.get(tensor["dtype"], 1)
                total += prod(tensor["shape"]) * size
    return total


def device_bytes(device: str) -> int | None:
    """Bytes of memory that a device has in all, None where nobody says."""
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[1])
    return usable_memory()


def held_on_accelerator() -> int:
    """Bytes of a GPU's memory that PyTorch holds for this process; 0 where it computes on the processor."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return sum(torch.cuda.memory_reserved(device) for device in range(torch.cuda.device_count()))
    return torch.mps.driver_allocated_memory() if torch.backends.mps.is_available() else 0


def use_of_accelerator() -> int | None:
    """For how many percent of the last moments the GPU of this process computed (NVML's and ROCm's own figure, which
    counts every process). None without one, and where the driver's library or its Python binding is not here."""
    if not torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        return None
    ours = [device for device in range(torch.cuda.device_count()) if torch.cuda.memory_reserved(device)]
    try:
        return max((torch.cuda.utilization(device) for device in ours), default=None)
    except Exception:  # noqa: BLE001 - errors of three libraries, and a figure is not worth a worker
        return None


def budget(device: str) -> int | None:
    """Four fifths of a device's memory, for models; the rest is for what drawing takes. None: nobody says."""
    has = device_bytes(device)
    return None if has is None else has * 4 // 5


def free_memory(cgroup: Path = Path("/sys/fs/cgroup"), proc: Path = Path("/proc")) -> int | None:
    """Bytes of the host's memory that this process may still take, by the machine and by the cgroup's limit; what
    caches files counts as free. None where nobody says."""
    limit = usable_memory(cgroup)
    free = [kilobytes * 1024 for name, kilobytes in _table(proc / "meminfo").items() if name == "MemAvailable"]
    for group, used, prefix in ((cgroup, "memory.current", ""), (cgroup / "memory", "memory.usage_in_bytes", "total_")):
        if limit is not None and (group / used).is_file():
            pages = _table(group / "memory.stat")
            cached = pages.get(f"{prefix}inactive_file", 0) + pages.get(f"{prefix}active_file", 0)
            free.append(limit - int((group / used).read_text()) + cached)
    return max(0, min(free)) if free else None


def _table(file: Path) -> dict[str, int]:
    """Lines of a name and a number, as Linux writes them."""
    try:
        lines = [line.replace(":", " ").split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {words[0]: int(words[1]) for words in lines if len(words) > 1 and words[1].isdigit()}


def tensors_of(pipeline: Any) -> Iterator[torch.Tensor]:
    """A pipeline's weights and buffers; what two components share comes twice."""
    for component in _modules_of(pipeline):
        yield from _tensors_in(component)


def _modules_of(pipeline: Any) -> Iterator[torch.nn.Module]:
    components = getattr(pipeline, "components", {}).values()
    return (component for component in components if isinstance(component, torch.nn.Module))


def _tensors_in(component: torch.nn.Module) -> Iterator[torch.Tensor]:
    for tensor in (*component.parameters(), *component.buffers()):
        yield from _plain(tensor)


def _plain(tensor: Any) -> Iterator[torch.Tensor]:
    """What a tensor is made of: a quantized one holds others (numbers in few bits, their scales), and says it has the
    size that it stands for."""
    if not hasattr(tensor, "__tensor_flatten__"):
        yield tensor
        return
    for name in tensor.__tensor_flatten__()[0]:
        yield from _plain(getattr(tensor, name))


def memory_of(pipeline: Any) -> int:
    """Bytes of a pipeline's weights and buffers; what two components share counts once."""
    # A packed weight has no address: it is never shared.
    return sum({tensor.data_ptr() or id(tensor): tensor.nbytes for tensor in tensors_of(pipeline)}.values())


def largest_part(pipeline: Any) -> int:
    """Bytes of the component with the largest weights."""
    sizes = [sum(tensor.nbytes for tensor in _tensors_in(part)) for part in _modules_of(pipeline)]
    return max(sizes, default=0)


def refuse_too_large(parts: dict[str, int], dtype: str, device: str, *, one_at_a_time: bool) -> None:
    """Say before loading that weights of these sizes (bytes, by component) do not fit.

    Raises:
        ModelLoadError: with the numbers and what to do.
    """
    has = device_bytes(device)
    needs = max(parts.values(), default=0) if one_at_a_time else sum(parts.values())
    if has is None or needs <= has:
        return
    largest = ", ".join(f"{name} {_gb(size)}" for name, size in sorted(parts.items(), key=lambda part: -part[1])[:3])
    advice = "" if one_at_a_time else ' `offload = "model"` keeps only the part in use on an accelerator;'
    raise ModelLoadError(
        f"The weights take {_gb(needs)} as {dtype} ({largest}), and {device} has {_gb(has)}.{advice} "
        "`quantization` makes them smaller."
    )


def _gb(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"
