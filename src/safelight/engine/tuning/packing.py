"""Weights laid out once the way that a device's matrix units read them, instead of at every call.

Linear layers and convolutions in bfloat16 on a CPU are packed, those in float32 where that is asked for, and
feed-forwards of diffusers' own kinds compute their activations within the products. Stable Diffusion 1.5's U-Net on a
Xeon with AMX takes 0.67 of the time that it takes without at 256x256, 0.84 at 512x512. Sums are in another order in a
few shapes, and an activation's input is not rounded first.
"""

from __future__ import annotations

import platform
from collections.abc import Collection
from typing import Any

import torch
from diffusers.models.activations import GEGLU, GELU, SwiGLU
from diffusers.models.upsampling import Upsample2D

from safelight.engine.machine.device import cpu_bfloat16
from safelight.engine.tuning.no_ops import ChannelsLastUpsample2D, spare_divisions
from safelight.engine.tuning.packed_layers import (
    PackedConv2d,
    PackedGEGLU,
    PackedGELU,
    PackedLinear,
    PackedSwiGLU,
    PackedWeight,
)

_HALF = (torch.bfloat16, torch.float16)
_FEED_FORWARDS: dict[type, type] = {GELU: PackedGELU, GEGLU: PackedGEGLU, SwiGLU: PackedSwiGLU}


def lay_out(pipeline: Any, device: str, *, compiled: bool = False, packs_float32: bool = False) -> None:
    """Lay the weights of all components out for that device, those in half precision alone: in float32 pictures stay
    diffusers' own to the last bit, unless `packs_float32`. Divisions by one are spared in any.

    On a CPU they are packed. Elsewhere, and where they cannot be packed, kernels of convolutions lie channels-last.
    `compiled`: the denoiser will be, by a compiler that knows nothing of packed weights, and spares divisions itself.
    """
    formats = [torch.bfloat16, torch.float32] if packs_float32 else [torch.bfloat16]
    packs = {dtype for dtype in formats if not compiled and device == "cpu" and can_pack(dtype)}
    channels_last = {*_HALF, torch.float32} if packs_float32 else {*_HALF}
    for component in pipeline.components.values():
        if not isinstance(component, torch.nn.Module):
            continue
        if not compiled:
            spare_divisions(component)
        if packs:
            _pack_all(component, packs)
        for module in component.modules():
            if (
                isinstance(module, torch.nn.Conv2d)
                and _is_plain(module.weight)
                and module.weight.dtype in channels_last
            ):
                # Not `contiguous`, which leaves kernels of one pixel as they are: a step takes 5 % longer then.
                module.weight.data = module.weight.data.to(memory_format=torch.channels_last)


def can_pack(dtype: torch.dtype = torch.bfloat16) -> bool:
    """Whether this PyTorch and this processor have what it takes: not on Arm, where none of this was ever run."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return False
    return bool(torch._C._has_mkldnn and (dtype is torch.float32 or torch.ops.mkldnn._is_mkldnn_bf16_supported()))


def packs_points(dtype: torch.dtype = torch.bfloat16) -> bool:
    """Whether kernels of one pixel are packed too: in bfloat16 with AMX alone.

    oneDNN has a slow kernel for such blocks elsewhere. On an AMD EPYC with AVX512-BF16 one of 640 channels at 16x16
    took 19 ms packed and 1.1 ms channels-last, one of 1280 at 8x8 73 and 1.5, while 3x3 kernels take 0.3 to 0.9 of
    the time packed.
    """
    return dtype is torch.bfloat16 and "amx_bf16" in cpu_bfloat16()


def _pack_all(component: torch.nn.Module, formats: Collection[torch.dtype]) -> None:
    """Subclasses of layers are left alone: some compute with their weight themselves."""
    tied = _tied(component)
    for name, module in component.named_modules():
        if type(module) in _FEED_FORWARDS and _can_be_packed(module.proj, f"{name}.proj", tied, formats):
            _pack_linear(module.proj, halves=type(module) is not GELU)
            module.__class__ = _FEED_FORWARDS[type(module)]
        elif type(module) is Upsample2D and _is_all_of_one(module, formats):
            module.__class__ = ChannelsLastUpsample2D
        elif _can_be_packed(module, name, tied, formats):
            (_pack_linear if type(module) is torch.nn.Linear else _pack_convolution)(module)


def _is_all_of_one(module: torch.nn.Module, formats: Collection[torch.dtype]) -> bool:
    found = {weight.dtype for weight in module.parameters()}
    return len(found) == 1 and found.issubset(formats)


def _can_be_packed(module: Any, name: str, tied: set[int], formats: Collection[torch.dtype]) -> bool:
    if type(module) is torch.nn.Conv2d:
        if module.padding_mode != "zeros" or isinstance(module.padding, str):
            return False
        if module.kernel_size == (1, 1) and not packs_points(module.weight.dtype):
            return False
    elif type(module) is not torch.nn.Linear:
        return False
    weight = module.weight
    return _is_plain(weight) and weight.dtype in formats and id(weight) not in tied and not _is_adapted(name)


def _is_plain(weight: torch.Tensor) -> bool:
    """Packed and quantized weights, and those of GGUF files, are of other types."""
    return type(weight) is torch.nn.Parameter


def _pack_linear(module: Any, *, halves: bool = False) -> None:
    pieces = module.weight.data.chunk(2) if halves else (module.weight.data,)
    _replace(module, PackedLinear, *(torch.ops.mkldnn._reorder_linear_weight(piece, None) for piece in pieces))


def _pack_convolution(module: Any) -> None:
    places = module.padding, module.stride, module.dilation, module.groups
    blocks = torch.ops.mkldnn._reorder_convolution_weight(module.weight.data, *places, None)
    _replace(module, PackedConv2d, blocks)


def _replace(module: Any, kind: type, *blocks: torch.Tensor) -> None:
    module.__class__ = kind
    module.weight = PackedWeight(*blocks)


def _tied(component: torch.nn.Module) -> set[int]:
    """Weights that several modules share: packed in one, they would be there twice."""
    seen, tied = set[int](), set[int]()
    for module in component.modules():
        for weight in module._parameters.values():
            (tied if id(weight) in seen else seen).add(id(weight))
    return tied


def _is_adapted(name: str) -> bool:
    """A layer within a LoRA's, by its name: peft computes with the weights of some."""
    return any(part == "base_layer" or part.startswith("lora_") for part in name.split("."))
