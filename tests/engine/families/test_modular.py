"""Modular pipelines over the parts of families that are tested as ordinary ones: each draws what diffusers' own call
does, alone and beside another; and which of all of diffusers' are served stands in the documentation."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from benchmarks.checkpoints.build import FAMILIES
from benchmarks.checkpoints.modular import by_diffusers, over_the_parts_of

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions
from safelight.contract.requests.order import Order
from safelight.engine.checkpoint.capabilities.edits import refusal_of_words
from safelight.engine.checkpoint.loading import load
from safelight.engine.pipeline.edits.picture_arguments import picture_arguments
from safelight.engine.pipeline.modular import as_pipeline_class
from safelight.engine.pipeline.signature import of_one_frame
from safelight.engine.tasks.task import as_asked, shown
from safelight.protocol.messages import ModelSpec
from tests.engine.drawing import Drawing, job, pixels
from tests.engine.families.test_families import pytestmark as as_in_the_contract
from tests.engine.families.test_families import wake
from tests.engine.families.test_refused import documented

pytestmark = as_in_the_contract

OVER = {
    "ErnieImageModularPipeline": "ernie-image",
    "Flux2KleinBaseModularPipeline": "flux.2-klein",
    "Flux2KleinModularPipeline": "flux.2-klein",
    "Flux2ModularPipeline": "flux.2",
    "FluxKontextModularPipeline": "flux.1-kontext",
    "FluxModularPipeline": "flux.1-dev",
    "QwenImage21ModularPipeline": "qwen-image-2.1",
    "QwenImage21TurboModularPipeline": "qwen-image-2.1",
    "QwenImageModularPipeline": "qwen-image",
    "StableDiffusion3ModularPipeline": "stable-diffusion-3",
    "StableDiffusionXLModularPipeline": "stable-diffusion-xl",
    "WanModularPipeline": "wan",
    "ZImageModularPipeline": "z-image",
}
IN_THE_CONTRACT = {"AnimaModularPipeline", "Flux3DistilledModularPipeline", "Flux3ModularPipeline"}
ALL = sorted(
    name for name in dir(diffusers) if name.endswith("ModularPipeline") and name != diffusers.ModularPipeline.__name__
)


@pytest.mark.parametrize("name", sorted(OVER))
def test_it_draws_what_diffusers_draws_with_any_guidance_and_in_company(name: str, tmp_path: Path) -> None:
    family = FAMILIES[OVER[name]]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        parts = family.build()
        wake(getattr(parts, "transformer", None))
        over_the_parts_of(getattr(diffusers, name), parts).save_pretrained(str(tmp_path))
    takes = inspect.signature(as_pipeline_class(getattr(diffusers, name)).__call__).parameters
    arguments = {key: value for key, value in family.arguments.items() if key in takes}
    model = load(ModelSpec(source=str(tmp_path), dtype="float32", options=ModelOptions(arguments=arguments)), "cpu")
    family.shrink(model.pipeline)
    width, height = family.size
    said: dict[str, Any] = {"steps": 2, "width": width, "height": height}
    orders = [job(model, "plain", **said), job(model, "other", seed=8, **said)]
    if model.traits.guidance_scale is not None:
        orders.append(job(model, "guided", guidance_scale=40.0, **said))
    with Drawing(model) as drawing:
        ends = drawing.draw(*orders)
    drawn = [pixels(end) for end in ends]
    for order, picture in zip(orders, drawn, strict=True):
        assert np.array_equal(picture, _by_diffusers(model, order, {**of_one_frame(takes), **arguments}))
    assert not np.array_equal(drawn[0], drawn[1])


def _by_diffusers(model: Any, order: Order, arguments: dict[str, Any]) -> Any:
    recipe = order.recipe
    if "guidance_scale" in recipe.options:
        arguments = arguments | {"guidance_scale": recipe.options["guidance_scale"]}
    output = by_diffusers(model.pipeline)(
        prompt=recipe.prompt,
        height=recipe.height,
        width=recipe.width,
        num_inference_steps=recipe.steps,
        generator=torch.Generator("cpu").manual_seed(recipe.seed),
        output_type="pil",
        **arguments,
    )
    return np.asarray(as_asked(shown(output), recipe.width, recipe.height))


def _found(name: str) -> str:
    """What is read off its blocks: whether it draws from words, from pictures alone, or not at all."""
    try:
        kind = as_pipeline_class(getattr(diffusers, name))
    except ModelLoadError:
        return "no"
    if refusal_of_words(kind) is None:
        return "one frame" if of_one_frame(inspect.signature(kind.__call__).parameters) else "yes"
    return "edits alone" if picture_arguments(kind) is not None else "no"


def test_the_documentation_says_of_each_whether_it_is_served() -> None:
    text = (Path(__file__).parents[3] / "docs" / "models-reference.md").read_text()
    part = text.partition("### Modular pipelines")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| (\w+ModularPipeline) \| ([a-z ]+) \| ([a-z ]+) \|", part, re.M)
    assert [name for name, *_ in rows] == ALL
    assert {name: served for name, served, _ in rows} == {name: _found(name) for name in ALL}
    tested = {name for name, _, how in rows if how == "yes"}
    assert tested == set(OVER) | IN_THE_CONTRACT


def test_one_that_makes_sound_says_that_it_makes_no_pictures(tmp_path: Path) -> None:
    (tmp_path / "modular_model_index.json").write_text('{"_class_name": "MiniMaxMusic3ModularPipeline"}')
    with pytest.raises(ModelLoadError) as refused:
        load(ModelSpec(source=str(tmp_path), dtype="float32"), "cpu")
    said = "MiniMaxMusic3ModularPipeline makes no pictures: what it gives is `audios`."
    assert said in str(refused.value)
    assert said in documented()
