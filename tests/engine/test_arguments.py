"""A job in a pipeline's own words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from safelight.engine.pipeline.arguments import JobRefused, pipeline_arguments
from safelight.engine.pipeline.model import LoadedModel
from tests.engine.drawing import job


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"steps": 3}, {}),
        ({"steps": None}, {}),
        ({"steps": 5}, {"guidance_scale": 7.0, "guidance_schedule": None}),
        ({"steps": 3, "guidance_scale": 2.0}, {"guidance_scale": 2.0, "guidance_schedule": None}),
    ],
)
def test_a_schedule_of_guidance_gives_way_to_a_scale_and_to_other_steps(
    flux: LoadedModel, asked: dict[str, Any], said: dict[str, Any]
) -> None:
    names = ("prompt", "height", "width", "num_inference_steps", "output_type", "guidance_scale")
    parameters = dict.fromkeys(names) | {"guidance_schedule": (7.0, 7.0, 3.0)}
    traits = msgspec.structs.replace(flux.traits, steps=3, guidance_scale=None)
    model = replace(flux, parameters=parameters, traits=traits)
    arguments = pipeline_arguments(job(model, **asked), model)
    assert {name: value for name, value in arguments.items() if name.startswith("guidance")} == said
    chosen = replace(model, arguments={"guidance_schedule": [1.0] * 5})
    assert pipeline_arguments(job(chosen, steps=5), chosen)["guidance_schedule"] == [1.0] * 5


def test_an_option_is_the_argument_of_its_name_and_refused_where_there_is_none(flux: LoadedModel) -> None:
    takes = replace(flux, parameters=flux.parameters | {"wobble": 1.0})
    assert pipeline_arguments(job(takes, wobble=0.5), takes)["wobble"] == 0.5
    with pytest.raises(JobRefused, match=r"This model takes no `wobble`\."):
        pipeline_arguments(job(flux, wobble=0.5), flux)
