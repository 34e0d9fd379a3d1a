"""One picture on its way: a greenlet that calls an unmodified pipeline and parks at every call of a component.

Not a thread: only one computes at a time anyhow, and would have to be woken twice a call. All runs share the engine's
thread, hence one team of threads that compute.
"""

# Tested in tests/engine/test_loop.py.

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import torch

from safelight.contract.models.costs import CostPoint
from safelight.contract.models.stages import FIRST
from safelight.contract.requests.order import Order
from safelight.engine.output.metadata import Facts
from safelight.engine.pipeline.drawn_size import within_drawn_size
from safelight.engine.pipeline.lora_sets import NO_LORAS, lora_set
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.review import has_checker
from safelight.engine.pipeline.stand_ins.calls import Call, Within
from safelight.engine.pipeline.stand_ins.prompt_reading import PromptReading
from safelight.engine.pipeline.stand_ins.standin import StepTaken, copy_for_run, release
from safelight.engine.residency.slot import ModelSlot
from safelight.engine.runs.failures import FLAGGED, Failure, failure_of
from safelight.engine.runs.outlook import outlook
from safelight.engine.runs.parking import Parking, RunCancelled
from safelight.engine.runs.stage_times import StageTimes
from safelight.engine.tasks.choice import task_of
from safelight.engine.tasks.task import PictureRefused, Task
from safelight.scheduling.policy import Parked


class Run:
    """An order from its coming to its end. It waits for its model, is `prepare`d when that is here, and is drawn from
    its first `resume` on. `prepare`, `resume` and `cancel` are called by the engine's thread alone.

    `call` is what the parked run waits for: the engine runs it and resumes with its result, unless it is one that stops
    on its way, which is run here, a piece a turn. `picture` and `failure` are what it ended with. `received` is when
    the job came, on the engine's clock. `reading` is how much of its prompts was read. `cost` is what its stages are
    expected to take, `latents` are those after its last step, `stage` is what it parked for. `is_batched`: some of its
    steps were taken in one batch with others', so what they took says little of it alone; `merged`: in one that may
    have changed its last bits. `step_kind` is what its last step is compared with, None: with nothing.
    """

    def __init__(
        self, order: Order, slot: ModelSlot, position: int, stepped: Callable[[Run, StepTaken], None], received: float
    ) -> None:
        self.order, self.slot, self.received = order, slot, received
        self.arrived = self.parked_at = position
        self.pins_model = self.merged = self.is_batched = self.is_decoded_beside = False
        self.step_kind: Hashable | None = None
        self.times = StageTimes()
        self.reading = PromptReading(order.recipe)
        self.picture: Any = None
        self.failure: Failure | None = None
        self.step, self.steps, self.longest_preview = 0, 0, 0
        self.latents: Any = None
        self.cost: CostPoint | None = None
        self.stage = FIRST
        self._scene: str | None = None
        self._task: Task | None = None
        self._loras = NO_LORAS
        self._model: LoadedModel | None = None
        self._stands: Parked | None = None
        self._on_step = stepped
        self._parking = Parking()

    def prepare(self) -> None:
        """Its model is here, for the first time or again: say the job to it.

        Raises:
            JobRefused: the pipeline does not take something that the job asks for.
        """
        self._loras = lora_set(self.order.recipe, self.model.adapters)
        self._task = task_of(self.order, self.model)
        recipe = self.order.recipe
        self.cost = self.slot.known.costs.at(recipe.pixels, passes=recipe.passes, pictures=recipe.pictures)
        self._stands = None

    @property
    def is_ready(self) -> bool:
        """It can have a turn: its model is here and was told the order, and its picture is not decoded beside."""
        return self._task is not None and self.slot.model is not None and not self.is_decoded_beside

    @property
    def model(self) -> LoadedModel:
        """The model that draws. Before its first turn a run does not hold on to it: it may be put away for others."""
        model = self._model or self.slot.model
        assert model is not None  # the engine prepares and begins runs of models that are here
        return model

    @property
    def task(self) -> Task:
        """The job as its model was told it."""
        assert self._task is not None  # it was prepared
        return self._task

    @property
    def is_reviewed(self) -> bool:
        """Its picture will be looked at by the model's safety checker, so nothing of it may be shown before."""
        return has_checker(self.model.pipeline)

    @property
    def in_flight(self) -> bool:
        """It has had a turn, and may hold memory of the device."""
        return self._parking.begun

    @property
    def call(self) -> Call | None:
        """What it waits for, while it is parked."""
        return self._parking.call

    @property
    def cancelled(self) -> bool:
        return self._parking.cancelled

    @property
    def ended(self) -> bool:
        return self._parking.ended

    def parked(self) -> Parked:
        """How this run stands, for the schedule; made once a turn, since it is asked for at every turn of anybody."""
        if self._stands is None:
            self._stands = self._standing()
        return self._stands

    def _standing(self) -> Parked:
        order, steps = self.order, self.steps or self.task.steps
        expected = outlook(self.cost, order.recipe.pixels, steps, self.step, self.stage, self.times)
        return Parked(
            order.id,
            self.stage,
            self.arrived,
            self.parked_at,
            self.step,
            self.steps,
            group=order.share.group,
            weight=order.share.weight,
            background=order.share.background,
            came=self.received,
            remaining=expected.remaining,
            total=expected.total,
            step_seconds=expected.step,
            around=expected.around,
            in_flight=self.in_flight,
        )

    @property
    def longest_turn_seconds(self) -> float:
        """What was measured of the longest of its turns; 0 if nothing was."""
        return self.cost.longest_turn if self.cost else 0.0

    def resume(self, result: Any, position: int) -> None:
        """Give the run what it waits for and let it go on until it parks again or ends."""
        if self.in_flight:
            self._parking.go_on(result)
        else:
            self._model = self.slot.model
            self._parking.begin(self._draw)
        self.parked_at = position
        self._stands = None
        if self.call is not None:
            self.stage = self.call.stage
        else:
            # What is still to be done with the picture needs no weights, which may have to go before that is over.
            self._model = self.model.without_weights()

    def cancel(self) -> None:
        """End the run where it waits; returns when it has ended."""
        self._parking.cancelled = True
        while self.in_flight and not self.ended:
            self.resume(None, self.parked_at)

    def facts(self) -> Facts:
        """What the file says beside the order."""
        return Facts(used=self.task.used(), drawn_by=self.model.name, scene=self._scene)

    def _draw(self) -> None:
        pipeline = None
        try:
            # A local name: when this run ends, nothing holds the copy and what the pipeline left on it.
            pipeline = copy_for_run(
                self.task.pipeline(self.model),
                self._parking.hand,
                self._stepped,
                self.reading.hear,
                self._within(),
                torch.Generator("cpu").manual_seed(self.order.recipe.seed),
            )
            generator = torch.Generator("cpu").manual_seed(self.order.recipe.seed)
            with torch.no_grad():
                drawn = self.task.draw(pipeline, generator)
            self.picture, self._scene = drawn.picture, drawn.scene
        except RunCancelled:
            pass
        except PictureRefused:
            self.failure = FLAGGED
        except Exception as error:  # noqa: BLE001 - whatever a pipeline raises becomes this run's failure
            self.failure = failure_of(error, self.order.recipe)
        finally:
            if pipeline is not None:
                release(pipeline)

    def _within(self) -> dict[int, Within]:
        recipe = self.order.recipe
        chosen: dict[int, Within] = dict.fromkeys(self.model.adapters.parts, self._loras)
        return chosen | within_drawn_size(self.model, recipe.width, recipe.height)

    def _stepped(self, taken: StepTaken) -> None:
        self.step, self.steps, self.latents = taken.step, taken.steps, taken.latents
        self._on_step(self, taken)
