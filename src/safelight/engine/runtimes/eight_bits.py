"""Linear layers whose weights are whole numbers of eight bits, with a factor for each row.

OpenVINO keeps such weights in eight bits and multiplies by the factors within its products, where a graph says so as
number, conversion, factor (https://docs.openvino.ai, "Weight compression"). PyTorch computes with the same rounded
weights, so that what OpenVINO makes of them can be held to it as closely as that of plain weights.
"""

# Tested in tests/engine/test_openvino_eight_bits.py.

from __future__ import annotations

from collections import Counter

import torch
from msgspec.structs import replace

from safelight.contract.models.options import ModelOptions, Quantization

INT8 = Quantization(backend="torchao", options={"quant_type": "Int8WeightOnlyConfig"})
"""What `quantization = "int8"` stands for: linear layers' weights in eight bits, a factor for each row."""
_MOST = 127
_LEAST = 1e-30  # no division by nothing, in bfloat16 either


def without_quantization(options: ModelOptions) -> ModelOptions:
    """The options that a checkpoint is read with: for OpenVINO weights are rounded here, once they are read."""
    return options if options.runtime == "pytorch" else replace(options, quantization=())


class EightBitLinear(torch.nn.Linear):
    """A linear layer whose `weight` is worked out of `numbers` (int8, [out, in]) and `factors` ([out, 1]).

    Factors are in the format of the layer: where they are converted after the product, OpenVINO (2026.4) works the
    weights out anew in each call, which took twice the time, and more memory than plain ones.
    """

    __jit_unused_properties__ = ("weight",)  # else a tracer compiles it
    numbers: torch.Tensor
    factors: torch.Tensor

    @property
    def weight(self) -> torch.Tensor:  # type: ignore[override]
        return self.numbers.to(self.factors.dtype) * self.factors


def in_eight_bits(module: torch.nn.Module) -> None:
    """Round the weights of a module's linear layers in place, symmetrically, each row by its largest number: at most
    1/254 of that is lost. Subclasses of the layer, and weights that two layers share, are left alone."""
    uses = Counter(id(layer._parameters.get("weight")) for layer in module.modules())
    for layer in module.modules():
        if type(layer) is torch.nn.Linear and uses[id(layer.weight)] == 1:
            _round(layer)


def _round(layer: torch.nn.Linear) -> None:
    weight = layer.weight.data.float()
    factors = (weight.abs().amax(1, keepdim=True) / _MOST).clamp_min(_LEAST).to(layer.weight.dtype)
    numbers = (weight / factors.float()).round().clamp(-_MOST, _MOST).to(torch.int8)
    del layer._parameters["weight"]
    layer.__class__ = EightBitLinear
    layer.register_buffer("numbers", numbers)
    layer.register_buffer("factors", factors)
