"""The stages of a picture, in their order: what a worker's seconds go to, and what is known of each before it is drawn.

A stage is one line here. Who draws says which part of a model is for which stage; times, costs, schedule, metrics
and ledger follow this table.
"""

# Tested in tests/engine/test_outlook.py.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class StageKind:
    """`each_step`: its seconds are counted by the step, not by the picture. `grows`: they go by the picture's size."""

    each_step: bool = False
    grows: bool = True


PROMPT = "encode_prompt"
PICTURE = "encode_picture"
STEPS = "denoise"
DECODE = "decode"
STAGES: Mapping[str, StageKind] = {
    PROMPT: StageKind(grows=False),
    PICTURE: StageKind(),
    STEPS: StageKind(each_step=True),
    DECODE: StageKind(),
}
FIRST = next(iter(STAGES))


def comes_before_steps(stage: str) -> bool:
    """Whether that stage prepares the steps."""
    order = list(STAGES)
    return order.index(stage) < order.index(STEPS)
