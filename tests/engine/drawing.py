"""The engine's loop on a thread of its own, and what tests ask of it. Waiting is on a condition, with a limit."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Sequence
from dataclasses import fields
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.traits import Traits
from safelight.contract.requests.order import Order
from safelight.engine.drawing.loop import Loop
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.residency.loader import LoadFunction
from safelight.engine.residency.residency import Residency
from safelight.engine.runs.joining import Joining, parted
from safelight.engine.runs.turns import Computing
from safelight.protocol.messages import Cancel, Cancelled, Draw, Event, Failed, Finished, ModelSpec
from safelight.scheduling.policy import Parked, RoundRobin
from tests.orders import order

_T = TypeVar("_T")
LIMIT_SECONDS = 300.0
End = Finished | Failed | Cancelled


def engine(load: LoadFunction, emit: Callable[[Event], None], **options: Any) -> Loop:
    """A loop, its residency and how it computes, of options by name."""
    residency, computing = ({f.name for f in fields(kind)} for kind in (Residency, Computing))
    rest = options.keys() - residency - computing
    return Loop(
        Residency(load, **{name: options[name] for name in options.keys() & residency}),
        emit,
        computing=Computing(**{name: options[name] for name in options.keys() & computing}),
        **{name: options[name] for name in rest},
    )


class Recorded(RoundRobin):
    """Round robin that remembers what it chose."""

    def __init__(self) -> None:
        self.turns: list[Parked] = []

    def choose(self, parked: Sequence[Parked]) -> Parked:
        chosen = super().choose(parked)
        self.turns.append(chosen)
        return chosen


class Drawing:
    """Runs the loop for as long as the block lasts. `on_event` is called in the engine's threads."""

    def __init__(
        self,
        *models: LoadedModel,
        on_event: Callable[[Event], None] | None = None,
        before_load: Callable[[str], object] = lambda source: None,
        loads: Callable[[ModelSpec], LoadedModel] | None = None,
        **options: Any,
    ) -> None:
        self._models = {model.source: model for model in models}
        self._before_load, self._loads = before_load, loads
        self._on_event = on_event
        self._changed = threading.Condition()
        self.events: list[Event] = []
        self.loop = engine(self._load, self._emit, **options)
        self.thread = threading.Thread(target=self.loop.serve, name="engine")
        for source in self._models:
            self.loop.put(ModelSpec(source=source))

    def draw(self, *jobs: Order) -> list[End]:
        """Put these jobs together and wait for the end of each."""
        self.put(*jobs)
        return [self.end_of(job) for job in jobs]

    def put(self, *jobs: Order) -> None:
        for job in jobs:
            self.loop.put(Draw(order=job))

    def cancel(self, job: Order) -> None:
        self.loop.put(Cancel(job_id=job.id))

    def end_of(self, job: Order) -> End:
        end: End = self.wait(End, lambda event: event.job_id == job.id)
        return end

    def wait(self, kind: type[_T] | Any, where: Callable[[Any], bool] = lambda event: True) -> Any:
        """The first such event, once there is one."""
        with self._changed:
            found = self._changed.wait_for(lambda: self._found(kind, where), LIMIT_SECONDS)
        assert found, f"no such event; there were {self.events[-5:]}"
        return found[0]

    def _found(self, kind: Any, where: Callable[[Any], bool]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind) and where(event)]

    def _load(self, spec: ModelSpec, described: Callable[[Traits], None]) -> LoadedModel:
        self._before_load(spec.source)
        if self._loads is not None:
            return self._loads(spec)
        if spec.source not in self._models:
            raise ModelLoadError("The model's folder is not there.")
        described(self._models[spec.source].traits)
        return self._models[spec.source]

    def _emit(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()
        if self._on_event:
            self._on_event(event)

    def __enter__(self) -> Drawing:
        self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.loop.stop()
        self.thread.join(LIMIT_SECONDS)
        assert not self.thread.is_alive()


def job(model: LoadedModel | ModelSpec, name: str = "job", **changes: Any) -> Order:
    """A small job for that model."""
    fields: dict[str, Any] = {
        "id": name,
        "model": "stable-image-ultra",
        "source": model.source,
        "prompt": "a red cat on the moon",
        "negative_prompt": "",
        "width": 64,
        "height": 48,
        "seed": 7,
        "output_format": "png",
        "steps": 4,
    }
    return order(**(fields | changes))


def alone(model: LoadedModel, job: Order) -> NDArray[np.uint8]:
    """What diffusers' own call draws, with no engine in between: pixels (height, width, 3)."""
    by_true_cfg = job.recipe.negative_prompt and "true_cfg_scale" in model.parameters
    wanted = {
        "guidance_scale": job.recipe.options.get("guidance_scale"),
        "negative_prompt": job.recipe.negative_prompt or None,
        "true_cfg_scale": 4.0 if by_true_cfg else None,
    }
    picture = model.pipeline(
        prompt=job.recipe.prompt,
        height=job.recipe.height,
        width=job.recipe.width,
        num_inference_steps=job.recipe.steps,
        generator=torch.Generator("cpu").manual_seed(job.recipe.seed),
        **{name: value for name, value in wanted.items() if value is not None},
    ).images[0]
    return np.asarray(picture)


@torch.no_grad()
def together(calls: Sequence[Call]) -> list[Any]:
    """The results of calls that are run as one."""
    return parted(Joining().joined(calls).execute(), calls)


def pixels(end: End) -> NDArray[np.uint8]:
    """What is in the file of a finished job."""
    assert isinstance(end, Finished), end
    return np.asarray(Image.open(io.BytesIO(end.image)))
