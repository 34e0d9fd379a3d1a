"""The engine's loop in this process with models that were built here, and what a picture by it takes."""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.engine import job
from safelight.contract.models.traits import Traits
from safelight.contract.requests.order import Order
from safelight.engine.drawing.loop import Loop
from safelight.engine.machine.device import use_device
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.residency.residency import Residency
from safelight.engine.runs.recordings.recorders import recorder_for
from safelight.engine.runs.recordings.replaying import Replays
from safelight.engine.runs.turns import Computing
from safelight.protocol.messages import Draw, Event, Failed, Finished, ModelReady, ModelSpec

LIMIT_SECONDS = 300.0


def built(pipeline: Any, name: str, device: str) -> LoadedModel:
    """A pipeline that is on its device, as the engine knows it; nothing is written to a disk."""
    pipeline.set_progress_bar_config(disable=True)
    signature = inspect.signature(type(pipeline).__call__).parameters
    parameters = {key: value.default for key, value in signature.items() if key != "self"}
    return LoadedModel(
        name, name, pipeline, parameters, {}, Traits(pipeline=type(pipeline).__name__, steps=20), device, name
    )


class Drawer:
    """Draws jobs with a loop of its own; ends it when the block ends."""

    def __init__(
        self, *models: LoadedModel, recorded: bool = True, on_event: Callable[[Event], None] = lambda event: None
    ) -> None:
        self._changed = threading.Condition()
        self._ends: dict[str, Finished | Failed] = {}
        self._ready: set[str] = set()
        self._on_event = on_event
        by_source = {model.source: model for model in models}
        computing = Computing(replays=Replays(*recorder_for(models[0].device)) if recorded else Replays())
        self.loop = Loop(Residency(lambda spec, described: by_source[spec.source]), self._emit, computing=computing)
        self._device = models[0].device
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        for source in by_source:
            self.loop.put(ModelSpec(source=source))

    def __enter__(self) -> Drawer:
        return self

    def __exit__(self, *_: object) -> None:
        self.loop.stop()
        self._thread.join(LIMIT_SECONDS)

    def draw(self, *jobs: Order) -> list[Finished | Failed]:
        """How each ended."""
        for each in jobs:
            self.loop.put(Draw(order=each))
        with self._changed:
            if not self._changed.wait_for(lambda: all(each.id in self._ends for each in jobs), LIMIT_SECONDS):
                raise SystemExit("a picture did not end")
        return [self._ends[each.id] for each in jobs]

    def _serve(self) -> None:
        use_device(self._device)
        self.loop.serve()

    def _emit(self, event: Event) -> None:
        self._on_event(event)
        with self._changed:
            if isinstance(event, Finished | Failed):
                self._ends[event.job_id] = event
            if isinstance(event, ModelReady):
                self._ready.add(event.source)
            self._changed.notify_all()


def picture(model: LoadedModel, side: int, steps: int, seed: int = 7) -> Order:
    """A job of that size with a name of its own."""
    name = f"{time.perf_counter_ns()}-{seed}"
    return job(name, steps, "", source=model.source, width=side, height=side, seed=seed)


def seconds(action: Callable[[], object]) -> float:
    begun = time.perf_counter()
    action()
    return time.perf_counter() - begun
