"""Families that do not work are refused with the sentence that the documentation has for them."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import pytest
from benchmarks.checkpoints import llm, seeing, t5, unets, viewing
from diffusers.pipelines.cosmos import pipeline_cosmos2_text2image, pipeline_cosmos3_omni
from diffusers.pipelines.omnigen import pipeline_omnigen
from diffusers.pipelines.prx import pipeline_prx
from diffusers.utils import dummy_torch_and_transformers_and_sentencepiece_objects as placeholders
from diffusers.utils import import_utils

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions
from safelight.engine.checkpoint.loading import load
from safelight.protocol.messages import Failed, ModelSpec
from tests.engine.drawing import Drawing, job

pytestmark = pytest.mark.filterwarnings("ignore:.* is deprecated and will be removed in version 1.0.0:FutureWarning")


Save = Callable[[Path, pytest.MonkeyPatch], None]


def documented() -> str:
    text = (Path(__file__).parents[3] / "docs" / "models-reference.md").read_text().partition("## Families")[2]
    return " ".join(text.split())


def without(package: str) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")


def cosmos(folder: Path, patch: pytest.MonkeyPatch) -> None:
    without("cosmos_guardrail")
    patch.setattr(pipeline_cosmos2_text2image, "CosmosSafetyChecker", lambda: None)
    t5.cosmos_predict_2().save_pretrained(folder)


def cosmos_3(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """As it is published: with a checker, which it makes itself."""
    without("cosmos_guardrail")
    llm.cosmos_3().save_pretrained(folder)
    index = folder / "model_index.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"enable_safety_checker": True}))


def omnigen(folder: Path, patch: pytest.MonkeyPatch) -> None:
    without("torchvision")
    patch.setattr(pipeline_omnigen, "OmniGenMultiModalProcessor", lambda *args, **kwargs: None, raising=False)
    llm.omnigen().save_pretrained(folder)


def qwen_image_layered(folder: Path, patch: pytest.MonkeyPatch) -> None:
    viewing.qwen_image_layered().save_pretrained(folder)


def visual_cloze(folder: Path, patch: pytest.MonkeyPatch) -> None:
    seeing.visual_cloze().save_pretrained(folder)


def stable_cascade(folder: Path, patch: pytest.MonkeyPatch) -> None:
    unets.stable_cascade().save_pretrained(folder)


def half_of_kandinsky_2_2(folder: Path, patch: pytest.MonkeyPatch) -> None:
    unets.kandinsky_2_2().decoder_pipe.save_pretrained(folder)


@pytest.mark.parametrize(
    ("save", "said"),
    [
        (cosmos, "`cosmos_guardrail` is not installed."),
        (cosmos_3, "`cosmos_guardrail` is not installed."),
        (omnigen, "It needs the package `torchvision`, which is not installed."),
        (stable_cascade, "PaellaVQModel, which the installed libraries do not have"),
        (qwen_image_layered, "it works from a picture, `image`, and draws several, `layers`"),
        (visual_cloze, "it takes `task_prompt` and `content_prompt` in place of one"),
        (half_of_kandinsky_2_2, "does not draw from a prompt alone"),
    ],
)
def test_it_says_why(save: Save, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        save(tmp_path / "model", patch)
    with pytest.raises(ModelLoadError) as refused:
        load(ModelSpec(source=str(tmp_path / "model"), dtype="float32"), "cpu")
    assert said in str(refused.value)
    assert said in documented()


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_what_diffusers_misses_for_a_pipeline_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed or not, it is as if it were not: diffusers then has a class in the place of the pipeline's."""
    monkeypatch.setattr(import_utils, "_sentencepiece_available", False)
    monkeypatch.setattr(diffusers, "KolorsPipeline", placeholders.KolorsPipeline)
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "KolorsPipeline"}))
    with pytest.raises(ModelLoadError) as refused:
        load(ModelSpec(source=str(tmp_path), dtype="float32"), "cpu")
    said = "KolorsPipeline requires the sentencepiece library but it was not found in your environment"
    assert said in str(refused.value)
    assert said in documented()


def test_what_is_missed_only_when_it_draws_is_said_then(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(pipeline_prx, "ftfy", raising=False)  # as where it is not installed
    t5.prx().save_pretrained(tmp_path)
    model = load(ModelSpec(source=str(tmp_path), dtype="float32"), "cpu")
    with Drawing(model) as drawing:
        (end,) = drawing.draw(job(model))
    said, mend = (
        "It needs the package `ftfy`, which is not installed.",
        "`pip install -c constraints.txt '.[models]'` installs it.",
    )
    reason = f"The model failed while drawing this picture. {said} {mend}"
    assert end == Failed(job_id="job", reason=reason, retry_helps=False)
    assert said in documented()


@pytest.mark.parametrize(
    ("save", "module", "named"),
    [
        (cosmos, pipeline_cosmos2_text2image, None),
        (cosmos, pipeline_cosmos2_text2image, "cosmos_guardrail"),
        (cosmos_3, pipeline_cosmos3_omni, None),
    ],
)
def test_without_its_checker_cosmos_is_served_and_makes_none(
    save: Save, module: Any, named: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        save(tmp_path / "model", patch)
    index = tmp_path / "model" / "model_index.json"
    checker = [named, "CosmosSafetyChecker" if named else None]
    index.write_text(json.dumps(json.loads(index.read_text()) | {"safety_checker": checker}))
    made = module.CosmosSafetyChecker
    options = ModelOptions(safety_checker=False)
    model = load(ModelSpec(source=str(tmp_path / "model"), dtype="float32", options=options), "cpu")
    assert model.pipeline.safety_checker is None
    assert module.CosmosSafetyChecker is made
    assert model.traits.side_multiple == model.pipeline.vae.config.scale_factor_spatial
