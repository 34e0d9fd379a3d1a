"""A call run for its run: its result, or what it raised."""

# Tested in tests/engine/test_loop.py.

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from safelight.engine.output.checks import check_numbers
from safelight.engine.pipeline.calls import Call
from safelight.engine.pipeline.pausing import Pause, never


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
