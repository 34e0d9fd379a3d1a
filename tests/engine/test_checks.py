"""What a pipeline gives back is looked at before it is called a picture."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from PIL import Image

from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.tasks.task import as_asked
from safelight.protocol.messages import Failed, Finished
from tests.engine.drawing import Drawing, job


def spoilt(model: LoadedModel, component: str) -> LoadedModel:
    """The same model with NaN among the weights of one of its parts."""
    pipeline = copy.copy(model.pipeline)
    pipeline.__dict__[component] = damaged = copy.deepcopy(getattr(model.pipeline, component))
    with torch.no_grad():
        for weights in list(damaged.parameters())[-2:]:
            weights.fill_(math.nan)
    changed = copy.copy(model)
    object.__setattr__(changed, "pipeline", pipeline)
    return changed


@pytest.mark.parametrize(("component", "named"), [("transformer", "denoiser"), ("vae", "decoder")])
def test_numbers_that_are_none_become_an_error_that_says_so_and_the_next_picture_is_drawn(
    flux: LoadedModel, component: str, named: str
) -> None:
    with Drawing(spoilt(flux, component)) as drawing:
        end = drawing.draw(job(flux))[0]
    assert isinstance(end, Failed)
    assert end.reason.startswith(f"The {named} computed numbers that are none (NaN), so there is no picture.")
    assert not end.retry_helps
    with Drawing(flux) as drawing:
        assert isinstance(drawing.draw(job(flux))[0], Finished)


def test_a_picture_of_another_size_becomes_what_was_asked_for() -> None:
    assert as_asked(Image.new("RGB", (128, 112)), 64, 56).size == (64, 56)
    same = Image.new("RGB", (64, 56))
    assert as_asked(same, 64, 56) is same
    assert as_asked("<svg/>", 64, 56) == "<svg/>"
