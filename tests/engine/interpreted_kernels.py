"""What kernels of our own give beside PyTorch's chains of operations, computed by Triton's interpreter on a processor.

    TRITON_INTERPRET=1 python -m tests.engine.interpreted_kernels

Prints a line of JSON: for each case whether the bytes are the same. A process of its own, since the interpreter is
chosen when Triton is imported, and no other test shall see Triton.
"""

# Tested in tests/engine/test_kernels.py.

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch

from safelight.engine.checkpoint.spared_imports import spared

with spared(frozenset()):  # as in a worker of the bundled model; it spares two of five seconds
    from benchmarks.checkpoints import tiny
    from diffusers.models import embeddings
    from diffusers.models.transformers import transformer_flux

    from safelight.engine.tuning.fused import modulation, norm_kernels, rotary
    from safelight.engine.tuning.fused.proven import Proven, name_of

Case = tuple[str, bool]

# bfloat16 is rounded by integers: the interpreter cuts off where a GPU rounds.
FORMATS = {torch.float32: False, torch.float16: False, torch.bfloat16: True}


def same(a: torch.Tensor, b: torch.Tensor) -> bool:
    if (a.dtype, a.shape, a.stride()) != (b.dtype, b.shape, b.stride()):
        return False
    return torch.equal(*(each.contiguous().flatten().view(torch.uint8) for each in (a, b)))


def modulations() -> Iterator[Case]:
    """One position, odd widths, more than one block of columns and of positions, several pictures; scales with gaps."""
    for dtype, by_integers in FORMATS.items():
        for batch, positions, width in ((1, 1, 8), (2, 9, 33), (1, 17, 513), (3, 8, 64)):
            parts = torch.randn(batch, 6 * width).to(dtype).chunk(6, dim=1)
            normed = torch.randn(batch, positions, width).to(dtype)
            ours = modulation.by_kernel(normed, parts[4], parts[1], by_integers=by_integers)
            name = f"modulation {str(dtype).removeprefix('torch.')} {batch}x{positions}x{width}"
            yield name, same(modulation._chain(normed, parts[4], parts[1]), ours)


def norms() -> Iterator[Case]:
    """What comes of it is the norm. On a processor PyTorch adds in another order, which is noticed in float32."""
    for width, left in ((4, True), (516, True), (1536, False)):
        x, scale, shift = torch.randn(2, 3, width) * 3 + 1, torch.randn(2, width), torch.randn(2, width)
        for dtype, near in ((torch.float32, 4e-6), (torch.bfloat16, 0.1)):
            args = (x.to(dtype), scale.to(dtype), shift.to(dtype), 1e-6)
            ours = norm_kernels.normed_and_modulated(*args, left=left, by_integers=FORMATS[dtype])
            exact = modulation._chain_with_norm(args[0].double(), args[1].double(), args[2].double(), 1e-6)
            yield f"norm {width} {str(dtype).removeprefix('torch.')}", bool((ours - exact).abs().max() < near)
    try:
        modulation.norm_by_kernel(*args, left=left, by_integers=True)
    except NotImplementedError as reason:
        yield "norm in another order is refused where rounding hides it", "another order" in str(reason)
    else:
        yield "norm in another order is refused where rounding hides it", False


def every_bfloat16() -> Iterator[Case]:
    """All finite numbers of that format, times some and plus some: ties, the smallest, what grows too large. Rows are
    long, so that blocks of columns are full: each takes the interpreter 30 ms."""
    every = torch.arange(-(2**15), 2**15, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
    every = every[torch.isfinite(every)]
    for factor, added in ((0.0, 0.0), (0.5, 1.0), (-1.75, 3e-38)):
        values = every.view(1, 8, -1)
        width = values.shape[-1]
        scale, shift = (torch.full((1, width), value, dtype=torch.bfloat16) for value in (factor, added))
        ours = modulation.by_kernel(values, scale, shift, by_integers=True)
        yield f"every bfloat16, {factor} {added}", same(modulation._chain(values, scale, shift), ours)


def rotations() -> Iterator[Case]:
    """Both layouts of pairs, both orders of heads and positions, odd numbers of heads, widths that are no power of two,
    and memory in another order than the axes.
    """
    for dtype, by_integers in FORMATS.items():
        for unbind in (-1, -2):
            for sequence in (1, 2):
                for batch, heads, positions, width in ((1, 2, 3, 2), (2, 5, 4, 12), (1, 24, 2, 64), (1, 3, 2, 128)):
                    for permuted in (False, True):
                        order = (positions, heads) if (sequence == 1) != permuted else (heads, positions)
                        x = torch.randn(batch, *order, width).to(dtype)
                        x = x.transpose(1, 2) if permuted else x
                        tables = torch.randn(positions, width), torch.randn(positions, width)
                        ours = rotary.by_kernel(x, tables, True, unbind, sequence, by_integers=by_integers)
                        theirs = embeddings.apply_rotary_emb(x, tables, True, unbind, sequence)
                        kind = f"{str(dtype).removeprefix('torch.')} {unbind} {sequence} {tuple(x.shape)}"
                        yield f"rotary {kind}{' permuted' if permuted else ''}", same(theirs, ours)


def zeros() -> Iterator[Case]:
    """Zeros have signs, and these are bytes too."""
    signs = torch.tensor([0.0, -0.0, 1.0, -1.0])
    x = torch.cartesian_prod(signs, signs).view(1, 16, 1, 2)
    for sine in signs.tolist():
        for cosine in signs.tolist():
            tables = torch.full((16, 2), cosine), torch.full((16, 2), sine)
            for unbind in (-1, -2):
                ours = rotary.by_kernel(x, tables, True, unbind, 1)
                theirs = embeddings.apply_rotary_emb(x, tables, True, unbind, 1)
                yield f"zeros {cosine} {sine} {unbind}", same(theirs, ours)


def refusals() -> Iterator[Case]:
    """What the kernels do not know they refuse: nothing is computed of it."""
    x, tables = torch.randn(1, 4, 2, 8), (torch.randn(4, 8), torch.randn(4, 8))
    turn = partial(rotary.by_kernel, sequence_dim=1)
    normed, scale = torch.randn(2, 3, 8), torch.randn(2, 8)
    modulate, norm = modulation.by_kernel, norm_kernels.normed_and_modulated
    refused: dict[str, Callable[[], Any]] = {
        "complex": lambda: turn(x, tables, False),
        "tables of doubles": lambda: turn(x, tuple(table.double() for table in tables)),
        "tables of other sizes": lambda: turn(x[:, :3], tables),
        "tables with a batch": lambda: turn(x, tuple(table[None] for table in tables)),
        "gaps between numbers": lambda: turn(torch.randn(1, 4, 2, 16)[..., ::2], tables),
        "integers of float32": lambda: turn(x, tables, by_integers=True),
        "doubles": lambda: turn(x.double(), tables),
        "a scale of another format": lambda: modulate(normed, scale.half(), scale),
        "a scale of one picture": lambda: modulate(normed, scale[:1], scale),
        "positions after columns": lambda: modulate(normed.transpose(1, 2), scale, scale),
        "a norm of a width that is taken one by one": lambda: norm(
            torch.randn(2, 3, 7), scale[:, :7], scale[:, :7], 1e-6
        ),
        "a norm of memory that begins between": lambda: norm(torch.randn(49)[1:].view(2, 3, 8), scale, scale, 1e-6),
        "a scale with gaps": lambda: modulate(normed, torch.randn(2, 16)[:, ::2], scale),
    }
    for name, call in refused.items():
        try:
            call()
        except NotImplementedError:
            yield f"refused: {name}", True
        else:
            yield f"refused: {name}", False


def pictures() -> Iterator[Case]:
    """A model draws the same by kernels, which a stopwatch that favours them has it use."""
    pipeline = tiny.flux()
    pipeline.set_progress_bar_config(disable=True)
    used: list[str] = []

    def draw() -> torch.Tensor:
        generator = torch.Generator().manual_seed(1)
        options = {"num_inference_steps": 4, "output_type": "latent", "generator": generator, "max_sequence_length": 8}
        latents: torch.Tensor = pipeline("a", height=16, width=16, **options).images
        return latents

    def favouring(function: Proven) -> Proven:
        def way(*args: Any, **named: Any) -> Any:
            used.append(function.plain.__name__)
            return function.faster[0](*args, **named)

        def stopwatch(device: str, call: Callable[[], Any]) -> tuple[Any, float]:
            before = len(used)
            result = call()
            return result, 1.0 if len(used) > before else 2.0

        return Proven(function.plain, way, stopwatch=stopwatch)

    before = draw()
    rotary.rotary = favouring(rotary.rotary)
    # The norm too has another order on a processor.
    ways = [way for way in modulation.normed_and_modulated.faster if name_of(way) == "norm, by_kernel"]
    modulation.normed_and_modulated = favouring(Proven(modulation._chain_with_norm, *ways))
    rotary.turn_faster(pipeline)
    modulation.modulate_in_place(pipeline)
    assert transformer_flux.apply_rotary_emb is rotary.rotary
    yield "a picture", same(before, draw())
    for function in (rotary.rotary, modulation.normed_and_modulated):
        chosen = any(trials.chosen for trials in function._known.values())
        yield f"a picture is drawn by the kernel for {function.plain.__name__}", chosen


def main() -> None:
    torch.manual_seed(1)
    torch.set_num_threads(1)
    begun = time.perf_counter()
    with torch.no_grad():
        found = dict(
            case
            for part in (modulations, norms, every_bfloat16, rotations, zeros, refusals, pictures)
            for case in part()
        )
    print(json.dumps({"cases": found, "seconds": round(time.perf_counter() - begun, 1)}))


if __name__ == "__main__":
    main()
