"""The heart of the engine: receive, choose, run, emit. One thread computes at a time, and it computes one call."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any

import torch
from PIL import Image

from safelight.contract.costs import CostPoint, Costs
from safelight.contract.errors import ModelLoadError
from safelight.contract.messages import (
    Cancel,
    Cancelled,
    Draw,
    Event,
    Failed,
    Finished,
    Job,
    ModelDescribed,
    ModelFailed,
    ModelReady,
    ModelSpec,
    Preview,
    Started,
    Stepped,
    Watch,
)
from safelight.contract.traits import Traits
from safelight.engine.embeddings import EmbeddingCache
from safelight.engine.encode import encode
from safelight.engine.loading import LoadedModel
from safelight.engine.previews import Previewer, clean
from safelight.engine.run import JobRefused, Run, execute
from safelight.engine.schedule import FairShare, Parked, Schedule
from safelight.engine.standin import Call, StepTaken

log = logging.getLogger(__name__)


class Loop:
    """Draws jobs with the models that it was told to load. `put` and `stop` may be called from any thread; what is put
    into `inbox` directly comes to the same.

    `emit` is called from the loop's own thread and from those that encode; every job that was put ends with exactly one
    `Finished`, `Failed` or `Cancelled`. At most `max_runs` are in flight; the schedule says which other comes next.
    """

    def __init__(
        self,
        load: Callable[[ModelSpec, Callable[[Traits], None]], LoadedModel],
        emit: Callable[[Event], None],
        *,
        inbox: SimpleQueue[ModelSpec | Draw | Cancel | Watch | None] | None = None,
        max_runs: int = 8,
        schedule: Schedule | None = None,
        embeddings: EmbeddingCache | None = None,
        warm_up: Callable[[LoadedModel, Previewer], tuple[CostPoint, ...]] = lambda model, previewer: (),
    ) -> None:
        self._load = load
        self._emit = emit
        self._max_runs = max_runs
        self._schedule = schedule or FairShare()
        self._warm_up = warm_up
        self._costs: dict[str, Costs] = {}
        self._embeddings = EmbeddingCache() if embeddings is None else embeddings
        self._inbox: SimpleQueue[ModelSpec | Draw | Cancel | Watch | None] = SimpleQueue() if inbox is None else inbox
        self._models: dict[str, LoadedModel | ModelLoadError] = {}
        self._runs: dict[str, Run] = {}
        self._open: set[str] = set()
        self._open_lock = threading.Lock()
        self._positions = count(1)
        self._previews: dict[str, Previewer] = {}
        self._showing: set[str] = set()
        self._encoders = ThreadPoolExecutor(2, thread_name_prefix="encode")

    def put(self, command: ModelSpec | Draw | Cancel | Watch) -> None:
        """Load that model, draw that job, or cancel one; returns at once."""
        self._inbox.put(command)

    def stop(self) -> None:
        """End `serve` after the turn that it is in; jobs that have not ended are cancelled."""
        self._inbox.put(None)

    def serve(self) -> None:
        """Draw until stopped."""
        while self._receive():
            if self._runs:
                self._turn(self._schedule.choose(self._candidates()))
        for job_id in [*self._runs]:
            self._cancel(job_id)
        self._encoders.shutdown()

    def _receive(self) -> bool:
        """Take in all that has come; wait for something if there is nothing to draw. False: stop."""
        while True:
            try:
                command = self._inbox.get(block=not self._runs)
            except Empty:
                return True
            match command:
                case None:
                    return False
                case ModelSpec():
                    self._add_model(command)
                case Draw():
                    self._accept(command.job)
                case Cancel():
                    self._cancel(command.job_id)
                case Watch():
                    self._watch(command.job_id, command.longest)

    def _candidates(self) -> list[Parked]:
        """Everything here; with `max_runs` in flight already, those alone."""
        parked = [run.parked() for run in self._runs.values()]
        in_flight = [run for run in parked if run.in_flight]
        return parked if len(in_flight) < self._max_runs else in_flight

    def _turn(self, parked: Parked) -> None:
        """One call of one run, and what its pipeline does until its next call."""
        run = self._runs[parked.run]
        if not run.in_flight:
            self._emit(Started(job_id=run.job.id))
        begun, step = time.perf_counter(), run.step
        result = self._compute(run.model.source, run.call) if run.call else None
        run.resume(result, next(self._positions))
        seconds = time.perf_counter() - begun
        run.clock.turn(parked.stage, seconds, stepped=run.step > step)
        self._schedule.served(parked, seconds)
        if run.ended:
            del self._runs[run.job.id]
            self._conclude(run)

    def _compute(self, source: str, call: Call) -> Any:
        key = self._embeddings.key(source, call)
        if key is None:
            return execute(call)
        kept = self._embeddings.get(key)
        if kept is not None:
            return kept
        result = execute(call)
        self._embeddings.put(key, result)
        return result

    def _conclude(self, run: Run) -> None:
        if run.failure is None:
            self._costs_of(run.job.source).observe(run.job.cost(run.clock.timings(0.0, 0.0)))
            self._encoders.submit(self._deliver, run, time.perf_counter() - run.received)
        else:
            log.error("job %s failed: %s", run.job.id, run.failure.log)
            self._end(Failed(job_id=run.job.id, reason=run.failure.reason, retry_helps=run.failure.retry_helps))

    def _deliver(self, run: Run, seconds: float) -> None:
        """From picture to file; in a thread of its own, beside the next run's calls."""
        begun = time.perf_counter()
        try:
            image = encode(run.picture, run.job, run.facts())
        except Exception as error:  # noqa: BLE001 - whatever goes wrong here ends this job and no other
            log.error("job %s could not be encoded: %s", run.job.id, error)
            reason = f"The picture could not be written as {run.job.output_format} ({type(error).__name__})."
            self._end(Failed(job_id=run.job.id, reason=reason, retry_helps=False))
            return
        timings = run.clock.timings(seconds, time.perf_counter() - begun)
        self._end(Finished(job_id=run.job.id, image=image, fingerprint=run.model.fingerprint, timings=timings))
        previewer = self._previews[run.job.source]
        if previewer.wants_examples and isinstance(run.picture, Image.Image) and run.latents is not None:
            previewer.learn(run.latents, run.picture)

    def _accept(self, job: Job) -> None:
        if job.id in self._open:
            log.error("job %s came twice; the second is ignored", job.id)
            return
        with self._open_lock:
            self._open.add(job.id)
        model = self._models.get(job.source)
        if not isinstance(model, LoadedModel):
            reason = str(model) if model else "This worker was not told to load that model."
            self._end(Failed(job_id=job.id, reason=reason, retry_helps=False))
            return

        try:
            run = Run(job, model, next(self._positions), self._stepped, time.perf_counter())
        except JobRefused as error:
            self._end(Failed(job_id=job.id, reason=str(error), retry_helps=False))
            return
        run.cost = self._costs_of(job.source).at(job.pixels, passes=job.passes)
        self._runs[job.id] = run

    def _stepped(self, run: Run, taken: StepTaken) -> None:
        """Runs in the run's thread, while the engine waits for it."""
        self._emit(Stepped(job_id=run.job.id, step=taken.step, steps=taken.steps))
        # One preview at a time: where making one takes longer than a step, the next steps have none.
        if run.longest_preview and run.job.id not in self._showing and self._previews[run.job.source].can_show:
            self._showing.add(run.job.id)
            self._encoders.submit(self._show, run, clean(taken).clone(), taken.step, taken.steps)

    def _show(self, run: Run, latents: Any, step: int, steps: int) -> None:
        """From latents to a preview; in a thread of its own. A preview that fails is one that is not there."""
        job = run.job
        try:
            with torch.no_grad():
                image = self._previews[job.source].show(latents, job.width, job.height, run.longest_preview)
        except Exception as error:  # noqa: BLE001 - nothing hangs on it
            log.warning("no preview of job %s: %s", job.id, type(error).__name__)
            image = None
        finally:
            self._showing.discard(job.id)
        if image is not None and job.id in self._open:
            self._emit(Preview(job_id=job.id, step=step, steps=steps, image=image))

    def _costs_of(self, source: str) -> Costs:
        return self._costs.setdefault(source, Costs())

    def _watch(self, job_id: str, longest: int) -> None:
        if job_id in self._runs:
            self._runs[job_id].longest_preview = longest

    def _cancel(self, job_id: str) -> None:
        run = self._runs.pop(job_id, None)
        if run is not None:
            run.cancel()
        self._end(Cancelled(job_id=job_id))

    def _end(self, event: Finished | Failed | Cancelled) -> None:
        """Say how a job ended, unless that was said: a cancel may meet the last touches to its file."""
        with self._open_lock:
            if event.job_id not in self._open:
                return
            self._open.remove(event.job_id)
        self._emit(event)

    def _add_model(self, spec: ModelSpec) -> None:
        def described(traits: Traits) -> None:
            self._emit(ModelDescribed(source=spec.source, traits=traits))

        begun = time.perf_counter()
        try:
            model = self._load(spec, described)
        except ModelLoadError as error:
            self._models[spec.source] = error
            self._emit(ModelFailed(source=spec.source, reason=str(error)))
            return
        self._models[spec.source] = model
        seconds = time.perf_counter() - begun
        self._previews[spec.source] = Previewer(model.pipeline)
        self._costs[spec.source] = Costs(self._warm_up(model, self._previews[spec.source]))
        self._emit(
            ModelReady(
                source=spec.source,
                fingerprint=model.fingerprint,
                device=model.device,
                steps=model.steps,
                seconds=seconds,
                costs=self._costs[spec.source].points,
            )
        )
