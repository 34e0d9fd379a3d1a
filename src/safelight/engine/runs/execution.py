"""A call run for its run: its result, or what it raised."""

# Tested in tests/engine/test_loop.py.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from safelight.engine.output.checks import NumbersCheck
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.pipeline.stand_ins.pausing import Pause, never


@dataclass(frozen=True)
class Raised:
    """In place of a call's result: its exception, to be raised where the pipeline made the call."""

    error: Exception


@dataclass(frozen=True)
class Queued:
    """A call that was run. Its device may be at it still."""

    result: Any
    check: NumbersCheck | None = None

    def have(self) -> Any:
        """The result once it is known to be one: this may wait for the device."""
        if self.check is not None and (error := self.check.read()) is not None:
            return Raised(error)
        return self.result


def queue(call: Call, pause: Pause = never) -> Queued:
    """Run a call for its run, without waiting for the device; a fault in it is the pipeline's to see."""
    try:
        with torch.no_grad():
            result = call.execute(pause)
            return Queued(result, NumbersCheck(call, result))
    except Exception as error:  # noqa: BLE001 - raised again in the run
        return Queued(Raised(error))


def execute(call: Call, pause: Pause = never) -> Any:
    """A call's result, or what it raised."""
    return queue(call, pause).have()
