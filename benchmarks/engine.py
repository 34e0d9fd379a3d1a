"""The engine's loop with one model, in the benchmark's own process: jobs put straight in, and when they ended."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from safelight.contract.models.options import ModelOptions
from safelight.contract.requests.order import FileSpec, Order, Recipe, Share
from safelight.engine.machine.cpu.allocator import keep_freed_memory
from safelight.protocol.messages import (
    Cancel,
    Cancelled,
    Draw,
    Dtype,
    Event,
    Failed,
    Finished,
    ModelReady,
    ModelSpec,
    Stepped,
)
from safelight.scheduling.policy import Schedule


def job(name: str, steps: int, group: str, **recipe: Any) -> Order:
    """A picture that takes so many steps; `recipe` are fields of its recipe that differ."""
    usual = Recipe(
        source="postcard",
        prompt=f"a lighthouse above the sea, {group}",
        width=1024,
        height=1024,
        seed=7,
        options={"steps": steps},
    )
    return Order(
        id=name,
        recipe=msgspec.structs.replace(usual, **recipe),
        file=FileSpec(format="png", model="postcard"),
        share=Share(group=group),
    )


class Engine:
    """A loop with one model on a thread of its own; notes when jobs ended. Without a schedule it has the usual one."""

    def __init__(
        self,
        schedule: Schedule | None = None,
        source: str = "postcard",
        device: str = "cpu",
        options: ModelOptions | None = None,
        dtype: Dtype = "auto",
        kept: Path | None = None,
    ) -> None:
        from safelight.engine.checkpoint.loading import load
        from safelight.engine.drawing.loop import Loop
        from safelight.engine.pipeline.model import LoadedModel
        from safelight.engine.residency.residency import Residency

        keep_freed_memory()  # as a worker does
        self._changed = threading.Condition()
        self._ended: dict[str, float] = {}
        self._steps: dict[str, int] = {}
        self._ready = False
        model: list[LoadedModel] = []
        wanted = ModelSpec(source=source, dtype=dtype, options=options or ModelOptions())
        # In a thread that ends, as in a worker: the threads that compute beside it end with it.
        loader = threading.Thread(target=lambda: model.append(load(wanted, device, kept=kept)))
        loader.start()
        loader.join()
        self.loop = Loop(Residency(lambda spec, described: model[0]), self._emit, schedule=schedule)
        threading.Thread(target=self.loop.serve, daemon=True).start()
        self.loop.put(ModelSpec(source=source))
        self._until(lambda: self._ready)

    def _emit(self, event: Event) -> None:
        with self._changed:
            match event:
                case ModelReady():
                    self._ready = True
                case Stepped():
                    self._steps[event.job_id] = event.step
                case Finished() | Failed() | Cancelled():
                    self._ended[event.job_id] = time.perf_counter()
            self._changed.notify_all()

    def _until(self, what: Callable[[], bool]) -> None:
        with self._changed:
            if not self._changed.wait_for(what, 600):
                raise SystemExit("nothing happened for ten minutes")

    def draw(self, jobs: Sequence[Order]) -> float:
        """Seconds from putting all of them in until the last has ended."""
        begun = time.perf_counter()
        for each in jobs:
            self.loop.put(Draw(order=each))
        self._until(lambda: all(each.id in self._ended for each in jobs))
        return max(self._ended[each.id] for each in jobs) - begun

    def behind(self, long: Order, short: Order) -> float:
        """Seconds of the short one, put in when the long one has taken ten steps."""
        self.loop.put(Draw(order=long))
        self._until(lambda: self._steps.get(long.id, 0) >= 10)
        begun = time.perf_counter()
        self.loop.put(Draw(order=short))
        self._until(lambda: short.id in self._ended and long.id in self._ended)
        return self._ended[short.id] - begun

    def cancelled(self, job: Order) -> None:
        """Put that job in, cancel it after its first step, and wait for its end."""
        self.loop.put(Draw(order=job))
        self._until(lambda: self._steps.get(job.id, 0) >= 1)
        self.loop.put(Cancel(job_id=job.id))
        self._until(lambda: job.id in self._ended)
