"""How a checkpoint wants to be run, by its configuration and its name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from benchmarks.checkpoints import llm, t5, unets

from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.offers import capabilities_of
from safelight.engine.checkpoint.capabilities.traits import traits_of
from safelight.engine.checkpoint.files.folder import Checkpoint
from safelight.engine.checkpoint.files.location import location_of
from safelight.engine.checkpoint.loading import describe
from safelight.engine.pipeline.model import LoadedModel
from safelight.protocol.messages import ModelSpec


def traits(folder: Path) -> Traits:
    return describe(ModelSpec(source=str(folder)))[2]


@pytest.fixture
def checkpoint(checkpoints: dict[str, Path], tmp_path: Path) -> Any:
    """Makes a copy of a family's checkpoint under another name."""
    return lambda family, name: shutil.copytree(checkpoints[family], tmp_path / name)


@pytest.mark.parametrize(
    ("family", "name", "steps", "guidance", "few"),
    [
        ("stable-diffusion-3", "stable-diffusion-3.5-large", 28, 3.5, False),
        ("stable-diffusion-3", "stable-diffusion-3.5-large-turbo", 4, None, True),
        ("stable-diffusion-3", "stable-diffusion-3.5-medium", 40, 4.5, False),
        ("stable-diffusion-3", "my-own-sd3", 28, 7.0, False),
        ("stable-diffusion", "SDXL-Lightning-8step", 8, None, True),
        ("stable-diffusion", "something-turbo", 4, None, True),
        ("stable-diffusion", "dmd2-1-step", 1, None, True),
        ("flux", "FLUX.1-dev", 28, 3.5, False),
        ("latent-consistency", "LCM_Dreamshaper_v7", 4, 8.5, True),
    ],
)
def test_a_name_says_what_the_files_do_not(
    checkpoint: Any, family: str, name: str, steps: int, guidance: float | None, few: bool
) -> None:
    found = traits(checkpoint(family, name))
    assert (found.steps, found.guidance_scale, found.few_steps) == (steps, guidance, few)
    assert found.negative_prompt == (guidance is not None and family != "latent-consistency")


def test_where_it_was_saved_from_counts_as_a_name(checkpoint: Any) -> None:
    folder = checkpoint("stable-diffusion-3", "weights")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"_name_or_path": "stabilityai/sd-turbo-3"}))
    assert traits(folder).few_steps


def test_a_scheduler_for_consistency_models_says_few_steps(checkpoint: Any) -> None:
    folder = checkpoint("stable-diffusion", "plain")
    for path in (folder / "model_index.json", folder / "scheduler" / "scheduler_config.json"):
        path.write_text(path.read_text().replace("DDIMScheduler", "TCDScheduler"))
    found = traits(folder)
    assert (found.steps, found.guidance_scale, found.negative_prompt) == (4, None, False)


def test_the_default_size_is_what_the_pipeline_would_draw(checkpoint: Any) -> None:
    folder = checkpoint("stable-diffusion", "plain")
    path = folder / "unet" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"sample_size": 96}))
    found = traits(folder)
    assert (found.width, found.height, found.side_multiple) == (768, 768, 8)


def test_a_default_size_in_the_index_is_in_pixels(checkpoint: Any) -> None:
    folder = checkpoint("flux", "plain")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"default_sample_size": 256}))
    assert (traits(folder).width, traits(folder).height) == (256, 256)


def test_a_model_without_a_decoder_draws_as_many_pixels_as_its_denoiser_has_places(tmp_path: Path) -> None:
    unets.deepfloyd_if().save_pretrained(tmp_path / "if")
    assert (traits(tmp_path / "if").width, traits(tmp_path / "if").height) == (64, 64)


@pytest.mark.parametrize("build", [t5.wan, llm.cosmos_3])
def test_sides_of_a_frame_are_multiples_of_what_its_pipeline_insists_on(build: Any, tmp_path: Path) -> None:
    build().save_pretrained(tmp_path)
    assert traits(tmp_path).side_multiple == 16


def test_a_model_that_left_its_guider_out_takes_no_negative_prompt(tmp_path: Path) -> None:
    llm.hunyuan_image().save_pretrained(tmp_path)
    assert traits(tmp_path).negative_prompt
    index = tmp_path / "model_index.json"
    without: dict[str, list[None]] = {"guider": [None, None], "ocr_guider": [None, None]}
    index.write_text(json.dumps(json.loads(index.read_text()) | without))
    assert not traits(tmp_path).negative_prompt


@pytest.mark.parametrize(("scale", "takes"), [(1.0, False), (4.0, True)])
def test_a_negative_prompt_is_taken_where_classifier_free_guidance_is_on(
    checkpoint: Any, scale: float, takes: bool
) -> None:
    found = Checkpoint.read(location_of(str(checkpoint("flux", "plain"))))
    parameters = {"prompt": None, "negative_prompt": None, "true_cfg_scale": scale}
    assert traits_of(found, "plain", parameters).negative_prompt is takes


@pytest.mark.parametrize(("family", "tokens"), [("stable-diffusion", 77), ("stable-diffusion-3", 256), ("flux", 512)])
def test_how_much_of_a_prompt_is_read_is_said(models: dict[str, LoadedModel], family: str, tokens: int) -> None:
    traits = models[family].traits
    assert traits.prompt_tokens == tokens
    offered = capabilities_of(OperatorTerms(contract="open"), traits).as_json()["parameters"]["prompt"]
    assert offered["max_tokens"] == tokens
