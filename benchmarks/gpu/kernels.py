"""Each faster form of a chain of operations, at the shapes of real models: whether its bytes are the same, its time.

    python -m benchmarks.gpu.kernels [--device cuda:0] [--small]

Prints lines of JSON, each with all that is known by then: for each shape what every way gave, and its least time of
some in parts of diffusers' chain. It fails at nothing: a way that differs is one that the engine refuses. Stable
Diffusion XL has none of these operations. On a processor there are no kernels, and it says so.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from safelight.engine.tuning.fused.modulation import modulated, normed_and_modulated
from safelight.engine.tuning.fused.proven import Proven, Tried, name_of
from safelight.engine.tuning.fused.rotary import rotary

TURNS = 5

Values = tuple[tuple[Any, ...], dict[str, Any]]
Make = Callable[[torch.dtype, str], Values]


@dataclass(frozen=True)
class Shape:
    """What a model calls at 1024x1024: `make` gives its arguments, of a number format and on a device."""

    name: str
    function: Proven
    make: Make


def _modulation(positions: int, width: int, dtype: torch.dtype, device: str) -> Values:
    """Scale and shift lie among six of their kind, as the linear layer before them gives them."""
    parts = torch.randn(1, 6 * width, device=device).to(dtype).chunk(6, dim=1)
    return (torch.randn(1, positions, width, device=device).to(dtype), parts[1], parts[0]), {}


def _norm(positions: int, width: int, dtype: torch.dtype, device: str) -> Values:
    args, named = _modulation(positions, width, dtype, device)
    return (*args, 1e-6), named


def _rotary(
    positions: int, heads: int, width: int, unbind: int, sequence: int, dtype: torch.dtype, device: str
) -> Values:
    order = (positions, heads) if sequence == 1 else (heads, positions)
    angles = torch.rand(positions, width, device=device) * 6.28
    named = {"use_real_unbind_dim": unbind, "sequence_dim": sequence}
    return (torch.randn(1, *order, width, device=device).to(dtype), (angles.cos(), angles.sin())), named


def shapes(*, small: bool) -> list[Shape]:
    if small:
        modulations, turns = {"small": (16, 64)}, {"small": (16, 2, 8)}
    else:
        modulations = {
            "flux1-dev, single": (4608, 3072),
            "flux1-dev, text": (512, 3072),
            "sd35-large": (4096, 2432),
            "sd35-large, text": (333, 2432),
        }
        turns = {"flux1-dev": (4608, 24, 128)}
    found = [
        Shape(f"{what} {name} {'x'.join(map(str, size))}", function, partial(make, *size))
        for what, function, make in (
            ("modulation", modulated, _modulation),
            ("norm and modulation", normed_and_modulated, _norm),
        )
        for name, size in modulations.items()
    ]
    layouts = {"side by side": (-1, 1), "side by side, heads first": (-1, 2), "halves": (-2, 1)}
    for name, size in turns.items():
        for layout, how in layouts.items():
            make = partial(_rotary, *size, *how)
            found.append(Shape(f"rotary {name} {'x'.join(map(str, size))} {layout}", rotary, make))
    return found


def compared(shape: Shape, dtype: torch.dtype, device: str) -> dict[str, str]:
    """Of each way what it gave in all turns, and its least time in parts of the plain one's."""
    plain = float("inf")
    tried: dict[str, list[Tried]] = {}
    for _ in range(TURNS):
        # Anew each time: one of the ways computes where its arguments lie.
        args, named = shape.make(dtype, device)
        _, seconds, ways = shape.function.compare(shape.function.faster, *args, **named)
        plain = min(plain, seconds)
        for each in ways:
            tried.setdefault(name_of(each.way), []).append(each)
    return {name: _told(all_turns, plain) for name, all_turns in tried.items()}


def _told(turns: list[Tried], plain: float) -> str:
    why = next((each.why for each in turns if each.seconds is None), None)
    if why is not None:
        return f"not run: {why}"
    least = min(each.seconds for each in turns if each.seconds is not None)
    return (
        f"{'same' if all(each.same for each in turns) else 'OTHER'} bytes, {least / plain:.2f} of {plain * 1e6:.0f} µs"
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    torch.manual_seed(7)
    figures: dict[str, str] = {}
    with torch.no_grad():
        for shape in shapes(small=arguments.small):
            for dtype in (torch.bfloat16, torch.float32):
                ways = compared(shape, dtype, arguments.device)
                name = f"{shape.name} {str(dtype).removeprefix('torch.')}"
                figures |= {f"{name}, {way}": told for way, told in ways.items()}
                print(json.dumps(figures, ensure_ascii=False), flush=True)  # as far as it comes
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
