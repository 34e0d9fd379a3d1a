from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from msgspec.structs import replace

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions
from safelight.engine.checkpoint.capabilities.dtypes import dtype_of
from safelight.engine.checkpoint.files.location import BUNDLED
from safelight.engine.checkpoint.loading import describe, load
from safelight.engine.machine.device import default_dtype
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.tuning.packing import can_pack
from safelight.protocol.messages import ModelSpec


@pytest.fixture
def folder(checkpoints: dict[str, Path], tmp_path: Path) -> Path:
    """A checkpoint of its own, to be damaged."""
    return shutil.copytree(checkpoints["flux"], tmp_path / "secret-place" / "model")


def loaded(folder: Path, dtype: Any = "float32") -> LoadedModel:
    return load(ModelSpec(source=str(folder), dtype=dtype), "cpu")


def change_index(folder: Path, **changes: Any) -> None:
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def weights(folder: Path) -> Path:
    return folder / "transformer" / "diffusion_pytorch_model.safetensors"


def test_a_folder_becomes_a_model_with_its_pipelines_parameters(folder: Path) -> None:
    model = loaded(folder)
    assert type(model.pipeline).__name__ == "FluxPipeline"
    assert model.name == "model"
    assert model.steps == model.parameters["num_inference_steps"] == 28
    assert model.parameters["guidance_scale"] == 3.5
    assert "negative_prompt" in model.parameters
    assert not model.pipeline.transformer.training


def test_the_number_format_is_the_one_asked_for_or_the_devices(folder: Path) -> None:
    assert loaded(folder, "bfloat16").pipeline.transformer.dtype == torch.bfloat16
    expected = getattr(torch, default_dtype("cpu"))
    assert {m.dtype for m in loaded(folder, "auto").pipeline.components.values() if isinstance(m, torch.nn.Module)} == {
        expected
    }


@pytest.mark.parametrize(
    ("scheduler", "changes", "precise"),
    [
        ("DDPMScheduler", {}, True),
        ("DDPMScheduler", {"prediction_type": "epsilon"}, True),
        ("DDPMScheduler", {"prediction_type": "v_prediction"}, False),
        ("DDIMScheduler", {}, False),
        ("AmusedScheduler", {}, True),
    ],
)
def test_where_a_scheduler_magnifies_what_is_rounded_the_cpu_computes_in_float32(
    checkpoints: dict[str, Path], tmp_path: Path, scheduler: str, changes: dict[str, str], precise: bool
) -> None:
    folder = Path(shutil.copytree(checkpoints["stable-diffusion"], tmp_path / "model"))
    change_index(folder, scheduler=["diffusers", scheduler])
    (folder / "scheduler" / "scheduler_config.json").write_text(json.dumps({"_class_name": scheduler} | changes))
    spec = ModelSpec(source=str(folder))
    checkpoint = describe(spec)[0]
    assert dtype_of(spec, "cpu", checkpoint) == ("float32" if precise else default_dtype("cpu"))
    assert dtype_of(replace(spec, dtype="bfloat16"), "cpu", checkpoint) == "bfloat16"


def test_the_bundled_model_is_packed_where_weights_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = ModelSpec(source=BUNDLED)
    checkpoint = describe(spec)[0]
    assert dtype_of(spec, "cpu", checkpoint) == ("float32-packed" if can_pack(torch.float32) else "float32")
    assert dtype_of(spec, "cuda:0", checkpoint) == "float32"
    assert dtype_of(replace(spec, options=ModelOptions(compile=True)), "cpu", checkpoint) == "float32"
    assert dtype_of(replace(spec, dtype="float32"), "cpu", checkpoint) == "float32"
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert dtype_of(spec, "cpu", checkpoint) == "float32"


def test_loading_is_quiet_and_opens_no_connection(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    loaded(folder)
    assert capfd.readouterr() == ("", "")


def truncate(folder: Path) -> None:
    data = weights(folder).read_bytes()
    weights(folder).write_bytes(data[: len(data) // 2])


def garble(folder: Path) -> None:
    weights(folder).write_bytes(b"<html>404 Not Found</html>" * 100)


def lose_weights(folder: Path) -> None:
    weights(folder).unlink()


def pickle_one(folder: Path) -> None:
    weights(folder).rename(weights(folder).with_suffix(".bin"))


def pickle_all(folder: Path) -> None:
    (folder / "model_index.json").unlink()
    (folder / "model.ckpt").write_bytes(b"\x80\x02}q\x00.")


def lose_a_shard(folder: Path) -> None:
    index = {"metadata": {}, "weight_map": {"x": "model-00001-of-00002.safetensors"}}
    (folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


def another_shape(folder: Path) -> None:
    path = folder / "transformer" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"joint_attention_dim": 48}))


def another_depth(folder: Path) -> None:
    path = folder / "transformer" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"num_layers": 2}))


def lose_configuration(folder: Path) -> None:
    (folder / "vae" / "config.json").unlink()


def lose_tokenizer(folder: Path) -> None:
    shutil.rmtree(folder / "tokenizer")


def lose_vocabulary(folder: Path) -> None:
    (folder / "tokenizer_2" / "tokenizer.json").unlink()


def garble_the_list_of_shards(folder: Path) -> None:
    (folder / "transformer" / "diffusion_pytorch_model.safetensors.index.json").write_text("{")


def own_component_code(folder: Path) -> None:
    change_index(folder, transformer=["mine", "MyTransformer"])
    (folder / "transformer" / "mine.py").write_text("raise SystemExit('ran')")


FAULTS: list[tuple[Callable[[Path], object], str]] = [
    (shutil.rmtree, "folder is not there"),
    (lambda folder: (folder / "model_index.json").unlink(), "holds no `model_index.json`"),
    (lambda folder: (folder / "model_index.json").write_text("{"), "`model_index.json` cannot be read"),
    (lambda folder: (folder / "model_index.json").write_text("[]"), "not a JSON object"),
    (lambda folder: change_index(folder, _class_name=None), "does not name its pipeline's class"),
    (lambda folder: change_index(folder, _class_name="NewPipeline"), "no pipeline 'NewPipeline'.*update diffusers"),
    (lambda folder: change_index(folder, _class_name="AutoencoderKL"), "no pipeline 'AutoencoderKL'"),
    (lambda folder: change_index(folder, _class_name=["mine", "Pipe"]), "its own pipeline code"),
    (lambda folder: change_index(folder, vae=["os", "PathLike"]), "os.PathLike, which the installed libraries do not"),
    (lambda folder: change_index(folder, vae=["diffusers", "NewVAE"]), "diffusers.NewVAE"),
    (
        lambda folder: change_index(folder, _class_name="KandinskyV22Pipeline"),
        "does not draw from a prompt alone: it needs `image_embeds`, `negative_image_embeds`",
    ),
    (
        lambda folder: change_index(folder, _class_name="DDPMPipeline"),
        "DDPMPipeline .* from a prompt alone: it takes none",
    ),
    (own_component_code, "its own code for `transformer`"),
    (truncate, "`transformer` are damaged"),
    (garble, "`transformer` are damaged"),
    (lose_weights, "`transformer` are missing"),
    (pickle_one, "`transformer` are a pickle.*save_pretrained"),
    (pickle_all, "is a pickle.*save_pretrained"),
    (lose_a_shard, "lack model-00001-of-00002.safetensors"),
    (garble_the_list_of_shards, "does not fit its configuration"),
    (another_shape, "does not fit its configuration|do not fit its configuration"),
    (another_depth, "`transformer` do not fit its configuration: .* tensors are missing"),
    (lose_configuration, "does not fit its configuration"),
    (lose_tokenizer, "`tokenizer` is missing"),
    (lose_vocabulary, "`tokenizer_2` has no vocabulary"),
]


@pytest.mark.parametrize(("damage", "message"), FAULTS, ids=lambda value: getattr(value, "__name__", None))
def test_a_checkpoint_that_cannot_be_served_is_refused_with_a_sentence_and_no_path(
    folder: Path, damage: Callable[[Path], object], message: str
) -> None:
    damage(folder)
    with pytest.raises(ModelLoadError, match=message) as refused:
        loaded(folder)
    assert "secret-place" not in str(refused.value)
