"""Linear layers whose weights are whole numbers of eight bits, with a factor for each row.

OpenVINO keeps such weights in eight bits and multiplies by the factors within its products, where a graph says so as
number, conversion, factor (https://docs.openvino.ai, "Weight compression"). PyTorch computes with the same rounded
weights, so that what OpenVINO makes of them can be held to it as closely as that of plain weights.

Where what is multiplied by them is rounded to eight bits too, the processor multiplies whole numbers, of which it takes
twice as many at once as of bfloat16 (AVX-512 VNNI). Each token has a factor of its own, found in each call: nothing is
calibrated, and no picture depends on what is drawn beside it. Convolutions stay plain: one factor for all places is too
coarse (a U-Net of random weights was 11 % from PyTorch's result, and 2.7 % with linear layers alone, as in bfloat16).
"""

# Tested in tests/engine/test_openvino_eight_bits.py.

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from msgspec.structs import replace
from torch.nn import functional

from safelight.contract.models.options import ModelOptions, Quantization

INT8 = Quantization(backend="torchao", options={"quant_type": "Int8WeightOnlyConfig"})
"""What `quantization = "int8"` stands for: linear layers' weights in eight bits, a factor for each row."""
_MOST = 127
_LEAST = 1e-20  # no division by nothing, in bfloat16 either
_whole_products: ContextVar[bool] = ContextVar("whole_products", default=False)


def without_quantization(options: ModelOptions) -> ModelOptions:
    """The options that a checkpoint is read with: for OpenVINO weights are rounded here, once they are read."""
    return options if options.runtime == "pytorch" else replace(options, quantization=())


@contextmanager
def whole_products(wanted: bool) -> Iterator[None]:
    """Within it, if `wanted`, layers in eight bits round what they multiply by their weights too."""
    token = _whole_products.set(wanted)
    try:
        yield
    finally:
        _whole_products.reset(token)


class EightBitLinear(torch.nn.Linear):
    """A linear layer whose `weight` is worked out of `numbers` (int8, [out, in]) and `factors` (float32, [out, 1]), in
    the `format` of the layer, which has each factor as it is.

    Where OpenVINO (2026.4) is to convert the product of both, it works the weights out anew in each call, which took
    twice the time, and more memory than plain ones.
    """

    __jit_unused_properties__ = ("weight",)  # else a tracer compiles it
    numbers: torch.Tensor
    factors: torch.Tensor
    format: torch.dtype

    @property
    def weight(self) -> torch.Tensor:  # type: ignore[override]
        return self.numbers.to(self.format) * self.factors.to(self.format)

    def __dir__(self) -> list[str]:
        """Without `weight`: a tracer looks at all that is listed, twice, and would work it out each time. That took 30
        of 50 s for Stable Diffusion XL, and 10 GB, since it adds to memory between what it frees."""
        listed: list[str] = super().__dir__()  # type: ignore[no-untyped-call]
        return [name for name in listed if name != "weight"]

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Rounding a vector for each picture costs more than it spares: those are multiplied as they are."""
        if input.ndim < 3 or not _whole_products.get():
            return functional.linear(input, self.weight, self.bias)
        whole, factors = _whole(input)
        result = functional.linear(whole, self.numbers.float() * self.factors) * factors
        return (result if self.bias is None else result + self.bias.float()).to(input.dtype)


def in_eight_bits(module: torch.nn.Module) -> None:
    """Round the weights of a module's linear layers in place, symmetrically, each row by its largest number: at most
    1/254 of that is lost. Subclasses of the layer, and weights that two layers share, are left alone."""
    uses = Counter(id(layer._parameters.get("weight")) for layer in module.modules())
    for layer in module.modules():
        if type(layer) is torch.nn.Linear and uses[id(layer.weight)] == 1:
            _round(layer)


def _round(layer: torch.nn.Linear) -> None:
    weight, format = layer.weight.data.float(), layer.weight.dtype
    factors = (weight.abs().amax(1, keepdim=True) / _MOST).clamp_min(_LEAST).to(format).float()
    numbers = (weight / factors).round().clamp(-_MOST, _MOST).to(torch.int8)
    del layer._parameters["weight"]
    layer.__class__ = EightBitLinear
    layer.__dict__["format"] = format
    layer.register_buffer("numbers", numbers)
    layer.register_buffer("factors", factors)


def _whole(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Whole numbers, and what each token's are to be multiplied by."""
    x = x.float()
    factors = x.abs().amax([-1], keepdim=True).clamp_min(_LEAST) / _MOST
    # OpenVINO has one operation for rounding within bounds, by which it knows products of eight bits.
    return torch.fake_quantize_per_tensor_affine(x / factors, 1.0, 0, -_MOST, _MOST), factors
