"""One picture on its way: a greenlet that calls an unmodified pipeline and parks at every call of a component.

Not a thread: only one computes at a time anyhow, and would have to be woken twice a call. All runs share the engine's
thread, hence one team of threads that compute.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from greenlet import getcurrent, greenlet

from safelight.contract.costs import CostPoint
from safelight.contract.messages import FailureCode
from safelight.contract.order import Order, Recipe
from safelight.engine.machine.library_errors import missing_package
from safelight.engine.output.checks import NaNInLatents, as_asked, check_numbers
from safelight.engine.output.metadata import Facts
from safelight.engine.output.review import has_checker, is_flagged
from safelight.engine.pipeline.arguments import options_used, pipeline_arguments
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.pausing import Pause, never
from safelight.engine.pipeline.prompt_reading import PromptReading
from safelight.engine.pipeline.standin import Call, StepTaken, copy_for_run, release
from safelight.engine.residency.models import ModelSlot
from safelight.engine.runs.stage_times import StageTimes
from safelight.scheduling.policy import Parked, Stage


class RunCancelled(BaseException):
    """Raised in a run where it waits. Not an `Exception`, so that no pipeline takes it for a fault."""


@dataclass(frozen=True)
class Failure:
    """Why a run ended without a picture. `reason` is for callers: no path and nothing of the prompt."""

    reason: str
    retry_helps: bool
    log: str
    code: FailureCode = "internal_error"


_FLAGGED = Failure(
    "The model's safety checker refused the picture that it drew. Another seed or another prompt may pass it.",
    retry_helps=False,
    log="the model's safety checker refused the picture",
    code="content_policy_violation",
)


class Run:
    """An order in flight. Only `resume` and `cancel` are called from outside, both by the engine's thread.

    `call` is what the parked run waits for: the engine runs it and resumes with its result, unless it is one that stops
    on its way, which is run here, a piece a turn. `picture` and `failure` are what it ended with. `received` is when
    the order came, on the engine's clock. `reading` is how much of its prompts was read. `cost` is what its
    stages are expected to take, `latents` are those after its last step.

    Raises:
        JobRefused: the pipeline does not take something that the order asks for.
    """

    def __init__(
        self,
        order: Order,
        shelved: ModelSlot,
        position: int,
        stepped: Callable[[Run, StepTaken], None],
        received: float,
    ) -> None:
        self.order = order
        self.received = received
        self.shelved = shelved
        self.position = position
        self.pins_model = False
        self.is_reviewed = has_checker(self.shelved.model.pipeline) if self.shelved.model else False
        self.merged = False
        self._model: LoadedModel | None = None
        self.arguments = pipeline_arguments(order, self.model)
        self.times = StageTimes()
        self.call: Call | None = None
        self.picture: Any = None
        self.failure: Failure | None = None
        self.step, self.steps = 0, 0
        self.longest_preview = 0
        self.reading = PromptReading(order.recipe)
        self.latents: Any = None
        self.cost = shelved.costs.at(order.recipe.pixels, passes=order.recipe.passes)
        self._stands: Parked | None = None
        self._stage: Stage = "encode_prompt"
        self._parked = position
        self._on_step = stepped
        self.cancelled = False
        self._greenlet: greenlet | None = None

    @property
    def model(self) -> LoadedModel:
        """The model that draws. Before its first turn a run does not hold on to it: it may be put away for others."""
        model = self._model or self.shelved.model
        assert model is not None  # the engine makes and begins runs of loaded models alone
        return model

    @property
    def ended(self) -> bool:
        return self._greenlet is not None and self._greenlet.dead

    def parked(self) -> Parked:
        """How this run stands, for the schedule; made once a turn, since it is asked for at every turn of anybody."""
        if self._stands is None:
            self._stands = self._standing()
        return self._stands

    def _standing(self) -> Parked:
        steps = self.steps or self.wanted_steps
        # Of a model never measured, at least long and short are known: a second a step and megapixel.
        point = self.cost or CostPoint(pixels=self.order.recipe.pixels, step=self.order.recipe.pixels / 1e6)
        # What decodes for longer than was expected is taken to need some more, or it would be the next for ever.
        decode = max(point.decode, 1.25 * self.times.decode)
        left = (steps - self.step) * point.step + decode - self.times.decode
        return Parked(
            self.order.id,
            self._stage,
            self.position,
            self._parked,
            self.step,
            self.steps,
            group=self.order.share.group,
            weight=self.order.share.weight,
            came=self.received,
            remaining=left + (point.encode_prompt if self._stage == "encode_prompt" else 0.0),
            total=point.total(steps) + decode - point.decode,
            step_seconds=point.step,
            in_flight=self.in_flight,
        )

    @property
    def shape_key(self) -> tuple[Any, ...]:
        """What decides the shapes of its denoiser's calls."""
        recipe = self.order.recipe
        return recipe.source, recipe.width, recipe.height, recipe.passes

    @property
    def wanted_steps(self) -> int:
        """How many steps the pipeline is asked for."""
        return int(self.arguments.get("num_inference_steps") or self.model.steps)

    @property
    def longest_turn_seconds(self) -> float:
        """What was measured of the longest of its turns; 0 if nothing was."""
        return max(self.cost.encode_prompt, self.cost.step, self.cost.decode) if self.cost else 0.0

    @property
    def in_flight(self) -> bool:
        """It has had a turn, and may hold memory of the device."""
        return self._greenlet is not None

    def resume(self, result: Any, position: int) -> None:
        """Give the run what it waits for and let it go on until it parks again or ends."""
        self.call = None
        if self._greenlet is None:
            self._model = self.shelved.model
            self._greenlet = greenlet(self._draw)
            self._greenlet.switch()
        else:
            self._greenlet.switch(result)
        self._parked = position
        self._stands = None
        if self.call is not None:
            self._stage = self.call.stage
        else:
            # What is still to be done with the picture needs no weights, which may have to go before that is over.
            self._model = replace(self.model, pipeline=None)

    def cancel(self) -> None:
        """End the run where it waits; returns when it has ended."""
        self.cancelled = True
        while self.in_flight and not self.ended:
            self.resume(None, self._parked)

    def facts(self) -> Facts:
        """What full metadata says beside the order."""
        return Facts(
            used={"steps": self.wanted_steps} | options_used(self.order.recipe, self.arguments, self.model.parameters),
            drawn_by=self.model.name,
        )

    def _draw(self) -> None:
        pipeline = None
        try:
            # A local name: when this run ends, nothing holds the copy and what the pipeline left on it.
            pipeline = copy_for_run(self.model.pipeline, self._hand, self._stepped, self.reading.hear)
            generator = torch.Generator("cpu").manual_seed(self.order.recipe.seed)
            with torch.no_grad():
                # The first of what it gives is the pictures, under whichever name.
                output = pipeline(**self.arguments, generator=generator)
            if is_flagged(output):
                self.failure = _FLAGGED
            else:
                self.picture = as_asked(output[0][0], self.order.recipe.width, self.order.recipe.height)
        except RunCancelled:
            pass
        except Exception as error:  # noqa: BLE001 - whatever a pipeline raises becomes this run's failure
            self.failure = _failure(error, self.order.recipe)
        finally:
            if pipeline is not None:
                release(pipeline)

    def _hand(self, call: Call) -> Any:
        """What a stand-in does with a call: wait until the engine has run it."""
        if self.cancelled:
            raise RunCancelled
        result = self._wait(call)
        if call.stops:
            result = execute(call, partial(self._pause, call))
        if isinstance(result, Raised):
            raise result.error
        return result

    def _wait(self, call: Call) -> Any:
        """Until it is this run's turn. Gives what the engine made of the call, unless that is to be run here."""
        self.call = call
        result = self._park()
        if self.cancelled:
            raise RunCancelled
        return result

    def _pause(self, call: Call) -> None:
        """In a call that stops on its way. A component's hooks are seen by all that run it: only the own one counts."""
        if getcurrent() is self._greenlet:
            self._wait(call)

    def _park(self) -> Any:
        """Back to the engine, until it resumes this run. Both are in one thread and share what PyTorch keeps for it:
        whether gradients are recorded and whether this is inference mode. Each pipeline sets that for itself.
        """
        assert self._greenlet is not None
        assert self._greenlet.parent is not None
        with torch.inference_mode(mode=False), torch.no_grad():
            return self._greenlet.parent.switch()

    def _stepped(self, taken: StepTaken) -> None:
        self.step, self.steps, self.latents = taken.step, taken.steps, taken.latents
        self._on_step(self, taken)


@dataclass(frozen=True)
class Raised:
    """In place of a call's result: its exception, to be raised where the pipeline made the call."""

    error: Exception


def execute(call: Call, pause: Pause = never) -> Any:
    """Run a call for its run; a fault in it is the pipeline's to see."""
    try:
        with torch.no_grad():
            result = call.execute(pause)
            check_numbers(call, result)
            return result
    except Exception as error:  # noqa: BLE001 - raised again in the run
        return Raised(error)


def _failure(error: Exception, recipe: Recipe) -> Failure:
    """`log` says the kind, the message unless the prompt is in it, and where; never the prompt."""
    kind, message = type(error).__name__, str(error)
    if isinstance(error, NaNInLatents):
        return Failure(message, retry_helps=False, log=message)
    if (missing := missing_package(error)) is not None:
        reason = f"The model failed while drawing this picture. {missing}"
        return Failure(reason, retry_helps=False, log=f"{kind}: {missing}")
    # PyTorch's allocator for CPUs raises a plain RuntimeError.
    full = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in message
    reason = "There is not enough memory for this picture" if full else "The model failed while drawing this picture"
    if any(text and (text in message or repr(text)[1:-1] in message) for text in recipe.texts):
        message = "(its message repeats the prompt)"
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in reversed(frames))
    return Failure(f"{reason} ({kind}).", retry_helps=full, log=f"{kind}: {message} at {where}")
