"""Compiles kernels of our own for GPUs that need not be here.

    python -m tests.engine.compiled_kernels

Prints a line of JSON: for each kernel, number format and generation of GPUs the PTX that Triton makes of it, once
NVIDIA's assembler (which comes with Triton) has taken it. At the shapes of FLUX.1: everything a multiple of 16.
"""

# Tested in tests/engine/test_kernels.py.

from __future__ import annotations

import json
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from safelight.engine.tuning.fused import kernels, norm_kernels

FORMATS = {"float32": "*fp32", "bfloat16": "*bf16", "float16": "*fp16", "bfloat16 by integers": "*i16"}
GENERATIONS = {"A100": 80, "H100 and H200": 90, "B200": 100}
KERNELS: dict[Any, tuple[int, dict[str, int]]] = {
    kernels._modulate: (2, {"ROWS": 8, "COLUMNS": 512}),
    kernels._turn_interleaved: (4, {"HEADS": 8, "WIDTH": 128}),
    kernels._turn_halves: (2, {"HEADS": 8, "WIDTH": 128}),
    norm_kernels._norm_and_modulate: (4, {"THREADS": 128, "COLUMNS": 512, "LEFT": True}),
}
STORED = ("out", "x", "normed", "scale", "shift")
TABLES = ("cos", "sin")


def ptx_of(kernel: Any, stored: str, capability: int) -> str:
    warps, constants = KERNELS[kernel]
    kinds = dict.fromkeys(kernel.arg_names, "i32") | dict.fromkeys(constants, "constexpr")
    kinds |= {
        name: kind
        for names, kind in ((STORED, stored), (TABLES, "*fp32"), (("eps",), "fp32"))
        for name in names
        if name in kinds
    }
    multiples = {(place,): [["tt.divisibility", 16]] for place, kind in enumerate(kinds.values()) if kind[0] in "*i"}
    source = ASTSource(kernel, signature=kinds, constexprs=constants, attrs=multiples)
    options = {"num_warps": warps, "enable_fp_fusion": False}
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    assert len(made.asm["cubin"])
    return str(made.asm["ptx"])


def main() -> None:
    made = {
        f"{kernel.__name__} {name} {generation}": ptx_of(kernel, stored, capability)
        for kernel in KERNELS
        for name, stored in FORMATS.items()
        for generation, capability in GENERATIONS.items()
    }
    print(json.dumps(made))


if __name__ == "__main__":
    main()
