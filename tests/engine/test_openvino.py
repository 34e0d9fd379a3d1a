"""A denoiser computed by OpenVINO: PyTorch's pictures, the same bytes for a seed, and every exclusion said."""

from __future__ import annotations

import logging
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from msgspec.structs import replace

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import Lora, ModelOptions, Quantization, StepCache
from safelight.engine.checkpoint.files.folder import Checkpoint
from safelight.engine.checkpoint.files.location import location_of
from safelight.engine.checkpoint.loading import load, weight_of
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.runtimes import openvino
from safelight.engine.runtimes.denoiser import run_by_openvino
from safelight.engine.runtimes.refusals import check_runtime
from safelight.engine.runtimes.values_read import ValuesRead
from safelight.protocol.messages import Cancelled, ModelSpec, Stepped
from tests.engine.by_openvino import Part, Pipeline, by_openvino, distance, drawn
from tests.engine.drawing import Drawing, job, pixels

_LOG = "safelight.engine.runtimes.denoiser"


@pytest.fixture(params=["stable-diffusion", "stable-diffusion-3", "flux"], scope="module")
def both(
    request: pytest.FixtureRequest, checkpoints: dict[str, Path], models: dict[str, LoadedModel]
) -> tuple[LoadedModel, LoadedModel]:
    """A model by PyTorch and by OpenVINO."""
    return models[request.param], by_openvino(checkpoints[request.param])


def test_pictures_are_those_of_pytorch_in_every_size(
    both: tuple[LoadedModel, LoadedModel], caplog: pytest.LogCaptureFixture
) -> None:
    plain, model = both
    with caplog.at_level(logging.WARNING, _LOG):
        for width, height in ((64, 64), (128, 64), (64, 96)):
            assert distance(drawn(model, width=width, height=height), drawn(plain, width=width, height=height)) <= 2
    assert not caplog.records


def test_a_seed_gives_the_same_bytes_whatever_was_drawn_beside(
    both: tuple[LoadedModel, LoadedModel],
) -> None:
    _, model = both
    first = drawn(model, width=64, height=64)
    drawn(model, width=128, height=64)
    with Drawing(model) as drawing:
        pictures = drawing.draw(job(model, "a", width=64, height=64), job(model, "b", width=64, height=64))
    assert all(np.array_equal(pixels(picture), first) for picture in pictures)


def test_a_size_is_the_same_bytes_whichever_came_first(both: tuple[LoadedModel, LoadedModel]) -> None:
    _, model = both
    sizes = ((64, 64), (128, 64), (64, 96), (96, 96))
    meant = [drawn(model, width=width, height=height) for width, height in sizes]
    other = by_openvino(Path(model.source))
    for (width, height), picture in reversed([*zip(sizes, meant, strict=True)]):
        assert np.array_equal(drawn(other, width=width, height=height), picture)
    assert other.fingerprint == model.fingerprint


def test_bfloat16_is_close_to_float32(checkpoints: dict[str, Path], models: dict[str, LoadedModel]) -> None:
    model = by_openvino(checkpoints["stable-diffusion"], "bfloat16")
    first = drawn(model, width=64, height=64)
    meant = drawn(models["stable-diffusion"], width=64, height=64)
    assert np.abs(first.astype(int) - meant.astype(int)).mean() < 8
    assert np.array_equal(drawn(model, width=64, height=64), first)


def test_steps_are_told_and_a_job_is_cancelled_between_them(checkpoints: dict[str, Path]) -> None:
    model = by_openvino(checkpoints["stable-diffusion"])
    with Drawing(model) as drawing:
        drawing.put(doomed := job(model, "doomed", steps=400))
        drawing.wait(Stepped, lambda event: event.job_id == "doomed")
        drawing.cancel(doomed)
        assert isinstance(drawing.end_of(doomed), Cancelled)


def test_the_runtime_is_in_the_fingerprint_and_its_absence_is_not(
    checkpoints: dict[str, Path], models: dict[str, LoadedModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoints["flux"]
    ours = by_openvino(folder).fingerprint
    assert ours != models["flux"].fingerprint
    assert ours != by_openvino(folder, "bfloat16").fingerprint
    monkeypatch.setattr("safelight.engine.checkpoint.loading.openvino_version", lambda: "2099.1")
    assert by_openvino(folder).fingerprint != ours


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"compile": True}, "`compile` exclude each other"),
        ({"attention": "native"}, "`attention` exclude each other"),
        ({"cache": StepCache(kind="FirstBlockCache")}, "`cache` exclude each other"),
        ({"controlnets": {"canny": "somewhere"}}, "`controlnets` exclude each other"),
        ({"loras": (Lora(file="style.safetensors"),)}, "merge them into the checkpoint"),
        ({"quantization": (Quantization(backend="torchao"),)}, "int8"),
        ({"transformer": "weights.gguf"}, "no quantized ones"),
    ],
)
def test_what_excludes_it_is_refused_in_words(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ModelLoadError, match=said):
        check_runtime(ModelOptions(runtime="openvino", **options), "cpu", "float32", loras=False, quantized=False)
    check_runtime(ModelOptions(**options), "cpu", "float32", loras=False, quantized=False)


@pytest.mark.parametrize(
    ("device", "dtype", "loras", "quantized", "said"),
    [
        ("cuda:0", "float32", False, False, 'set `device = "cpu"`'),
        ("cpu", "float16", False, False, "float32 or bfloat16"),
        ("cpu", "float32-packed", False, False, "float32 or bfloat16"),
        ("cpu", "float32", True, False, "LoRAs exclude each other"),
        ("cpu", "float32", False, True, "no quantized ones"),
    ],
)
def test_a_place_that_it_is_not_for_is_refused(
    device: str, dtype: str, loras: bool, quantized: bool, said: str
) -> None:
    with pytest.raises(ModelLoadError, match=said):
        check_runtime(ModelOptions(runtime="openvino"), device, dtype, loras=loras, quantized=quantized)


def test_a_model_is_refused_at_load(checkpoints: dict[str, Path]) -> None:
    spec = ModelSpec(source=str(checkpoints["flux"]), dtype="float16", options=ModelOptions(runtime="openvino"))
    with pytest.raises(ModelLoadError, match="float32 or bfloat16"):
        load(spec, "cpu")
    with pytest.raises(ModelLoadError, match="has no use"):
        load(replace(spec, dtype="float32", options=ModelOptions(runtime="openvino", offload="model")), "cpu")


def test_the_weights_that_it_lays_out_once_more_are_counted(
    checkpoints: dict[str, Path], models: dict[str, LoadedModel]
) -> None:
    folder = checkpoints["stable-diffusion"]
    spec = ModelSpec(source=str(folder), dtype="float32")
    once = weight_of(spec, "cpu")
    more = weight_of(replace(spec, options=ModelOptions(runtime="openvino")), "cpu") - once
    assert by_openvino(folder).bytes == models["stable-diffusion"].bytes + more
    assert more == Checkpoint.read(location_of(str(folder)), ModelOptions()).sizes(torch.float32)["unet"] > 0


def test_without_the_library_it_says_how_to_install_it(
    checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(openvino, "version", absent)
    assert openvino.openvino_version() is None
    with pytest.raises(ModelLoadError, match=r"'\.\[openvino\]'"):
        by_openvino(checkpoints["flux"])


def _by_its_numbers(x: torch.Tensor) -> torch.Tensor:
    return x * 2 if x.sum() > 0 else x * 3


def _at_a_size(x: torch.Tensor) -> torch.Tensor:
    return x * torch.tensor([float(i) for i in range(int(x.shape[1]))])


def _lattice(x: torch.Tensor) -> torch.Tensor:
    values: torch.Tensor = torch.linalg.eigvalsh(x @ x.mT)
    result: torch.Tensor = values.sum(-1, keepdim=True) + torch.fft.rfft(x).abs().sum(-1, keepdim=True)
    return result


@pytest.mark.parametrize(
    ("compute", "warned"),
    [(_by_its_numbers, "looks at the numbers"), (_lattice, "computed by PyTorch")],
)
def test_what_a_graph_does_not_hold_is_computed_by_pytorch(
    compute: Callable[[torch.Tensor], torch.Tensor], warned: str, caplog: pytest.LogCaptureFixture
) -> None:
    part = Part(compute)
    run_by_openvino(Pipeline(part), torch.float32)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad(), caplog.at_level(logging.WARNING, _LOG):
        for size in (3, 4, 3, 4):
            for sign in (1, -1):
                x = sign * torch.rand(size, size, generator=generator)
                torch.testing.assert_close(part(x)[0], compute(x))
    assert warned in caplog.text


def _a_little_by_its_size(x: torch.Tensor) -> torch.Tensor:
    """Within what is taken for the same result at another size."""
    return x * (1 + 4e-6 * int(x.shape[1]))


def test_a_size_that_python_computed_with_has_a_graph_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """Also the fourth, for which the longest unused makes room."""
    part = Part(_at_a_size)
    run_by_openvino(Pipeline(part), torch.float32)
    with torch.no_grad(), caplog.at_level(logging.WARNING, _LOG):
        for size in (3, 4, 3, 5, 6, 4, 3):
            torch.testing.assert_close(part(x := torch.rand(size, size))[0], _at_a_size(x))
    assert not caplog.records
    forward: Any = part.forward
    # Those that gave something else, at one size after the other, take none of the few places.
    assert [graph._request is not None for graph in forward._compiled.values()] == [True] * 3


@pytest.mark.parametrize("compute", [_a_little_by_its_size, torch.tanh])
def test_the_numbers_of_a_size_do_not_depend_on_what_was_computed_before(
    compute: Callable[[torch.Tensor], torch.Tensor],
) -> None:
    sizes = (3, 4, 5, 6)
    given = {size: torch.rand(size, size, generator=torch.Generator().manual_seed(size)) for size in sizes}
    found: list[dict[int, torch.Tensor]] = []
    for order in ((3, 4, 5, 6), (6, 5, 4, 3), (4, 6, 3, 5)):
        part = Part(compute)
        run_by_openvino(Pipeline(part), torch.float32)
        with torch.no_grad():
            found.append({size: part(given[size])[0].clone() for size in order})
    for size in sizes:
        assert all(torch.equal(each[size], found[0][size]) for each in found)


def test_sizes_whose_graphs_are_the_same_share_one() -> None:
    part = Part(torch.tanh)
    run_by_openvino(Pipeline(part), torch.float32)
    with torch.no_grad():
        for size in (3, 4, 5):
            part(torch.rand(size, size))
    forward: Any = part.forward
    assert len(forward._graphs) == 1


def test_reading_numbers_is_noticed_and_shapes_are_not_numbers() -> None:
    x = torch.ones(2, 3)
    with ValuesRead() as read:
        _ = x.reshape(x.shape[0] * 3) + len(x)
    assert not read.names
    with ValuesRead() as read:
        x.tolist()
        x.sum().item()
    assert read.names == {"tolist", "item"}
