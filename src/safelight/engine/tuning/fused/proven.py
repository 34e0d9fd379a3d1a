"""Faster forms of a function, used only where they were seen to give the same bytes and to take less time.

Whether another order of the same operations rounds alike is not assumed: arguments of each new form (shapes, strides,
number formats, device, where memory begins, all else by value) are computed by all ways a few times first, and the
plain result counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import Any

import torch

from safelight.engine.tuning.fused.timing import timed

log = logging.getLogger(__name__)

Way = Callable[..., Any]

_TRIALS = 3
_REMEMBERED = 1024
_ALIGNED = 16
"""Bytes that a GPU loads at once. A kernel is compiled anew for memory that begins elsewhere than at a multiple."""


@dataclass(frozen=True)
class Tried:
    """How a faster way did beside the plain one. `seconds` is nothing where it knows no way, and `why` says so."""

    way: Way
    seconds: float | None = None
    same: bool = False
    why: str = ""


class _Trials:
    """Calls of one form so far, and the least seconds of each way: the first of any is slow for other reasons."""

    def __init__(self, ways: Iterable[Way]) -> None:
        self._lock = Lock()  # a model is warmed up in one thread while another draws
        self.left = _TRIALS
        self.plain = float("inf")
        self.ways = dict.fromkeys(ways, float("inf"))
        self.chosen: Way | None = None

    @property
    def over(self) -> bool:
        return self.left <= 0 or not self.ways

    def note(self, plain: float, tried: Iterable[Tried]) -> None:
        """What differed once, or could not be computed, is out for good."""
        with self._lock:
            self.left -= 1
            self.plain = min(self.plain, plain)
            for each in tried:
                if not each.same or each.seconds is None:
                    self.ways.pop(each.way, None)
                elif each.way in self.ways:
                    self.ways[each.way] = min(self.ways[each.way], each.seconds)
            if self.over:
                fastest = min(self.ways, key=self.ways.__getitem__, default=None)
                self.chosen = fastest if fastest is not None and self.ways[fastest] < self.plain else None


class Proven:
    """Calls ``plain``, or the fastest of ``faster`` where that is proven. They may raise where they know no way.

    One that computes where its arguments lie comes last. ``stopwatch`` gives a call's result and its seconds on a
    device. Functions of one tensor's result alone.
    """

    def __init__(self, plain: Way, *faster: Way, stopwatch: Callable[[str, Way], tuple[Any, float]] = timed) -> None:
        self.plain, self.faster, self._stopwatch = plain, faster, stopwatch
        self._known: dict[Hashable, _Trials] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if torch.compiler.is_compiling() or _is_traced() or torch.is_grad_enabled():
            return self.plain(*args, **kwargs)
        form = _form((args, tuple(kwargs.items())))
        trials = self._known.get(form)
        if trials is not None and trials.over:
            return (trials.chosen or self.plain)(*args, **kwargs)
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():  # nothing may be waited for
            return self.plain(*args, **kwargs)
        trials = trials or self._remember(form)
        result, plain, tried = self.compare(tuple(trials.ways), *args, **kwargs)
        trials.note(plain, tried)
        return result

    def compare(self, ways: Iterable[Way], *args: Any, **kwargs: Any) -> tuple[Any, float, list[Tried]]:
        """The plain result, its seconds, and how each of the faster ways did beside it."""
        device = next((str(each.device) for each in args if isinstance(each, torch.Tensor)), "cpu")
        result, seconds = self._stopwatch(device, partial(self.plain, *args, **kwargs))
        tried = []
        for way in ways:
            try:
                again, took = self._stopwatch(device, partial(way, *args, **kwargs))
            except NotImplementedError as reason:
                tried.append(Tried(way, why=str(reason)))
            except Exception as error:  # noqa: BLE001 - what has no faster form is computed as it is
                log.info("%s has no faster form here: %s: %s", name_of(self.plain), type(error).__name__, error)
                tried.append(Tried(way, why=f"{type(error).__name__}: {error}"))
            else:
                tried.append(Tried(way, took, _same(result, again)))
        return result, seconds, tried

    def _remember(self, form: Hashable) -> _Trials:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        return self._known.setdefault(form, _Trials(self.faster))


def name_of(way: Way) -> str:
    """For people: a function's name and what is fixed of its arguments."""
    if isinstance(way, partial):
        return ", ".join([name_of(way.func), *(f"{name} {value}" for name, value in way.keywords.items())])
    return getattr(way, "__name__", "a function")


def _is_traced() -> bool:
    return torch._C._get_tracing_state() is not None


def _form(value: Any) -> Hashable:
    if isinstance(value, torch.Tensor):
        aligned = value.data_ptr() % _ALIGNED == 0
        return tuple(value.shape), value.stride(), value.dtype, value.device, aligned
    if isinstance(value, list | tuple):
        return tuple(_form(part) for part in value)
    return value if isinstance(value, Hashable) else id(value)


def _same(a: Any, b: Any) -> bool:
    """Whether all that the results say of themselves is the same, to the last bit."""
    if not isinstance(a, torch.Tensor) or not isinstance(b, torch.Tensor):
        return False
    alike = a.dtype is b.dtype and a.shape == b.shape and a.stride() == b.stride()
    with torch._C.DisableTorchFunction():  # who watches for a model that looks at its numbers means no trial
        return alike and torch.equal(_bytes(a), _bytes(b))  # zeros of both signs are equal as numbers


def _bytes(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.contiguous().flatten().view(torch.uint8)
