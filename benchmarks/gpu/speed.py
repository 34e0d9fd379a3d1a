"""One architecture at full size with random weights: the engine beside diffusers, in turns, in one process.

    python -m benchmarks.gpu.speed sdxl|sd35-large|flux1-dev [--device cuda:0] [--small]

Prints one line of JSON. Seconds a step are the difference between a picture of few and one of many steps, the least of
three turns: of diffusers, of the engine running calls as they are, and of the engine with recorded ones. `overhead` is
the engine's own, in parts of diffusers' step. Last, since they change the model: the engine with recorded calls and
what it computes in fewer passes (`engine/tuning/fused`), and diffusers' denoiser compiled.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks.gpu.drawing import Drawer, built, picture, seconds
from benchmarks.peers.architectures import ARCHITECTURES
from benchmarks.peers.measuring import PROMPT
from benchmarks.peers.with_diffusers import denoiser, products_rate
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.tuning.fused.modulation import modulate_in_place
from safelight.engine.tuning.fused.rotary import turn_faster
from safelight.protocol.messages import Finished

FEW, MANY, TURNS = 2, 12, 3


def model_of(name: str, device: str, *, small: bool) -> tuple[LoadedModel, int]:
    """The model on its device, and the side of its pictures in pixels."""
    if small:
        from benchmarks.checkpoints.build import FAMILIES

        pipeline, side = FAMILIES["flux.1-dev"].build().to(device), 64
    else:
        wanted = ARCHITECTURES[name]
        before = torch.get_default_dtype()
        torch.set_default_dtype(
            torch.bfloat16
        )  # made where and as they are needed: 34 GB on the host would take minutes
        try:
            with torch.device(device):
                pipeline = wanted.build()
        finally:
            torch.set_default_dtype(before)
        pipeline, side = pipeline.to(device, torch.bfloat16), 1024
    return built(pipeline, name, device), side


def by_hand(model: LoadedModel, side: int) -> Callable[[int], object]:
    """diffusers' own call."""

    def draw(steps: int) -> object:
        generator = torch.Generator("cpu").manual_seed(7)
        return model.pipeline(PROMPT, height=side, width=side, num_inference_steps=steps, generator=generator)

    return draw


def steps_in_turns(rows: dict[str, Callable[[int], object]]) -> dict[str, float]:
    """Seconds of a step of each, in turns."""
    for draw in rows.values():
        draw(FEW)
        draw(MANY)
    least: dict[str, dict[int, float]] = {name: {} for name in rows}
    for _ in range(TURNS):
        for name, draw in rows.items():
            for steps in (FEW, MANY):
                took = seconds(lambda draw=draw, steps=steps: draw(steps))  # type: ignore[misc]
                least[name][steps] = min(took, least[name].get(steps, took))
    return {name: (found[MANY] - found[FEW]) / (MANY - FEW) for name, found in least.items()}


def waits_in_steps(draw: Callable[[int], object], device: str) -> int | None:
    """How often a step waits for the device: PyTorch tells each (`torch.cuda.set_sync_debug_mode`)."""
    if not device.startswith("cuda"):
        return None
    counted = []
    for steps in (FEW, MANY):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            draw(steps)
            torch.cuda.set_sync_debug_mode("default")
        counted.append(sum("synchroniz" in str(each.message) for each in caught))
    return (counted[1] - counted[0]) // (MANY - FEW)


def measured(name: str, device: str, *, small: bool) -> dict[str, Any]:
    model, side = model_of(name, device, small=small)
    with Drawer(model, recorded=False) as plain, Drawer(model) as recorded:

        def by(drawer: Drawer) -> Callable[[int], object]:
            return lambda steps: drawer.draw(picture(model, side, steps))

        rows = {"diffusers": by_hand(model, side), "engine": by(plain), "recorded": by(recorded)}
        step = steps_in_turns(rows)
        ends = [drawer.draw(picture(model, side, FEW))[0] for drawer in (plain, recorded)]
        one = seconds(lambda: recorded.draw(picture(model, side, MANY)))
        eight = seconds(lambda: recorded.draw(*(picture(model, side, MANY, seed) for seed in range(8))))
        waits = waits_in_steps(by(plain), device)
    turn_faster(model.pipeline)
    modulate_in_place(model.pipeline)
    with Drawer(model) as fused:
        step |= steps_in_turns({"recorded and fused": lambda steps: fused.draw(picture(model, side, steps))})
        ends += fused.draw(picture(model, side, FEW))
    figures: dict[str, Any] = {f"{row}, s a step": round(value, 5) for row, value in step.items()}
    figures |= {
        "overhead": round(step["engine"] / step["diffusers"] - 1, 4),
        "recorded in parts of diffusers": round(step["recorded"] / step["diffusers"], 3),
        "recorded has the same bytes": _same(ends[:2]),
        "recorded and fused has the same bytes": _same(ends),
        "eight in flight in parts of eight alone": round(eight / (8 * one), 3),
        "waits for the device in a step": waits,
    }
    if device.startswith("cuda"):
        operations = operations_of(model, side)
        figures["share of the bfloat16 rate"] = round(operations / step["recorded"] / products_rate(device), 3)
        print(json.dumps(figures), flush=True)  # compiling may take longer than there is time
        compile_blocks(denoiser(model.pipeline), fullgraph=True)
        compiled = steps_in_turns({"compiled": by_hand(model, side)})
        figures["diffusers compiled, s a step"] = round(compiled["compiled"], 5)
    if not _same(ends):
        raise SystemExit(f"{name}: {figures}")
    return figures


def compile_blocks(module: Any, **options: Any) -> None:
    """As `compile_repeated_blocks`, also where diffusers does not name a class's blocks, as of Stable Diffusion 3: the
    longest list is theirs.
    """
    if module._repeated_blocks:
        module.compile_repeated_blocks(**options)
        return
    for block in max((each for each in module.children() if isinstance(each, torch.nn.ModuleList)), key=len):
        block.compile(**options)


def _same(ends: Sequence[object]) -> bool:
    """Whether all ended with one and the same picture."""
    return all(isinstance(end, Finished) for end in ends) and len({getattr(end, "image", b"") for end in ends}) == 1


def operations_of(model: LoadedModel, side: int) -> float:
    """Floating point operations of a step, a multiplication and an addition counted as two."""
    from benchmarks.peers.with_diffusers import counting

    counted: list[int] = []
    with counting(denoiser(model.pipeline), counted):
        by_hand(model, side)(1)
    return float(sum(counted))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=["sdxl", "sd35-large", "flux1-dev"])
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    print(json.dumps(measured(arguments.name, arguments.device, small=arguments.small)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
