"""Stand-ins: put where a pipeline's components stand, they hand every call to the engine instead of computing it.

A stand-in is an object of a subclass of the component's own class that shares the component's `__dict__`. So
`isinstance`, `.config`, `.dtype`, `.parameters()` and whatever else a pipeline asks are answered by the component as it
is, for every family, and only the calls that cost time are different.
"""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from diffusers import DiffusionPipeline, SchedulerMixin
from diffusers.guiders.guider_utils import BaseGuidance
from diffusers.hooks.hooks import StateManager
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution

from safelight.engine.machine.stages import stage_of, stage_of_call
from safelight.engine.pipeline.stand_ins.call_values import with_tensors
from safelight.engine.pipeline.stand_ins.calls import CacheContext, Call, CastTo, GlobalNoise, Hand, Within
from safelight.engine.pipeline.stand_ins.prompt_reading import Heard, listened_to

# The ways in which diffusers' pipelines enter a component to compute (0.42: every `self.<component>.<method>(` there).
_COMPUTING = ("__call__", "encode", "decode", "generate", "get_text_features", "get_image_features")
# Those that take no generator: pipelines seed the global ones just before, and others draw from them meanwhile.
_SAMPLING = ("generate",)


_labels = itertools.count(1)


@dataclass(frozen=True)
class StepTaken:
    """A scheduler's step as it was just taken: `step` of `steps`, what went in and what came out.

    `more` is what the scheduler gave beside the next latents; some tell the clean ones that they expect.
    """

    step: int
    steps: int
    scheduler: Any
    output: Any
    sample: Any
    latents: Any
    more: tuple[Any, ...] = ()


OnStep = Callable[[StepTaken], None]


def stand_in(
    name: str,
    component: torch.nn.Module,
    stage: str,
    hand: Hand,
    within: tuple[Within, ...] = (),
    noise: torch.Generator | None = None,
) -> torch.nn.Module:
    """An object that behaves like `component` but gives its calls to `hand`, `within` what is entered for all of them,
    and returns what that returns. What is encoded is sampled by `noise` where a pipeline names no generator."""
    real: Any = type(component)
    double: torch.nn.Module = object.__new__(_double_class(real))
    object.__setattr__(double, "__dict__", component.__dict__)
    object.__setattr__(double, "_safelight", _Handover(name, component, stage, hand, within, noise))
    return double


class _Handover:
    """What one stand-in knows beside what it shares with its component. It belongs to one run."""

    def __init__(
        self,
        name: str,
        component: torch.nn.Module,
        stage: str,
        hand: Hand,
        within: tuple[Within, ...],
        noise: torch.Generator | None,
    ) -> None:
        self._always = within
        self._noise = noise
        self._cast: torch.dtype | None = None
        self._label = f"run {next(_labels)}: "
        self._name = name
        self._component = component
        self._stage = stage
        self._hand = hand
        self._contexts: list[CacheContext] = []
        self._cached = False

    def call(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        within: tuple[Within, ...] = (*self._always, *self._contexts)
        if self._cast is not None:
            within = (*within, CastTo(self._cast))
            args, kwargs = (with_tensors(each, self._casting) for each in (args, kwargs))
        if method in _SAMPLING:
            within = (GlobalNoise.now(self._component), *within)
        stage = stage_of_call(self._stage, method)
        result = self._hand(Call(self._name, self._component, method, stage, args, kwargs, within))
        return _sampled_by(self._noise, result) if method == "encode" and self._noise is not None else result

    def cast_to(self, dtype: torch.dtype) -> None:
        """The pipeline asks for that number format, as for the decoders of some: for the run's own calls it has it."""
        own = next((weights.dtype for weights in self._component.parameters()), dtype)
        self._cast = None if dtype == own else dtype

    def _casting(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(self._cast) if tensor.is_floating_point() else tensor

    @contextmanager
    def cache_context(self, name: str, **kwargs: Any) -> Iterator[None]:
        self._contexts.append(CacheContext(self._label, name, tuple(kwargs.items())))
        self._cached = True
        try:
            yield
        finally:
            self._contexts.pop()

    def release(self) -> None:
        """Drop what step caches kept for this run, if it was ever in a context that they keep something for."""
        for module in self._component.modules() if self._cached else ():
            registry = getattr(module, "_diffusers_hook", None)
            for hook in registry.hooks.values() if registry is not None else ():
                for states in (value._state_cache for value in vars(hook).values() if isinstance(value, StateManager)):
                    for context in [name for name in states if name.startswith(self._label)]:
                        del states[context]


def _sampled_by(noise: torch.Generator, encoded: Any) -> Any:
    """What an autoencoder gave, its distribution sampled by that generator where none is named: some pipelines take the
    global one, from which others draw meanwhile, and which no seed of a request sets."""
    found = encoded[0] if isinstance(encoded, tuple) else getattr(encoded, "latent_dist", None)
    if isinstance(found, DiagonalGaussianDistribution):
        sample = found.sample
        found.sample = lambda generator=None: sample(noise if generator is None else generator)
    return encoded


@functools.cache
def _double_class(real: type) -> type:
    """The subclass for stand-ins of `real`. Its handover sits in a slot, as the `__dict__` is the component's."""
    body: dict[str, Any] = {"__slots__": ("_safelight",), "__module__": real.__module__, "__doc__": real.__doc__}
    for method in _COMPUTING:
        if callable(getattr(real, method, None)):
            body[method] = _handing_over(real, method)
    body["to"] = _to
    if hasattr(real, "cache_context"):
        body["cache_context"] = lambda self, *args, **kwargs: self._safelight.cache_context(*args, **kwargs)
    return type(real.__name__, (real,), body)


def _to(double: Any, *args: Any, **kwargs: Any) -> Any:
    """In place of `to`. A number format is the run's own wish: the weights are everybody's. Where they are stays."""
    _, dtype, *_ = torch._C._nn._parse_to(*args, **kwargs)
    if dtype is not None:
        double._safelight.cast_to(dtype)
    return double


def _handing_over(real: type, method: str) -> Callable[..., Any]:
    @functools.wraps(getattr(real, method))  # pipelines inspect signatures to see what a component takes
    def hand_over(self: Any, *args: Any, **kwargs: Any) -> Any:
        return self._safelight.call(method, args, kwargs)

    return hand_over


def copy_for_run(
    pipeline: DiffusionPipeline,
    hand: Hand,
    stepped: OnStep,
    heard: Heard | None = None,
    within: Mapping[int, Within] = MappingProxyType({}),
    noise: torch.Generator | None = None,
) -> DiffusionPipeline:
    """A shallow copy of a pipeline for one run: stand-ins for its components, its own schedulers, no progress bar.

    Pipelines keep a call's state on themselves and step counts in their scheduler; weights stay shared. `stepped` is
    told each step of their schedulers once it is taken, `heard` what their tokenizers read. `within` is what every call
    of a component is made within, by the component's `id`. `noise` is what stands for the global generators. Pipelines
    inside the pipeline are copied the same way.
    """
    return _Copying(hand, stepped, heard, within, noise).pipeline(pipeline)


def release(pipeline: DiffusionPipeline) -> None:
    """Forget what the model keeps for a run, with the copy that was made for it; also when it ended early."""
    for value in vars(pipeline).values():
        if isinstance(value, DiffusionPipeline):
            release(value)
        elif "_safelight" in vars(type(value)):
            value._safelight.release()


def _nothing() -> None:
    """In place of `maybe_free_model_hooks`."""


class _Copying:
    """One copy in the making; remembers what it replaced, so that a shared component is replaced by one object."""

    def __init__(
        self,
        hand: Hand,
        stepped: OnStep,
        heard: Heard | None,
        within: Mapping[int, Within],
        noise: torch.Generator | None,
    ) -> None:
        self._hand = hand
        self._noise = noise
        self._within = within
        self._heard = heard
        self._progress = _Progress(stepped)
        self._replaced: dict[int, Any] = {}

    def pipeline(self, original: DiffusionPipeline) -> DiffusionPipeline:
        duplicate: DiffusionPipeline = object.__new__(type(original))
        # Not setattr: DiffusionPipeline.__setattr__ would write the replacements into the configuration.
        duplicate.__dict__.update({name: self._value(name, value) for name, value in vars(original).items()})
        duplicate.__dict__["_progress_bar_config"] = {"disable": True}
        # At a call's end pipelines take their hooks off and clear every step cache: those are of other runs too.
        duplicate.__dict__["maybe_free_model_hooks"] = _nothing
        return duplicate

    def _value(self, name: str, value: Any) -> Any:
        if id(value) in self._replaced:
            return self._replaced[id(value)]
        if isinstance(value, DiffusionPipeline):
            replacement: Any = self.pipeline(value)
        elif isinstance(value, BaseGuidance):  # it counts the run's steps, and some remember what was predicted
            replacement = copy.deepcopy(value)
        elif isinstance(value, SchedulerMixin):
            replacement = self._progress.watch(copy.deepcopy(value))
        elif (stage := stage_of(name, value)) is not None:
            entered = self._within.get(id(value))
            kept = () if entered is None else (entered,)
            replacement = stand_in(name, value, stage, self._hand, kept, self._noise)
        elif self._heard is not None and (listening := listened_to(value, self._heard)) is not None:
            replacement = listening
        else:
            return value
        self._replaced[id(value)] = replacement
        return replacement


class _Progress:
    """Counts the steps of a run's schedulers, those that are taken. A pipeline with two stages shows the second's when
    it gets there."""

    def __init__(self, stepped: OnStep) -> None:
        self._stepped = stepped
        self._done: dict[int, int] = {}
        self._skipped: dict[int, int] = {}

    def watch(self, scheduler: Any) -> Any:
        """The same scheduler, its `step` counted; on the object itself, so that its class stays what it was."""
        itself = weakref.ref(scheduler)  # no cycle: what a scheduler remembers is freed when its run ends
        key = id(scheduler)

        def counted(*args: Any, **kwargs: Any) -> Any:
            scheduler: Any = itself()
            if key not in self._skipped:
                self._skipped[key] = _place(scheduler, _given("timestep", 1, args, kwargs))
            result = type(scheduler).step(scheduler, *args, **kwargs)
            self._done[key] = done = self._done.get(key, 0) + 1
            earlier = sum(self._done.values()) - done
            steps = earlier + max(done, len(scheduler.timesteps) - self._skipped[key])
            output, sample = (_given(name, at, args, kwargs) for name, at in (("model_output", 0), ("sample", 2)))
            latents, *more = result if isinstance(result, tuple) else result.to_tuple()
            self._stepped(StepTaken(earlier + done, steps, scheduler, output, sample, latents, tuple(more)))
            return result

        # Pipelines ask for the signature, to see whether `step` takes `eta` or `generator`.
        counted.__signature__ = inspect.signature(scheduler.step)  # type: ignore[attr-defined]
        scheduler.step = counted
        return scheduler


def _place(scheduler: Any, timestep: Any) -> int:
    """How many steps of its schedule come before this one: an edit that starts from a picture leaves the first out."""
    begin = getattr(scheduler, "begin_index", None)
    if isinstance(begin, int):
        return begin
    times = torch.as_tensor(scheduler.timesteps)
    found = (times == torch.as_tensor(timestep).to(times.device)).flatten().nonzero()
    return int(found[0]) if len(found) else 0


def _given(name: str, position: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return kwargs[name] if name in kwargs else args[position]
