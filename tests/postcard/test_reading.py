"""What is made of a prompt once a picture, and when it must be made anew."""

from __future__ import annotations

import copy
import gc

import pytest
import torch
from torch import Tensor

from safelight.postcard.pipeline import PostcardPipeline
from safelight.postcard.reading import Readings

BIAS = torch.zeros(1)


class Reads:
    """Counts how often a denoiser reads a prompt."""

    def __init__(self, pipeline: PostcardPipeline) -> None:
        self.times = 0
        self.hook = pipeline.transformer.text_in.register_forward_hook(self._count)

    def _count(self, *_: object) -> None:
        self.times += 1


@pytest.mark.parametrize("negative", [None, "rain"])
def test_a_prompt_is_read_once_a_picture_and_the_bytes_are_those_of_every_step(
    postcard: PostcardPipeline, monkeypatch: pytest.MonkeyPatch, negative: str | None
) -> None:
    def latents() -> Tensor:
        generator = torch.Generator().manual_seed(3)
        found = postcard("a fox", negative, num_inference_steps=3, generator=generator, output_type="latent").images
        return torch.as_tensor(found)

    reads = Reads(postcard)
    once = latents()
    assert reads.times == 1
    monkeypatch.setattr(Readings, "may_keep", staticmethod(lambda _: False))
    assert torch.equal(once, latents())
    assert reads.times == 4
    reads.hook.remove()


def test_only_the_same_tensors_as_they_were_are_known() -> None:
    readings = Readings()
    states, mask, weight = torch.ones(1, 2, 4), torch.ones(1, 2), torch.ones(4)
    readings.keep(states, mask, weight, BIAS, [])
    assert readings.find(states, mask, weight) == (BIAS, [])
    assert readings.find(states.clone(), mask, weight) is None
    assert readings.find(states, None, weight) is None
    assert readings.find(states, mask, weight.clone()) is None
    mask[0, 1] = 0
    assert readings.find(states, mask, weight) is None


def test_weights_that_are_written_to_are_other_weights() -> None:
    readings, states, weight = Readings(), torch.ones(1, 2, 4), torch.ones(4)
    readings.keep(states, None, weight, BIAS, [])
    weight += 1
    assert readings.find(states, None, weight) is None


def test_a_reading_goes_with_its_prompt_and_a_copy_has_none() -> None:
    readings, states, weight = Readings(), torch.ones(1, 2, 4), torch.ones(4)
    readings.keep(states, None, weight, BIAS, [])
    assert copy.deepcopy(readings).find(states, None, weight) is None
    for _ in range(100):
        readings.keep(torch.ones(1), None, weight, BIAS, [])
    assert len(readings._kept) <= 16
    del states
    gc.collect()
    assert readings.find(torch.ones(1), None, weight) is None
    assert not readings._kept


def test_tensors_of_inference_mode_are_known_too() -> None:
    readings, weight = Readings(), torch.ones(4)
    with torch.inference_mode():
        states = torch.ones(1, 2, 4)
        readings.keep(states, None, weight, BIAS, [])
        assert readings.find(states, None, weight) is not None


def test_nothing_is_kept_where_gradients_are_needed_or_calls_recorded() -> None:
    states = torch.ones(1, 2, 4)
    with torch.enable_grad():
        assert not Readings.may_keep(states)
    with torch.no_grad():
        assert Readings.may_keep(states)
        assert not Readings.may_keep(states.to("meta"))
