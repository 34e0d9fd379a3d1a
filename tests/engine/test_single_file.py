"""What files of weights carry beside them: factors of float8, what their model predicts; and another file name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from benchmarks.checkpoints import tiny
from safetensors.torch import load_file, save_file

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions
from safelight.contract.models.traits import Traits
from safelight.engine.checkpoint.files.single_file import Marks, follow, marks_of, read_tensors
from safelight.engine.checkpoint.loading import describe, load
from safelight.protocol.messages import ModelSpec
from tests.engine.drawing import alone, job
from tests.engine.test_location import loaded


@pytest.fixture
def folder(checkpoints: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(checkpoints["flux"], tmp_path / "model")


@pytest.mark.parametrize("name", ["scale_weight", "weight_scale"])
@pytest.mark.parametrize("rows", [False, True])
def test_scaled_float8_is_multiplied_by_its_factors(folder: Path, tmp_path: Path, name: str, rows: bool) -> None:
    true = load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")
    scaled, rounded = {"scaled_fp8": torch.zeros(2)}, {}
    for key, value in true.items():
        if value.dim() != 2 or not key.endswith(".weight"):
            scaled[key] = rounded[key] = value
            continue
        factor = (value.abs().amax(1, keepdim=True) if rows else value.abs().max()).clamp(min=1e-6) / 448
        scaled[key] = (value / factor).to(torch.float8_e4m3fn)
        scaled[f"{key.removesuffix('weight')}{name}"] = factor.clone()
        rounded[key] = scaled[key].float() * factor
    save_file(scaled, tmp_path / "scaled.safetensors")
    save_file(rounded, tmp_path / "rounded.safetensors")
    one, other = (loaded(folder, transformer=str(tmp_path / f"{each}.safetensors")) for each in ("scaled", "rounded"))
    assert np.array_equal(alone(one, job(one)), alone(other, job(other)))


def test_factors_of_another_kind_are_refused_by_name(tmp_path: Path) -> None:
    weight = torch.zeros(4, 8).to(torch.float8_e4m3fn)
    save_file({"a.weight": weight, "a.weight_scale": torch.ones(2, 2)}, tmp_path / "x.safetensors")
    with pytest.raises(ModelLoadError, match=r"x\.safetensors holds scaled float8 .*a\.weight_scale"):
        read_tensors(tmp_path / "x.safetensors", torch.float32)


def test_what_a_file_says_of_its_prediction_sets_the_scheduler(tmp_path: Path) -> None:
    marks = {"v_pred": torch.empty(0), "ztsnr": torch.empty(0)}
    save_file(marks, tmp_path / "marked.safetensors")
    save_file({"a": torch.ones(1)}, tmp_path / "said.safetensors", metadata={"modelspec.prediction_type": "v"})
    save_file({"a": torch.ones(1)}, tmp_path / "plain.safetensors")
    assert marks_of(tmp_path / "marked.safetensors") == Marks(v_prediction=True, zero_snr=True)
    assert marks_of(tmp_path / "said.safetensors") == Marks(v_prediction=True)
    assert marks_of(tmp_path / "plain.safetensors") == Marks()
    scheduler = follow(Marks(v_prediction=True, zero_snr=True), tiny.stable_diffusion().scheduler)
    assert scheduler.config.prediction_type == "v_prediction"
    assert scheduler.config.rescale_betas_zero_snr
    with pytest.raises(ModelLoadError, match="does not have"):
        follow(Marks(v_prediction=True), tiny.flux().scheduler)


def test_a_safetensors_file_called_sft_is_taken(folder: Path, tmp_path: Path) -> None:
    before = loaded(folder)
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    shutil.copyfile(weights, tmp_path / "flux.sft")
    model = loaded(folder, transformer=str(tmp_path / "flux.sft"))
    weights.unlink()
    whole = loaded(tmp_path / "flux.sft", config=str(folder))
    for each in (model, whole):
        assert np.array_equal(alone(each, job(each)), alone(before, job(before)))


def test_what_a_single_file_holds_goes_before_the_weights_of_the_folder_that_describes_it(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    """`config` may be a whole pulled checkpoint: of that only the parts are taken which the file lacks."""
    folder = checkpoints["stable-diffusion"]
    true = load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")
    tuned = {name: value * 0.5 for name, value in true.items()}
    save_file(tuned, tmp_path / "tuned.safetensors")
    told: list[Traits] = []
    options = ModelOptions(config=str(folder))
    spec = ModelSpec(source=str(tmp_path / "tuned.safetensors"), dtype="float32", options=options)
    model = load(spec, "cpu", told.append)
    unet = model.pipeline.unet.state_dict()
    assert all(torch.equal(unet[name], value) for name, value in tuned.items())
    decoder = load_file(folder / "vae" / "diffusion_pytorch_model.safetensors")
    assert all(torch.equal(model.pipeline.vae.state_dict()[name], value) for name, value in decoder.items())
    assert [traits.notes for traits in told] == [()]


def test_tensors_without_a_place_are_said(folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    true = load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")
    save_file(true, tmp_path / "whole.safetensors")
    save_file(true | {"extra.one": torch.ones(1), "extra.two": torch.ones(1)}, tmp_path / "more.safetensors")
    loaded(folder, transformer=str(tmp_path / "whole.safetensors"))
    assert "have no place" not in caplog.text
    loaded(folder, transformer=str(tmp_path / "more.safetensors"))
    said = "2 tensors of more.safetensors have no place in this model and do nothing, first extra.one."
    assert said in caplog.text
    told: list[Traits] = []
    options = ModelOptions(transformer=str(tmp_path / "more.safetensors"))
    load(ModelSpec(source=str(folder), dtype="float32", options=options), "cpu", told.append)
    assert [traits.notes for traits in told] == [(), (said,)]  # by its files, and once its weights were read


def test_scaled_weights_are_said_before_any_is_read(folder: Path, tmp_path: Path) -> None:
    weight = "transformer_blocks.0.attn.to_q.weight"
    true = load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors")
    scaled = {weight: true[weight].to(torch.float8_e4m3fn), weight.replace("weight", "scale_weight"): torch.ones(1)}
    save_file(true | scaled, tmp_path / "scaled.safetensors")
    options = ModelOptions(transformer=str(tmp_path / "scaled.safetensors"))
    _, _, traits = describe(ModelSpec(source=str(folder), options=options))
    (note,) = traits.notes
    assert note == "1 weights of scaled.safetensors are float8 with factors, by which they are multiplied on loading."


def test_a_denoisers_file_sets_the_scheduler_too(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    folder = shutil.copytree(checkpoints["stable-diffusion"], tmp_path / "model")
    true = load_file(folder / "unet" / "diffusion_pytorch_model.safetensors")
    save_file(true, tmp_path / "plain.safetensors")
    save_file(true, tmp_path / "v.safetensors", metadata={"modelspec.prediction_type": "v"})
    kinds = []
    for name in ("plain", "v"):
        model = loaded(folder, transformer=str(tmp_path / f"{name}.safetensors"))
        kinds.append(model.pipeline.scheduler.config.prediction_type)
    assert kinds == ["epsilon", "v_prediction"]
