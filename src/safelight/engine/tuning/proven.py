"""A faster form of a function, used only where it was seen to give the same bytes and to take less time.

Whether another order of the same operations rounds alike is not assumed: arguments of each new form (shapes, strides,
number formats, device, all else by value) are computed both ways a few times first, and the plain result counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import torch

from safelight.engine.machine.pace import now

log = logging.getLogger(__name__)

_TRIALS = 3
_REMEMBERED = 1024


@dataclass
class _Trials:
    """Calls of one form so far, and the least seconds of each way: the first of either is slow for other reasons."""

    left: int = _TRIALS
    plain: float = float("inf")
    faster: float = float("inf")
    same: bool = True

    @property
    def kept(self) -> bool:
        return self.same and self.left == 0 and self.faster < self.plain


class Proven:
    """Calls ``plain``, or ``faster`` where that is proven. ``faster`` may raise where it knows no way.

    ``clock`` gives seconds when all that was queued on a device is done. Functions of one tensor's result alone.
    """

    def __init__(
        self, plain: Callable[..., Any], faster: Callable[..., Any], clock: Callable[[str], float] = now
    ) -> None:
        self.plain, self._faster, self._clock = plain, faster, clock
        self._known: dict[Hashable, _Trials] = {}

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if torch.compiler.is_compiling() or _is_traced() or torch.is_grad_enabled():
            return self.plain(*args, **kwargs)
        form = _form((args, tuple(kwargs.items())))
        trials = self._known.get(form)
        if trials is not None and trials.kept:
            return self._faster(*args, **kwargs)
        if trials is not None and (trials.left == 0 or not trials.same):
            return self.plain(*args, **kwargs)
        if torch.cuda.is_available() and torch.cuda.is_current_stream_capturing():  # nothing may be waited for
            return self.plain(*args, **kwargs)
        return self._try(self._remember(form), *args, **kwargs)

    def _remember(self, form: Hashable) -> _Trials:
        if len(self._known) >= _REMEMBERED:
            self._known.clear()
        return self._known.setdefault(form, _Trials())

    def _try(self, trials: _Trials, *args: Any, **kwargs: Any) -> Any:
        device = next((str(each.device) for each in args if isinstance(each, torch.Tensor)), "cpu")
        begun = self._clock(device)
        result = self.plain(*args, **kwargs)
        between = self._clock(device)
        trials.plain = min(trials.plain, between - begun)
        trials.left -= 1
        try:
            again = self._faster(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 - what has no faster form is computed as it is
            log.info("%s is computed as it is: %s", getattr(self.plain, "__name__", "a function"), type(error).__name__)
            trials.same = False
            return result
        trials.faster = min(trials.faster, self._clock(device) - between)
        trials.same = _same(result, again)
        return result


def _is_traced() -> bool:
    return torch._C._get_tracing_state() is not None


def _form(value: Any) -> Hashable:
    if isinstance(value, torch.Tensor):
        return tuple(value.shape), value.stride(), value.dtype, value.device
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
