"""The stages of a picture: which come before the steps, and which are counted by them."""

from __future__ import annotations

from safelight.contract.models.costs import CostPoint
from safelight.contract.models.stages import STAGES, STEPS, comes_before_steps


def test_prompt_and_pictures_are_read_before_the_steps_and_the_picture_decoded_after_them() -> None:
    assert [stage for stage in STAGES if comes_before_steps(stage)] == ["encode_prompt", "encode_picture"]


def test_the_cost_of_steps_is_one_steps_and_of_others_the_pictures() -> None:
    cost = CostPoint(pixels=64, step=2.0, once={"decode": 3.0})
    assert {stage: cost.of(stage) for stage in STAGES} == {
        "encode_prompt": 0.0,
        "encode_picture": 0.0,
        STEPS: 2.0,
        "decode": 3.0,
    }
