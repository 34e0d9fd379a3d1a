"""A checkpoint's parts: called by old names, optional and gone, optional and pickled."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from benchmarks.checkpoints import tiny
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker
from diffusers.utils.deprecation_utils import _TRANSFORMERS_CLASS_REMAPPING

from safelight.contract.checkpoints.checkpoint_files import LOOK_AT_PICTURES, can_be_left_out
from safelight.contract.errors import ModelLoadError
from safelight.engine.checkpoint.files.diffusers_index import component_class
from safelight.engine.pipeline.model import LoadedModel
from tests.engine.drawing import alone, job
from tests.engine.test_loading import change_index, loaded


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint whose safety checker flags nothing."""
    folder = tmp_path_factory.mktemp("checked") / "model"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipeline = tiny.stable_diffusion()
        vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        config = transformers.CLIPConfig(projection_dim=16, vision_config=vision | {"image_size": 30, "patch_size": 15})
        checker = StableDiffusionSafetyChecker(config).eval()
        checker.concept_embeds_weights.data.fill_(2.0)
        sizes = {"size": {"shortest_edge": 30}, "crop_size": {"height": 30, "width": 30}}
        pipeline.register_modules(safety_checker=checker, feature_extractor=transformers.CLIPImageProcessor(**sizes))
        pipeline.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(checked: Path, tmp_path: Path) -> Path:
    return shutil.copytree(checked, tmp_path / "model")


def same_picture(one: LoadedModel, other: LoadedModel) -> bool:
    return np.array_equal(alone(one, job(one)), alone(other, job(other)))


def test_an_old_class_name_is_read_as_the_new_one(folder: Path, checked: Path) -> None:
    change_index(folder, feature_extractor=["transformers", "CLIPFeatureExtractor"])
    model = loaded(folder)
    assert type(model.pipeline.feature_extractor) is transformers.CLIPImageProcessor
    assert same_picture(model, loaded(checked))


@pytest.mark.parametrize("old", sorted(_TRANSFORMERS_CLASS_REMAPPING))
def test_every_name_that_diffusers_maps_is_known(folder: Path, old: str) -> None:
    found = component_class(folder, "feature_extractor", "transformers", old)
    assert found is getattr(transformers, _TRANSFORMERS_CLASS_REMAPPING[old]["new_class"])


def pickled(folder: Path) -> None:
    weights = folder / "safety_checker" / "model.safetensors"
    weights.rename(weights.with_name("pytorch_model.bin"))


def gone(folder: Path) -> None:
    shutil.rmtree(folder / "safety_checker")


def without_weights(folder: Path) -> None:
    (folder / "safety_checker" / "model.safetensors").unlink()


@pytest.mark.parametrize(
    ("lose", "why"), [(pickled, "are a pickle"), (gone, "is missing"), (without_weights, "are missing")]
)
def test_an_optional_part_that_cannot_be_had_is_left_out_and_that_is_said(
    folder: Path, checked: Path, caplog: pytest.LogCaptureFixture, lose: Callable[[Path], None], why: str
) -> None:
    lose(folder)
    model = loaded(folder)
    (note,) = model.traits.notes
    assert "It is served without `safety_checker`." in note
    assert why in note
    assert note in caplog.text
    assert model.pipeline.safety_checker is None
    assert same_picture(model, loaded(checked))


def test_who_reads_pictures_for_a_part_takes_it_along(folder: Path, checked: Path) -> None:
    shutil.rmtree(folder / "feature_extractor")
    model = loaded(folder)
    assert model.pipeline.safety_checker is model.pipeline.feature_extractor is None
    assert len(model.traits.notes) == 2
    assert same_picture(model, loaded(checked))


@pytest.mark.parametrize("part", ["text_encoder", "tokenizer", "unet", "vae", "scheduler"])
def test_a_part_that_draws_is_not_left_out(folder: Path, part: str) -> None:
    shutil.rmtree(folder / part)
    with pytest.raises(ModelLoadError, match=f"`{part}` is missing"):
        loaded(folder)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_pipelines_that_draw_from_text_can_do_without_parts_that_look_at_pictures() -> None:
    from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING

    kinds: list[Any] = list(AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values())
    needed = [
        (kind.__name__, part)
        for kind in kinds
        for part in set(LOOK_AT_PICTURES).intersection(kind._get_signature_keys(kind)[0])
        if not can_be_left_out(part, kind._optional_components)
    ]
    assert len(kinds) > 30
    assert needed == []
