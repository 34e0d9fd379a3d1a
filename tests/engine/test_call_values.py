"""A call's values, taken apart and put together again."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from diffusers.utils import BaseOutput

from safelight.engine.pipeline.stand_ins.call_values import NoForm, form_of, same_bytes, tensors_of, with_tensors


@dataclass
class Output(BaseOutput):  # type: ignore[misc]  # diffusers has no types
    sample: torch.Tensor


def values(number: float) -> dict[str, Any]:
    """A call as denoisers have it: tensors, plain values and containers of both."""
    return {
        "sample": torch.full((1, 4, 2, 2), number),
        "added": {"ids": [torch.ones(2) * number, None], "scale": 0.5},
        "flags": (True, "plain", torch.bfloat16),
    }


def test_calls_that_differ_in_numbers_alone_have_one_form() -> None:
    assert form_of(values(1.0), "cpu") == form_of(values(2.0), "cpu")
    assert hash(form_of(values(1.0), "cpu")) == hash(form_of(values(2.0), "cpu"))


@pytest.mark.parametrize(
    "changed",
    [
        {"sample": torch.ones(1, 4, 2, 3)},
        {"sample": torch.ones(1, 4, 2, 2).to(torch.float64)},
        {"sample": torch.ones(1, 4, 2, 2).mT},
        {"flags": (False, "plain", torch.bfloat16)},
        {"flags": [True, "plain", torch.bfloat16]},
        {"flags": (1, "plain", torch.bfloat16)},
        {"added": {"ids": [torch.ones(2), None], "scale": 0.6}},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_what_else_differs_is_another_form(changed: dict[str, Any]) -> None:
    assert form_of(values(1.0) | changed, "cpu") != form_of(values(1.0), "cpu")


@pytest.mark.parametrize(
    "value",
    [object(), {"inner": [object()]}, torch.nn.Parameter(torch.ones(1))],
    ids=["object", "within", "parameter"],
)
def test_an_object_that_says_nothing_of_itself_has_no_form(value: Any) -> None:
    with pytest.raises(NoForm):
        form_of(value, "cpu")


def test_a_tensor_elsewhere_has_no_form() -> None:
    with pytest.raises(NoForm):
        form_of(torch.ones(1), "cuda")


def test_tensors_come_in_their_order_and_others_take_their_place() -> None:
    given = values(3.0)
    assert [tuple(tensor.shape) for tensor in tensors_of(given)] == [(1, 4, 2, 2), (2,)]
    made = with_tensors(given, lambda tensor: tensor + 1)
    assert [tensor.flatten()[0].item() for tensor in tensors_of(made)] == [4.0, 4.0]
    assert form_of(made, "cpu") == form_of(given, "cpu")
    assert given["sample"][0, 0, 0, 0] == 3.0


def test_an_output_of_diffusers_stays_one() -> None:
    made = with_tensors(Output(sample=torch.ones(2)), torch.neg)
    assert isinstance(made, Output)
    assert made.sample.tolist() == [-1.0, -1.0]
    assert isinstance(with_tensors(OrderedDict(x=torch.ones(1)), torch.neg), OrderedDict)


def test_the_same_bytes_are_the_same_and_no_others() -> None:
    nan = torch.tensor([float("nan"), 0.0])
    assert same_bytes([nan], (nan.clone(),))
    assert not same_bytes([nan], [torch.tensor([float("nan"), -0.0])])  # a minus zero is equal, and has other bytes
    assert not same_bytes([nan], [nan.to(torch.float64)])
    assert not same_bytes([nan], [nan.reshape(2, 1)])
    assert not same_bytes([nan], [nan, nan])


def test_results_without_tensors_prove_nothing() -> None:
    assert not same_bytes({"loss": 1.0}, {"loss": 1.0})
