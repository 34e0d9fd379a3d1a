"""Options passed through to diffusers: they do what diffusers does, and what changes pictures is told apart."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from diffusers import FirstBlockCacheConfig, FluxTransformer2DModel, GGUFQuantizationConfig
from safetensors.torch import load_file, save_file

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import Lora, ModelOptions, StepCache
from safelight.engine.checkpoint.loading import load
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.tuning.compiling import compile_blocks
from safelight.protocol.messages import Cancelled, ModelSpec, Stepped
from tests.engine.drawing import Drawing, alone, job, pixels


@pytest.fixture(scope="module")
def folder(checkpoints: dict[str, Path]) -> Path:
    return checkpoints["flux"]


CACHES = [  # each so that it leaves steps out of six
    StepCache(kind="FirstBlockCache", options={"threshold": 0.9}),
    StepCache(kind="MagCache", options={"threshold": 0.9, "num_inference_steps": 6, "mag_ratios": [1.0] * 6}),
    StepCache(kind="TaylorSeerCache", options={"cache_interval": 3, "disable_cache_before_step": 1}),
]


def loaded(folder: Path, **options: Any) -> LoadedModel:
    model = load(ModelSpec(source=str(folder), dtype="float32", options=ModelOptions(**options)), "cpu")
    model.pipeline.set_progress_bar_config(disable=True)
    return model


def drawn(model: LoadedModel, **changes: Any) -> Any:
    with Drawing(model) as drawing:
        return pixels(drawing.draw(job(model, **changes))[0])


@pytest.fixture(scope="module")
def plain(folder: Path) -> LoadedModel:
    return loaded(folder)


@pytest.fixture(scope="module")
def lora(plain: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For one layer of the transformer, large enough to see."""
    layer = plain.pipeline.transformer.transformer_blocks[0].attn.to_q
    generator = torch.Generator().manual_seed(0)
    name = "transformer.transformer_blocks.0.attn.to_q"
    path = tmp_path_factory.mktemp("lora") / "style.safetensors"
    down = torch.randn(2, layer.in_features, generator=generator)
    up = torch.randn(layer.out_features, 2, generator=generator)
    save_file({f"{name}.lora_A.weight": down, f"{name}.lora_B.weight": up}, path)
    return path


@pytest.fixture(scope="module")
def packed(plain: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The transformer as GGUF, its matrices in 8 bits."""
    path = tmp_path_factory.mktemp("gguf") / "transformer-Q8_0.gguf"
    writer = gguf.GGUFWriter(path, "flux")
    for name, tensor in plain.pipeline.transformer.state_dict().items():
        values = tensor.numpy()
        if values.ndim == 2 and values.shape[1] % 32 == 0:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_a_lora_changes_pictures_by_its_weight(folder: Path, plain: LoadedModel, lora: Path) -> None:
    styled = loaded(folder, loras=(Lora(file=str(lora), weight=0.5),))
    none = loaded(folder, loras=(Lora(file=str(lora), weight=0.0),))
    assert np.array_equal(drawn(styled), alone(styled, job(styled)))
    assert not np.array_equal(drawn(styled), drawn(plain))
    assert np.array_equal(drawn(none), drawn(plain))


def test_a_gguf_file_takes_the_place_of_the_denoiser(folder: Path, packed: Path) -> None:
    model = loaded(folder, transformer=str(packed))
    own = FluxTransformer2DModel.from_single_file(
        str(packed),
        config=str(folder / "transformer"),
        quantization_config=GGUFQuantizationConfig(compute_dtype=torch.float32),
        dtype=torch.float32,
    )
    picture = drawn(model)
    model.pipeline.register_modules(transformer=own)
    assert np.array_equal(picture, alone(model, job(model)))


def test_a_safetensors_file_takes_the_place_of_the_denoiser(folder: Path, plain: LoadedModel, tmp_path: Path) -> None:
    file = tmp_path / "fine-tuned.safetensors"
    save_file({name: tensor * 0.9 for name, tensor in plain.pipeline.transformer.state_dict().items()}, file)
    model = loaded(folder, transformer=str(file))
    weights = model.pipeline.transformer.state_dict()
    assert all(torch.equal(weights[name], t * 0.9) for name, t in plain.pipeline.transformer.state_dict().items())
    assert not np.array_equal(drawn(model), drawn(plain))


@pytest.mark.parametrize("cache", CACHES, ids=lambda cache: cache.kind)
def test_a_step_cache_keeps_each_runs_state_apart(folder: Path, cache: StepCache) -> None:
    model = loaded(folder, cache=cache)
    one, other, doomed = job(model, "one", steps=6), job(model, "other", seed=8, steps=6), job(model, "doomed", seed=9)

    def on_event(event: object) -> None:
        if isinstance(event, Stepped) and event.job_id == "doomed":
            drawing.cancel(doomed)

    with Drawing(model, on_event=on_event) as drawing:
        ends = drawing.draw(one, doomed, other)
    assert isinstance(ends[1], Cancelled)
    assert np.array_equal(pixels(ends[0]), alone(model, one))
    assert np.array_equal(pixels(ends[2]), alone(model, other))
    model.pipeline.transformer.disable_cache()
    assert not np.array_equal(pixels(ends[0]), alone(model, one))  # it did leave steps out


def test_a_step_cache_is_diffusers_own(folder: Path) -> None:
    model = loaded(folder, cache=StepCache(kind="FirstBlockCache", options={"threshold": 0.9}))
    assert model.pipeline.transformer._cache_config == FirstBlockCacheConfig(threshold=0.9)


def test_the_decoder_can_work_in_tiles_and_slices(folder: Path) -> None:
    model = loaded(folder, vae_tiling=True, vae_slicing=True)
    assert model.pipeline.vae.use_tiling
    assert model.pipeline.vae.use_slicing


@pytest.mark.filterwarnings("ignore:.torch.jit.script_method. is deprecated")  # PyTorch's compiler imports what has it
@pytest.mark.parametrize("family", ["flux", "stable-diffusion-3"])
def test_blocks_that_repeat_are_compiled_also_where_diffusers_names_none(
    checkpoints: dict[str, Path], family: str
) -> None:
    blocks = loaded(checkpoints[family], compile=True).pipeline.transformer.transformer_blocks
    assert all(block._compiled_call_impl is not None for block in blocks)


def test_a_denoiser_without_blocks_that_repeat_is_not_compiled() -> None:
    with pytest.raises(ModelLoadError, match=r"Linear has no blocks that repeat.*Leave `compile` out\."):
        compile_blocks(torch.nn.Linear(1, 1))


def test_arguments_go_into_every_call(folder: Path, plain: LoadedModel) -> None:
    model = loaded(folder, arguments={"sigmas": [1.0, 0.9, 0.8, 0.1], "max_sequence_length": 16})
    assert not np.array_equal(drawn(model), drawn(plain))


def test_the_operator_knows_better_than_the_checkpoint(folder: Path) -> None:
    traits = loaded(folder, negative_prompt=False, width=768, height=512).traits
    assert (traits.negative_prompt, traits.width, traits.height) == (False, 768, 512)


def test_what_changes_pictures_changes_the_fingerprint(
    folder: Path, plain: LoadedModel, lora: Path, packed: Path
) -> None:
    changes: list[dict[str, Any]] = [
        {"loras": (Lora(file=str(lora)),)},
        {"loras": (Lora(file=str(lora), weight=0.5),)},
        {"transformer": str(packed)},
        {"vae_tiling": True},
        {"cache": StepCache(kind="FirstBlockCache", options={"threshold": 0.1})},
        {"cache": StepCache(kind="FirstBlockCache", options={"threshold": 0.2})},
        {"attention": "native"},
        {"arguments": {"max_sequence_length": 16}},
    ]
    found = [plain.fingerprint, *(loaded(folder, **each).fingerprint for each in changes)]
    assert len(set(found)) == len(found)
    assert loaded(folder).fingerprint == plain.fingerprint


REFUSED: list[tuple[Callable[[Path], dict[str, Any]], str]] = [
    (lambda tmp: {"offload": "model"}, "on the CPU it has no use"),
    (lambda tmp: {"cache": StepCache(kind="BlockCache")}, "no step cache 'BlockCache'.*FirstBlockCache"),
    (lambda tmp: {"cache": StepCache(kind="FirstBlockCache", options={"limit": 1})}, "takes no `limit`.*threshold"),
    (lambda tmp: {"cache": StepCache(kind="FasterCache")}, "FasterCache asks a function of its caller.*TaylorSeer"),
    (lambda tmp: {"cache": StepCache(kind="PyramidAttentionBroadcast")}, "asks a function of its caller"),
    (lambda tmp: {"attention": "quick"}, "The attention 'quick' cannot be used"),
    (lambda tmp: {"attention": "_flash_3_varlen_hub"}, "fetches its code when it is first used"),
    (lambda tmp: {"attention": "flash"}, "The attention 'flash' cannot be used"),
    (lambda tmp: {"arguments": {"clip_skip": 2}}, "clip_skip, which this pipeline does not take"),
    (lambda tmp: {"transformer": str(tmp / "weights.ckpt")}, "weights.ckpt is none: other formats can run code"),
    (lambda tmp: {"transformer": str(tmp / "gone.gguf")}, "gone.gguf is not there"),
    (lambda tmp: {"loras": (Lora(file=str(tmp / "style.pt")),)}, "style.pt is none: other formats can run code"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_an_option_that_cannot_be_is_refused_with_a_sentence(
    folder: Path, tmp_path: Path, options: Callable[[Path], dict[str, Any]], message: str
) -> None:
    with pytest.raises(ModelLoadError, match=message) as refused:
        loaded(folder, **options(tmp_path))
    assert str(tmp_path) not in str(refused.value)


def test_a_lora_called_sft_is_taken(folder: Path, lora: Path, tmp_path: Path) -> None:
    renamed = Path(shutil.copyfile(lora, tmp_path / "style.sft"))
    one, other = (loaded(folder, loras=(Lora(file=str(file)),)) for file in (lora, renamed))
    assert np.array_equal(drawn(one), drawn(other))


def test_layers_of_a_lora_without_a_place_are_counted(
    folder: Path, lora: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more = {f"transformer.nowhere.lora_{half}.weight": torch.ones(8, 8) for half in "AB"}
    save_file(load_file(lora) | more, tmp_path / "more.safetensors")
    model = loaded(folder, loras=(Lora(file=str(tmp_path / "more.safetensors")),))
    said = "Of the LoRA more.safetensors, 1 of 2 layers have no place in this model and do nothing."
    assert said in caplog.text
    assert model.traits.notes == (said,)


def test_a_lora_for_another_model_is_refused(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "other.safetensors"
    name = "transformer.blocks.7.q"
    save_file({f"{name}.lora_A.weight": torch.zeros(2, 8), f"{name}.lora_B.weight": torch.zeros(8, 2)}, file)
    with pytest.raises(ModelLoadError, match=r"fits no part of this model|does not fit"):
        loaded(folder, loras=(Lora(file=str(file)),))


@pytest.mark.parametrize(
    ("kind", "tensors"),
    [("LoHa", ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")), ("LoKr", ("lokr_w1", "lokr_w2"))],
)
def test_other_adapters_are_refused_by_kind_and_file(
    folder: Path, tmp_path: Path, kind: str, tensors: tuple[str, ...]
) -> None:
    layer = "lora_unet_down_blocks_1_attentions_0_transformer_blocks_0_attn1_to_q"
    file = tmp_path / "style.safetensors"
    save_file({f"{layer}.{name}": torch.zeros(4, 4) for name in tensors}, file)
    with pytest.raises(ModelLoadError, match=rf"style\.safetensors is a {kind}"):
        loaded(folder, loras=(Lora(file=str(file)),))


def test_whatever_goes_wrong_with_a_lora_names_its_file(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "odd.safetensors"
    save_file({"transformer.what.is.this": torch.zeros(2)}, file)
    with pytest.raises(ModelLoadError, match=r"odd\.safetensors"):
        loaded(folder, loras=(Lora(file=str(file)),))
