"""Quantization by the operator's table: what becomes of it with a real library, and what is refused in which words."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from diffusers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING as OF_DIFFUSERS
from numpy.typing import NDArray
from torchao.quantization import Int8WeightOnlyConfig
from torchao.utils import TorchAOBaseTensor

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions, Quantization
from safelight.engine.checkpoint.loading import load
from safelight.engine.pipeline.model import LoadedModel
from safelight.protocol.messages import ModelSpec
from safelight.settings.tables.options import OptionSettings
from tests.engine.drawing import Drawing, alone, job, pixels

INT8 = Quantization(backend="torchao", options={"quant_type": "Int8WeightOnlyConfig"})
FLOAT8 = Quantization(
    backend="torchao",
    components=("text_encoder_2",),
    options={"quant_type": {"kind": "Float8WeightOnlyConfig", "weight_dtype": "torch.float8_e4m3fn"}},
)


@pytest.fixture(scope="module")
def folder(checkpoints: dict[str, Path]) -> Path:
    return checkpoints["flux"]


def loaded(folder: Path, *tables: Quantization) -> LoadedModel:
    spec = ModelSpec(source=str(folder), dtype="bfloat16", options=ModelOptions(quantization=tables))
    model = load(spec, "cpu")
    model.pipeline.set_progress_bar_config(disable=True)
    return model


@pytest.fixture(scope="module")
def plain(folder: Path) -> LoadedModel:
    return loaded(folder)


def quantized(module: torch.nn.Module) -> int:
    """How many of a component's weights are."""
    return sum(isinstance(weight, TorchAOBaseTensor) for weight in module.parameters())


def decibels(one: NDArray[Any], other: NDArray[Any]) -> float:
    error = np.mean((one.astype(float) - other.astype(float)) ** 2)
    return float(10 * np.log10(255**2 / error))


@pytest.mark.parametrize("tables", [(INT8,), (INT8, FLOAT8)], ids=["denoiser", "both"])
def test_weights_are_in_fewer_bits_and_pictures_are_nearly_the_same(
    folder: Path, plain: LoadedModel, tables: Sequence[Quantization]
) -> None:
    model = loaded(folder, *tables)
    assert quantized(model.pipeline.transformer) > 10
    assert (quantized(model.pipeline.text_encoder_2) > 0) == (len(tables) == 2)
    assert quantized(model.pipeline.text_encoder) == 0
    one, other = job(model, "one"), job(model, "other", seed=8)
    with Drawing(model) as drawing:
        ends = drawing.draw(one, other)
    assert np.array_equal(pixels(ends[0]), alone(model, one))
    assert np.array_equal(pixels(ends[1]), alone(model, other))
    assert 25 < decibels(pixels(ends[0]), alone(plain, one)) < 99


@pytest.mark.parametrize("name", ["int8", "fp8"])
def test_the_names_for_common_quantizations_are_what_the_library_takes(folder: Path, name: str) -> None:
    tables = OptionSettings.model_validate({"quantization": name}).quantization
    model = loaded(folder, *(Quantization(backend=table.backend, options=table.options) for table in tables))
    assert quantized(model.pipeline.transformer) > 10
    assert quantized(model.pipeline.text_encoder_2) == 0


def test_the_name_for_four_bits_is_a_table_that_bitsandbytes_takes() -> None:
    """Its library is for CUDA alone and not here; diffusers' configuration of it says what it would be given."""
    (table,) = OptionSettings.model_validate({"quantization": "nf4"}).quantization
    takes = inspect.signature(OF_DIFFUSERS[table.backend]).parameters
    assert table.options == {"bnb_4bit_quant_type": "nf4"}
    assert set(table.options) <= set(takes)


def test_another_name_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match="the names are int8, fp8, nf4"):
        OptionSettings.model_validate({"quantization": "int3"})


def test_the_memory_that_they_take_is_that_of_their_bits(folder: Path, plain: LoadedModel) -> None:
    linear = [m for m in plain.pipeline.transformer.modules() if isinstance(m, torch.nn.Linear)]
    saved = plain.bytes - loaded(folder, INT8).bytes
    halved = sum(module.weight.numel() for module in linear)
    scales = sum(module.out_features for module in linear)
    assert halved - 8 * scales <= saved < halved


def test_each_quantization_has_a_fingerprint_of_its_own(folder: Path, plain: LoadedModel) -> None:
    found = {plain.fingerprint, *(loaded(folder, *tables).fingerprint for tables in ([INT8], [INT8, FLOAT8]))}
    assert len(found) == 3
    assert loaded(folder, INT8).fingerprint in found


@pytest.fixture(scope="module")
def saved_quantized(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that was quantized before it was saved, by diffusers alone."""
    transformer = diffusers.FluxTransformer2DModel.from_pretrained(
        folder,
        subfolder="transformer",
        dtype=torch.bfloat16,
        quantization_config=diffusers.TorchAoConfig(Int8WeightOnlyConfig()),
    )
    target = tmp_path_factory.mktemp("quantized") / "flux"
    pipeline = diffusers.FluxPipeline.from_pretrained(folder, transformer=transformer, dtype=torch.bfloat16)
    pipeline.save_pretrained(target)
    return target


def test_a_checkpoint_that_comes_quantized_draws_what_it_was_saved_from(folder: Path, saved_quantized: Path) -> None:
    model, same = loaded(saved_quantized), loaded(folder, INT8)
    assert quantized(model.pipeline.transformer) == quantized(same.pipeline.transformer) > 10
    with Drawing(model) as drawing:
        picture = pixels(drawing.draw(job(model))[0])
    assert np.array_equal(picture, alone(same, job(same)))


def table(backend: str, *components: str, **options: Any) -> Quantization:
    return Quantization(backend=backend, components=components, options=options)


REFUSED = [
    (table("int3"), "no quantization 'int3'.*bitsandbytes_4bit"),
    (table("quanto"), r"library optimum.quanto is needed"),
    (table("torchao"), "`transformer` cannot be quantized by torchao: .*quant_type"),
    (table("torchao", quant_type="int8wo"), "`transformer` cannot be quantized by torchao: .*AOBaseConfig"),
    (table("torchao", quant_type="Int3Config"), "torchao has no Int3Config; it has .*Int8WeightOnlyConfig"),
    (
        table("torchao", quant_type={"kind": "Int8WeightOnlyConfig", "bits": 8}),
        "cannot be quantized by torchao: .*unexpected keyword argument 'bits'",
    ),
    (table("torchao", type="Int8WeightOnlyConfig"), "takes no `type` for `transformer`. It takes: quant_type"),
    (
        table("torchao", "unet", quant_type="Int8WeightOnlyConfig"),
        "names 'unet'. The checkpoint has weights for: .*transformer",
    ),
]


@pytest.mark.parametrize(("wanted", "message"), REFUSED, ids=lambda value: str(value)[:30])
def test_what_cannot_be_is_refused_with_a_sentence(folder: Path, wanted: Quantization, message: str) -> None:
    with pytest.raises(ModelLoadError, match=message) as refused:
        loaded(folder, wanted)
    assert str(folder) not in str(refused.value)


def test_a_checkpoint_quantized_by_a_library_that_is_not_here_is_refused_by_its_name(
    saved_quantized: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "flux"
    copy.mkdir()
    for path in saved_quantized.rglob("*"):
        if path.is_file():
            (copy / path.relative_to(saved_quantized)).parent.mkdir(exist_ok=True)
            (copy / path.relative_to(saved_quantized)).write_bytes(path.read_bytes())
    config = copy / "transformer" / "config.json"
    config.write_text(config.read_text().replace('"torchao"', '"quanto"'))
    with pytest.raises(
        ModelLoadError, match=r"`transformer`, which is quantized by quanto, the library optimum.quanto"
    ):
        loaded(copy)
