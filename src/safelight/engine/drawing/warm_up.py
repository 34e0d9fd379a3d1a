"""The first pictures after loading, drawn for nobody: they measure what a step costs at which size, and are kept.

They also pay for what every first call pays: allocations, kernels chosen or compiled, pages of the weights read.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from msgspec.structs import replace

from safelight.contract.errors import ModelLoadError, SafelightError
from safelight.contract.models.costs import CostPoint
from safelight.contract.models.stages import FIRST, STAGES, STEPS
from safelight.contract.values.sizes import SIZES, Size
from safelight.engine.drawing.trial import trial_order
from safelight.engine.machine.cpu.team_size import counts_to_try
from safelight.engine.machine.device import reference_threads
from safelight.engine.machine.library_errors import is_out_of_memory, missing_package
from safelight.engine.machine.pace import now
from safelight.engine.output.previews import Previewer
from safelight.engine.pipeline.drawn_size import within_drawn_size
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.pipeline.stand_ins.standin import StepTaken, copy_for_run
from safelight.engine.residency.measurements import read_kept, write_kept
from safelight.engine.tasks.choice import task_of
from safelight.engine.tasks.task import PictureRefused

log = logging.getLogger(__name__)

_STEPS = 2
_SIDES = (512, 1024)
_MOST_ROUNDS, _ALIKE = 4, 1.3


def warm_up(
    model: LoadedModel, previewer: Previewer, *, budget_seconds: float, kept: Path | None = None, threads: bool = False
) -> tuple[CostPoint, ...]:
    """Measure a model, or read what was measured for the same fingerprint. A size that it does not draw is left out.

    `budget_seconds` bounds what may be spent: a size that is expected to take longer is not tried. What is compiled is
    compiled beyond it, in every process anew. `kept` is a folder. `threads`: fewer than all are tried too.

    Raises:
        ModelLoadError: neither the first size nor the model's own can be drawn: it can draw nothing.
    """
    known = read_kept(kept / f"{model.fingerprint}.json", tuple[CostPoint, ...]) if kept is not None else None
    if budget_seconds <= 0:
        return known or ()
    if model.compiled:
        _compile(model, previewer)
    tries = threads and model.device == "cpu" and reference_threads() > 1
    if known and (not tries or any(point.threads for point in known)):
        return known
    began = time.perf_counter()
    points = known or tuple(_measured(model, previewer, budget_seconds / 2 if tries else budget_seconds))
    if tries and points:
        points += tuple(_by_threads(model, previewer, points, budget_seconds - (time.perf_counter() - began)))
    if points:
        keep(model, points, kept)
    return points


def _compile(model: LoadedModel, previewer: Previewer) -> None:
    """Draw every size of the contract once, however long that takes: what is compiled here nobody waits for later."""
    for size in map(Size.parse, SIZES):
        try:
            measure(model, size.width, size.height, _STEPS, previewer)
        except Exception as error:  # noqa: BLE001 - a model that cannot draw this size may draw others
            log.warning("a picture of %s could not be drawn to compile it: %s", size, type(error).__name__)


def keep(model: LoadedModel, points: tuple[CostPoint, ...], folder: Path | None) -> None:
    """Keep what is known by now for the next start; pictures that are drawn correct what was measured first."""
    if folder is not None:
        write_kept(folder / f"{model.fingerprint}.json", points)


def _measured(model: LoadedModel, previewer: Previewer, budget_seconds: float) -> Iterator[CostPoint]:
    left, before = budget_seconds, 0.0
    for side in _SIDES:
        if 4 * before > left:  # four times the pixels take about that, or more
            return
        began = time.perf_counter()
        try:
            point = measure(model, side, side, _STEPS, previewer)
            if not before and 2 * (time.perf_counter() - began) < left:  # the very first pays for everything once
                left -= time.perf_counter() - began
                began = time.perf_counter()
                point = measure(model, side, side, _STEPS, previewer)
        except Exception as error:  # a model that cannot draw this size may draw others
            log.warning("a picture of %dx%d could not be drawn to warm up", side, side, exc_info=not before)
            if not before and not is_out_of_memory(error):
                yield _at_its_own_size(model, previewer)
            return
        before = time.perf_counter() - began
        left -= before
        yield point


def _at_its_own_size(model: LoadedModel, previewer: Previewer) -> CostPoint:
    try:
        return measure(model, model.traits.width, model.traits.height, model.steps, previewer)
    except Exception as error:
        if is_out_of_memory(error):
            raise ModelLoadError(
                f"The model was loaded, and memory does not suffice for a picture ({type(error).__name__})."
            ) from error
        log.exception("a picture of the model's own size could not be drawn")
        why = missing_package(error) or (str(error) if isinstance(error, SafelightError) else "")
        raise ModelLoadError(
            "The model was loaded, but cannot draw: its first picture failed "
            f"({type(error).__name__}). {why or 'The log of the worker says more.'}"
        ) from error


def _by_threads(
    model: LoadedModel, previewer: Previewer, points: tuple[CostPoint, ...], budget_seconds: float
) -> Iterator[CostPoint]:
    """The largest picture that there is time for, with all threads and with fewer, the best of two each if there is
    time for that too, and of up to four where no two took alike: then somebody disturbed them.

    In turns, so that a neighbour disturbs all alike, the fewest threads first: beside neighbours a team of all may take
    several times what it takes at rest, and that must not hide that one thread does not.
    """
    all_threads, began = reference_threads(), time.perf_counter()
    counts = counts_to_try(all_threads)
    once = sum(all_threads / count for count in counts)
    fitting = [point for point in points if once * point.total(_STEPS) <= budget_seconds]
    if not fitting:
        log.info("measuring took too long to try fewer than %d threads", all_threads)
        return
    point = max(fitting, key=lambda p: p.pixels)
    side, tried = math.isqrt(point.pixels), {count: list[CostPoint]() for count in counts}
    for count in counts * _MOST_ROUNDS:
        if _are_alike(tried[count]):
            continue
        # Half of the threads take twice the time at most.
        expected = _best(tried[count]).total(_STEPS) if tried[count] else point.total(_STEPS) * all_threads / count
        if time.perf_counter() - began + expected > budget_seconds:
            break
        torch.set_num_threads(count)
        try:
            tried[count].append(measure(model, side, side, _STEPS, previewer))
        finally:
            torch.set_num_threads(all_threads)
    if all(tried.values()):
        for count in counts:
            found = _best(tried[count])
            log.info("a picture of %dx%d takes %.2f s with %d threads", side, side, found.total(_STEPS), count)
            yield replace(found, threads=count)


def _best(found: list[CostPoint]) -> CostPoint:
    return min(found, key=lambda point: point.total(_STEPS))


def _are_alike(found: list[CostPoint]) -> bool:
    """Whether the two least are: nobody disturbed these."""
    least, *more = sorted(point.total(_STEPS) for point in found) or [0.0]
    return bool(more) and more[0] <= _ALIKE * least


def measure(model: LoadedModel, width: int, height: int, steps: int, previewer: Previewer) -> CostPoint:
    """Draw one picture and say what its stages took, in seconds; the previewer may learn from it."""
    seconds = dict.fromkeys(STAGES, 0.0)
    stage, since = FIRST, now(model.device)

    def hand(call: Call) -> Any:
        nonlocal stage, since
        here = now(model.device)
        seconds[stage] += here - since
        stage, since = call.stage, here
        return call.execute()

    latents: Any = None

    def stepped(taken: StepTaken) -> None:
        nonlocal latents
        latents = taken.latents

    order = trial_order(model, width, height, steps)
    task = task_of(order, model)
    pipeline = copy_for_run(task.pipeline(model), hand, stepped, within=within_drawn_size(model, width, height))
    drawn = None
    with torch.no_grad(), suppress(PictureRefused):  # it drew, and its safety checker would not show that
        drawn = task.draw(pipeline, torch.Generator("cpu").manual_seed(order.recipe.seed))
    seconds[stage] += now(model.device) - since
    if drawn is not None and previewer.wants_examples:
        previewer.learn(latents, drawn.picture)
    return CostPoint(
        pixels=order.recipe.pixels,
        passes=order.recipe.passes,
        step=seconds.pop(STEPS) / task.steps,
        once={stage: took for stage, took in seconds.items() if took},
    )
