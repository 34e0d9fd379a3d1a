"""A pipeline in a greenlet, which parks at every call of a component until the engine lets it go on."""

# Tested in tests/engine/test_loop.py.

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from greenlet import getcurrent, greenlet

from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.execution import Raised, execute

HERE = object()
"""In place of a call's result: the run makes the call itself, pausing on its way."""


class RunCancelled(BaseException):
    """Raised in a run where it waits. Not an `Exception`, so that no pipeline takes it for a fault."""


class Parking:
    """Where one run parks. `call` is what it waits for, `cancelled` ends it where it waits; it holds on to no work that
    has ended.
    """

    def __init__(self) -> None:
        self.call: Call | None = None
        self.cancelled = False
        self._greenlet: greenlet | None = None

    @property
    def begun(self) -> bool:
        return self._greenlet is not None

    @property
    def ended(self) -> bool:
        return self._greenlet is not None and self._greenlet.dead

    def begin(self, work: Callable[[], None]) -> None:
        """Start the work; returns when it parks or has ended."""
        self._greenlet = greenlet(work)
        self._greenlet.switch()

    def go_on(self, result: Any) -> None:
        """Give it what it waits for; returns when it parks again or has ended."""
        assert self._greenlet is not None  # it was begun
        self.call = None
        self._greenlet.switch(result)

    def hand(self, call: Call) -> Any:
        """What a stand-in does with a call: wait until the engine has run it."""
        if self.cancelled:
            raise RunCancelled
        result = self._wait(call)
        if result is HERE:
            result = execute(call, partial(self._pause, call))
        if isinstance(result, Raised):
            raise result.error
        return result

    def _wait(self, call: Call) -> Any:
        """Until it is this run's turn. Gives what the engine made of the call, or `HERE`: it is to be run here."""
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
