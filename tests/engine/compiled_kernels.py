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

from safelight.engine.tuning.fused import kernels

FORMATS = {"float32": "*fp32", "bfloat16": "*bf16", "float16": "*fp16", "bfloat16 by integers": "*i16"}
GENERATIONS = {"A100": 80, "H100 and H200": 90, "B200": 100}
KERNELS: dict[Any, tuple[int, dict[str, int]]] = {
    kernels._modulate: (2, {"ROWS": 8, "COLUMNS": 512}),
    kernels._turn_interleaved: (4, {"HEADS": 8, "WIDTH": 128}),
    kernels._turn_halves: (2, {"HEADS": 8, "WIDTH": 128}),
}
STORED = ("out", "x", "normed", "scale", "shift")
TABLES = ("cos", "sin")


def ptx_of(kernel: Any, stored: str, capability: int) -> str:
    warps, constants = KERNELS[kernel]
    kinds = {name: stored if name in STORED else "*fp32" if name in TABLES else "i32" for name in kernel.arg_names}
    kinds |= dict.fromkeys(constants, "constexpr")
    multiples = {(place,): [["tt.divisibility", 16]] for place in range(len(kernel.arg_names) - len(constants))}
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
