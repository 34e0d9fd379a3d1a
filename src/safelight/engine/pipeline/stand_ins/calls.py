"""A call of a pipeline's component, to be run when the engine says so, and what has to be entered while it runs."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from safelight.contract.models.stages import DECODE
from safelight.engine.pipeline.stand_ins.pausing import Pause, never, pausing
from safelight.engine.tuning.offloading import come, computes_on


class Within(Protocol):
    """Something that the caller was in when it made a call: it is entered while the call runs, not while it waits."""

    @property
    def key(self) -> Hashable:
        """Calls within things of different keys are different calls: they make no batch, and no recording of one stands
        for another."""

    @property
    def repeats(self) -> bool:
        """Whether a call within it gives the same however often it is run. What does not is run once, alone."""

    def entered(self, component: Any) -> AbstractContextManager[Any]:
        """Enter it with the component that computes."""


@dataclass(frozen=True)
class CacheContext:
    """A `cache_context(...)` block: it names the denoising branch for step caches. `label` is the run's own: with it no
    run ever sees another's state."""

    label: str
    name: str
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def key(self) -> Hashable:
        return self.name

    @property
    def repeats(self) -> bool:
        return True

    def entered(self, component: Any) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = component.cache_context(self.label + self.name, **dict(self.options))
        return context


@dataclass(frozen=True)
class GlobalNoise:
    """The state of PyTorch's global generators, on the processor and on one accelerator."""

    cpu: torch.Tensor
    device: torch.device | None
    accelerator: torch.Tensor | None

    @classmethod
    def now(cls, component: torch.nn.Module) -> GlobalNoise:
        device = computes_on(component)
        if device.type == "cpu":
            return cls(torch.get_rng_state(), None, None)
        # Not the accelerator's index alone: where there is but one, MPS takes none.
        return cls(torch.get_rng_state(), device, torch.get_device_module(device).get_rng_state())

    @property
    def key(self) -> Hashable:
        return "noise"

    @property
    def repeats(self) -> bool:
        return False

    @contextmanager
    def entered(self, component: Any) -> Iterator[None]:
        """As they were then, for as long as the block lasts."""
        kind = "cpu" if self.device is None else self.device.type
        with torch.random.fork_rng(device_type=kind) if kind != "cpu" else torch.random.fork_rng(devices=()):
            torch.set_rng_state(self.cpu)
            if self.accelerator is not None:
                torch.get_device_module(self.device).set_rng_state(self.accelerator)
            yield


@dataclass(frozen=True)
class CastTo:
    """Another number format of the weights, for as long as a call lasts: SDXL's decoder overflows in float16, and its
    pipelines convert it for a picture and back."""

    dtype: torch.dtype

    @property
    def key(self) -> Hashable:
        return str(self.dtype)

    @property
    def repeats(self) -> bool:
        return True

    @contextmanager
    def entered(self, component: Any) -> Iterator[None]:
        weights = [
            (table, name, tensor, tensor.data)
            for module in component.modules()
            for table in (module._parameters, module._buffers)
            for name, tensor in table.items()
            if tensor is not None
        ]
        component.to(self.dtype)
        try:
            yield
        finally:  # the very same, not converted back: how packed ones lie would be lost, and with it their last bits
            for table, name, tensor, data in weights:
                table[name] = tensor
                if type(tensor) in (torch.nn.Parameter, torch.Tensor):
                    tensor.data = data


@dataclass(frozen=True)
class Call:
    """A component's method with its arguments, to be run when the engine says so, within what its caller was in."""

    name: str
    component: Any
    method: str
    stage: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    within: tuple[Within, ...] = ()

    @property
    def within_keys(self) -> tuple[Hashable, ...]:
        """What tells apart calls of one form that are made within different things."""
        return tuple(each.key for each in self.within)

    @property
    def repeats(self) -> bool:
        """Whether it gives the same however often it is run."""
        return all(each.repeats for each in self.within)

    @property
    def stops(self) -> bool:
        """Whether it may stop on its way and let others go before: nothing that is set for it holds for them too."""
        return self.stage == DECODE and not self.within

    def execute(self, pause: Pause = never) -> Any:
        """Run it here and now; `pause` is called where it may stop."""

        def paused() -> None:
            pause()
            come(self.component)  # another part may have taken its place meanwhile

        come(self.component)
        with ExitStack() as stack:
            more = stack.enter_context(pausing(self.component, self.method, never if pause is never else paused))
            for each in self.within:
                stack.enter_context(each.entered(self.component))
            return getattr(self.component, self.method)(*self.args, **self.kwargs, **more)


Hand = Callable[[Call], Any]
