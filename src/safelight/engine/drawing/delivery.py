"""What is done with pictures beside the drawing: files, previews, lessons. In threads of its own."""

# Tested in tests/engine/test_loop.py.

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec

import torch
from PIL import Image

from safelight.contract.models.costs import CostPoint
from safelight.engine.machine.stage_ages import StageAges
from safelight.engine.machine.streams import fetched
from safelight.engine.output.encode import encode
from safelight.engine.output.previews import Previewer, clean
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.stand_ins.standin import StepTaken
from safelight.engine.runs.run import Run
from safelight.protocol.messages import End, Event, Failed, Finished, Preview, Tier
from safelight.protocol.times import BusyStage, StageSpan, Work

log = logging.getLogger(__name__)

_P = ParamSpec("_P")

Latents = Callable[[], torch.Tensor]
Keep = Callable[[LoadedModel, tuple[CostPoint, ...]], None]


class Delivery:
    """Turns what runs leave behind into events. `end` is told how an order ended, `emit` everything else."""

    def __init__(self, emit: Callable[[Event], None], end: Callable[[End], None], keep: Keep, ages: StageAges) -> None:
        self._emit, self._end, self._keep, self._ages = emit, end, keep, ages
        self._showing: set[str] = set()
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="encode")

    def finish(self, run: Run) -> None:
        """A run has its picture: it teaches what a picture costs by itself, and becomes a file."""
        costs = run.slot.known.costs
        if not run.is_batched:
            costs.observe(run.times.timings(0.0, 0.0).cost_of(run.order.recipe))
        if costs.observed & (costs.observed - 1) == 0:  # after 1, 2, 4, 8, … pictures
            self._submit("keep", self._keep, run.model, (*costs.points, *run.slot.known.by_threads))
        self._submit("encode_file", self._deliver, run, self._lesson(run), time.perf_counter() - run.received)

    @staticmethod
    def _lesson(run: Run) -> Latents | None:
        """The last latents, if the previewer is to learn what they looked like in the end."""
        previewer = run.slot.known.previewer
        wants = previewer is not None and previewer.wants_examples and isinstance(run.picture, Image.Image)
        return fetched(run.latents) if wants and isinstance(run.latents, torch.Tensor) else None

    def show(self, run: Run, taken: StepTaken) -> None:
        """A run took a step and may be watched. One preview at a time: what comes meanwhile is left out.

        Nothing is shown of a picture that the model's safety checker has yet to see.
        """
        if run.is_reviewed:
            return
        previewer = run.slot.known.previewer
        if run.longest_preview and run.order.id not in self._showing and previewer and previewer.can_show:
            self._showing.add(run.order.id)
            self._submit("preview", self._show, run, previewer, fetched(clean(taken)), taken.step, taken.steps)

    def close(self) -> None:
        """Wait for what is under way."""
        self._pool.shutdown()

    def _submit(self, stage: BusyStage, do: Callable[_P, None], *args: _P.args, **kwargs: _P.kwargs) -> None:
        def within() -> None:
            with self._ages.within(stage):
                do(*args, **kwargs)

        self._pool.submit(within)

    def _deliver(self, run: Run, lesson: Latents | None, seconds: float) -> None:
        """From picture to file."""
        order, begun = run.order, time.perf_counter()
        try:
            image = encode(run.picture, order, run.facts())
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here ends this order and no other
            log.error("%s could not be encoded: %s", order.named, error)
            reason = f"The picture could not be written as {order.file.format} ({type(error).__name__})."
            self._end(Failed(job_id=order.id, reason=reason, retry_helps=False))
            return
        encoded = time.perf_counter() - begun
        timings = run.times.timings(seconds, encoded)
        tier: Tier = "throughput" if run.merged else "exact"
        cuts, fingerprint = run.reading.cuts(), run.model.fingerprint
        for cut in cuts:
            log.warning("%s: %s", order.named, cut)
        self._end(
            Finished(
                job_id=order.id,
                image=image,
                fingerprint=fingerprint,
                timings=timings,
                tier=tier,
                cuts=cuts,
                work=_work(run, encoded),
            )
        )
        previewer = run.slot.known.previewer
        if previewer is not None and lesson is not None:
            previewer.learn(lesson(), run.picture)

    def _show(self, run: Run, previewer: Previewer, latents: Latents, step: int, steps: int) -> None:
        """From latents to a preview. One that fails is one that is not there."""
        order, image = run.order, None
        try:
            with torch.no_grad():
                image = previewer.show(latents(), order.recipe.width, order.recipe.height, run.longest_preview)
        except Exception as error:  # noqa: BLE001 - nothing hangs on it
            log.warning("no preview of %s: %s", order.named, type(error).__name__)
        finally:
            self._showing.discard(order.id)
        if image is not None and not run.cancelled:
            self._emit(Preview(job_id=order.id, step=step, steps=steps, image=image))


def _work(run: Run, encoded: float) -> Work:
    """This process, and when it did what; the file was encoded until now, for that many seconds."""
    now = time.time()
    file = StageSpan("image_encode", now - encoded, now, encoded)
    stages = (*run.times.spans(), file)
    return Work(host=socket.gethostname(), process=os.getpid(), device=run.model.device, stages=stages)
