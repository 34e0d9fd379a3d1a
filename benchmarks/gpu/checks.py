"""Checks on a device that are neither a family's contract nor a speed: several models, full memory, Postcard, waits.

    python -m benchmarks.gpu.checks several-models|out-of-memory|no-waits|postcard [--device cuda:0] [--small]

Each prints one line of JSON; the exit status says whether what was promised held.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Any

import torch

from benchmarks.gpu.drawing import Drawer, built, picture, seconds
from safelight.protocol.messages import Event, Failed, Finished, ModelSpec, Stepped


def _tiny(names: tuple[str, ...], device: str) -> list[Any]:
    from benchmarks.checkpoints.build import FAMILIES

    return [built(FAMILIES[name].build().to(device), name, device) for name in names]


def several_models(device: str, *, small: bool) -> dict[str, Any]:
    """Two models that draw at once have the bytes that each has alone."""
    models = _tiny(("flux.1-dev", "stable-diffusion-3"), device)
    jobs = [picture(model, 64, 8) for model in models for _ in range(2)]
    alone = []
    for each in jobs:
        with Drawer(*models) as drawer:
            alone += drawer.draw(each)
    with Drawer(*models) as drawer:
        together = drawer.draw(*jobs)
    pairs = list(zip(alone, together, strict=True))
    assert all(isinstance(a, Finished) and isinstance(b, Finished) and a.image == b.image for a, b in pairs)
    return {"pictures with the same bytes alone and together": len(pairs)}


def out_of_memory(device: str, *, small: bool) -> dict[str, Any]:
    """A picture that finds no room fails and says so, and the next one is drawn."""
    (model,) = _tiny(("flux.1-dev",), device)
    with Drawer(model) as drawer:
        (before,) = drawer.draw(picture(model, 64, 4))
        if not device.startswith("cuda"):
            return {"not run": "a CPU's memory is not to be filled"}
        free, _ = torch.cuda.mem_get_info(device)
        taken = torch.empty(free - 2**26, dtype=torch.uint8, device=device)
        (full,) = drawer.draw(picture(model, 4096, 1))
        del taken
        torch.cuda.empty_cache()
        (after,) = drawer.draw(picture(model, 64, 4))
    assert isinstance(full, Failed), full
    assert full.retry_helps, full
    assert isinstance(before, Finished)
    assert isinstance(after, Finished)
    assert before.image == after.image
    return {"said": full.reason}


def no_waits(device: str, *, small: bool) -> dict[str, Any]:
    """From the second step to the last but one of a picture, whatever makes the host wait for the device is an error.
    One like it was drawn before: what is tried at a new shape may wait.
    """
    (model,) = _tiny(("flux.1-dev",), device)
    steps = 12
    strict = iter([2, steps - 1])

    def told(event: Event) -> None:
        """In the engine's thread, between two steps."""
        if isinstance(event, Stepped) and event.job_id == second.id and event.step in (2, steps - 1):
            if device.startswith("cuda"):
                torch.cuda.set_sync_debug_mode("error" if event.step == 2 else "default")
            next(strict)

    first, second = picture(model, 64, steps), picture(model, 64, steps)
    with Drawer(model, on_event=told) as drawer:
        (before,), (after,) = drawer.draw(first), drawer.draw(second)
    assert isinstance(before, Finished), before
    assert isinstance(after, Finished), after
    assert before.image == after.image
    assert next(strict, None) is None
    return {"steps in which a wait is an error": steps - 3 if device.startswith("cuda") else 0}


def postcard(device: str, *, small: bool) -> dict[str, Any]:
    """The bundled model on the device: seconds of a picture, and the same bytes twice."""
    from safelight.engine.checkpoint.files.location import BUNDLED
    from safelight.engine.checkpoint.loading import load

    model = load(ModelSpec(source=BUNDLED), device)
    side = 128 if small else 1024
    with Drawer(model) as drawer:
        first, again = (drawer.draw(picture(model, side, 8))[0] for _ in range(2))
        took = min(seconds(lambda: drawer.draw(picture(model, side, 8))) for _ in range(3))
    assert isinstance(first, Finished)
    assert isinstance(again, Finished)
    assert first.image == again.image
    return {"seconds of a picture": round(took, 3), "of which decoding": round(again.timings.of("decode"), 3)}


CHECKS: dict[str, Callable[..., dict[str, Any]]] = {
    "several-models": several_models,
    "out-of-memory": out_of_memory,
    "no-waits": no_waits,
    "postcard": postcard,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=sorted(CHECKS))
    parser.add_argument("--device", default="cuda:0")
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    print(json.dumps(CHECKS[arguments.name](arguments.device, small=arguments.small)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
