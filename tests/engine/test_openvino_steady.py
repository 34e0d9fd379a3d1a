"""What depends on the prompt alone is computed once for a picture, and sizes that have graphs of their own."""

from __future__ import annotations

import inspect
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions
from safelight.contract.values.sizes import Size
from safelight.engine.checkpoint.loading import weight_of
from safelight.engine.pipeline.drawn_size import DrawnSize, drawn_size
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.runtimes import openvino, steady
from safelight.engine.runtimes.openvino import Graph
from safelight.engine.runtimes.refusals import check_runtime
from safelight.engine.runtimes.steady import Remembered, steady_tensors
from safelight.engine.runtimes.writing import write
from safelight.protocol.messages import ModelSpec
from tests.engine.by_openvino import by_openvino, distance, drawn
from tests.engine.drawing import Drawing, job, pixels


class Crossed(torch.nn.Module):
    """What is drawn looks at a prompt, as in a denoiser's cross-attention."""

    def __init__(self) -> None:
        super().__init__()
        self.read, self.keys, self.values = (torch.nn.Linear(32, 32) for _ in range(3))

    def forward(self, sample: torch.Tensor, timestep: torch.Tensor, prompt: torch.Tensor) -> tuple[torch.Tensor]:
        asked, keys, values = self.read(sample), self.keys(prompt), self.values(torch.tanh(prompt))
        return (torch.softmax(asked @ keys.transpose(-1, -2), -1) @ values * timestep,)


def graph_of(net: torch.nn.Module, *given: torch.Tensor) -> Graph:
    with torch.no_grad():
        written, like = write(net, net.forward, given, {})
    return Graph(written, like, net, torch.float32, steady_tensors(inspect.signature(net.forward), given, {}))


def products(model: Any) -> int:
    return sum(node.get_type_name() == "MatMul" for node in model.get_ordered_ops())


def test_neither_what_is_drawn_nor_the_time_may_stay_the_same() -> None:
    def forward(sample: Any, timestep: Any, encoder_hidden_states: Any, added_cond_kwargs: Any, sigmas: Any) -> None:
        """As diffusers' denoisers are called."""

    one = torch.zeros(1)
    added = {"text_embeds": one, "time_ids": one}
    named = {"sigmas": one, "added_cond_kwargs": added, "encoder_hidden_states": [one, one]}
    assert steady_tensors(inspect.signature(forward), (one, one), named) == (3, 4, 5, 6)
    named = {"encoder_hidden_states": one, "sample": one, "timestep": one}
    assert steady_tensors(inspect.signature(forward), (), named) == (0,)


def test_what_depends_on_the_prompt_alone_is_computed_once_and_again_for_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    computed: list[int] = []
    compile_graph = openvino._compile

    def seen(model: Any, dtype: torch.dtype) -> Any:
        computed.append(products(model))
        return compile_graph(model, dtype)

    monkeypatch.setattr(openvino, "_compile", seen)
    net = Crossed()
    generator = torch.Generator().manual_seed(0)
    samples, prompts = torch.rand(4, 2, 6, 32, generator=generator), torch.rand(2, 2, 5, 32, generator=generator)
    graph = graph_of(net, samples[0], torch.tensor(1.0), prompts[0])
    with torch.no_grad():
        for step, sample in enumerate(samples):
            for prompt in prompts:
                call = sample, torch.tensor(float(step)), prompt
                torch.testing.assert_close(graph(call, {})[0], net(*call)[0])
    assert computed == [2, 3]  # both of the prompt; the other one, and two that multiply what was drawn
    remembered = graph._remembered
    assert remembered is not None
    assert len(remembered._kept) == 2
    prompts[0, 0, 0, 0] += 1  # in place: the same tensor, other numbers
    with torch.no_grad():
        torch.testing.assert_close(graph(call := (samples[0], torch.tensor(1.0), prompts[0]), {})[0], net(*call)[0])


def test_a_graph_of_which_nothing_depends_on_the_prompt_alone_stays_whole() -> None:
    class Added(torch.nn.Module):
        def forward(self, sample: torch.Tensor, added: torch.Tensor) -> torch.Tensor:
            return sample + torch.tanh(added)

    given = torch.rand(3, 4), torch.rand(3, 4)
    graph = graph_of(Added(), *given)
    torch.testing.assert_close(graph(given, {}), Added()(*given))
    assert graph._remembered is None


def test_prompts_that_take_turns_are_kept_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[float] = []

    def compute(given: list[Any]) -> list[Any]:
        calls.append(float(given[0][0]))
        return [given[0] * 2]

    remembered = Remembered(compute)
    prompts = [np.full(8, number, np.float32) for number in range(3)]
    monkeypatch.setattr(steady, "_MOST_BYTES", 2 * 2 * prompts[0].nbytes)
    for at in (0, 1, 0, 1, 2, 1, 0):
        assert np.array_equal(remembered([prompts[at]])[0], prompts[at] * 2)
    assert calls == [0, 1, 2, 0]
    monkeypatch.setattr(steady, "_MOST_BYTES", 0)
    for _ in range(2):  # one is kept whatever it takes
        assert np.array_equal(remembered([prompts[2]])[0], prompts[2] * 2)
    assert calls == [0, 1, 2, 0, 2]


def test_numbers_that_are_none_are_the_same_as_themselves() -> None:
    calls: list[int] = []

    def compute(given: list[Any]) -> list[Any]:
        calls.append(1)
        return given

    remembered = Remembered(compute)
    for _ in range(2):
        remembered([np.full(3, np.nan, np.float32)])
    remembered([np.full(4, np.nan, np.float32)])
    remembered([np.full(3, np.nan)])
    assert len(calls) == 3


@pytest.mark.parametrize("family", ["stable-diffusion", "stable-diffusion-3", "flux", "latent-consistency"])
def test_pictures_are_those_of_the_whole_graph(
    family: str, checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = by_openvino(checkpoints[family])
    picture = drawn(model, height=64)
    denoiser = next(model.laid_out.modules())
    forward: Any = denoiser.forward
    assert any(graph._remembered is not None for graph in forward._compiled.values())
    monkeypatch.setattr(openvino, "split", lambda model, steady: None)
    assert distance(drawn(by_openvino(checkpoints[family]), height=64), picture) <= 1


def test_pictures_that_take_turns_have_their_own_prompts(checkpoints: dict[str, Path]) -> None:
    model = by_openvino(checkpoints["stable-diffusion"])
    alone = [drawn(model, height=64, prompt=prompt) for prompt in ("a fox", "a whale")]
    assert not np.array_equal(alone[0], alone[1])
    with Drawing(model) as drawing:
        beside = drawing.draw(*(job(model, text, height=64, prompt=text) for text in ("a fox", "a whale")))
    assert all(np.array_equal(pixels(picture), meant) for picture, meant in zip(beside, alone, strict=True))


@pytest.fixture(scope="module")
def fixed(checkpoints: dict[str, Path]) -> LoadedModel:
    return by_openvino(checkpoints["stable-diffusion"], fixed_sizes=("64x64", "64x96"))


def test_fixed_sizes_have_graphs_for_their_shapes_alone(
    fixed: LoadedModel, models: dict[str, LoadedModel], caplog: pytest.LogCaptureFixture
) -> None:
    plain = models["stable-diffusion"]
    forward: Any = next(fixed.laid_out.modules()).forward
    shapes = []
    with caplog.at_level(logging.WARNING, "safelight.engine.runtimes.denoiser"):
        for width, height in ((64, 64), (64, 96), (96, 64), (128, 64)):
            there = drawn(plain, width=width, height=height)
            assert distance(drawn(fixed, width=width, height=height), there) <= 2
            request = [*forward._compiled.values()][-1]._request
            shapes.append(request.get_compiled_model().inputs[0].get_partial_shape().is_static)
    assert not caplog.records
    assert shapes == [True, True, False, False]
    assert len(forward._graphs) == 3  # both others share one


def test_a_fixed_size_is_the_same_bytes_whichever_came_first_and_in_company(fixed: LoadedModel) -> None:
    sizes = ((64, 64), (96, 64), (64, 96))
    meant = [drawn(fixed, width=width, height=height) for width, height in sizes]
    other = by_openvino(Path(fixed.source), fixed_sizes=("64x64", "64x96"))
    jobs = [job(other, str(at), width=width, height=height) for at, (width, height) in enumerate(reversed(sizes))]
    with Drawing(other) as drawing:
        pictures = [pixels(picture) for picture in drawing.draw(*jobs)]
    assert all(map(np.array_equal, reversed(pictures), meant))


def test_kept_graphs_know_which_sizes_are_fixed(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    folder = checkpoints["stable-diffusion"]
    first, again = (
        drawn(by_openvino(folder, kept=tmp_path, fixed_sizes=("64x64",)), width=64, height=64) for _ in range(2)
    )
    assert np.array_equal(first, again)


def test_fixed_sizes_are_in_the_fingerprint_and_their_layouts_in_the_memory(
    fixed: LoadedModel, checkpoints: dict[str, Path]
) -> None:
    folder = checkpoints["stable-diffusion"]
    plain = by_openvino(folder)
    assert plain.fingerprint != fixed.fingerprint

    def counted(*sizes: str) -> int:
        options = ModelOptions(runtime="openvino", fixed_sizes=sizes)
        return weight_of(ModelSpec(source=str(folder), dtype="float32", options=options), "cpu")

    assert fixed.bytes - plain.bytes == counted("64x64", "64x96") - counted() > 0
    assert counted("64x64", "64x96") - counted("64x64") == counted("64x64") - counted()


def test_fixed_sizes_want_the_runtime_that_has_them() -> None:
    with pytest.raises(ModelLoadError, match='`fixed_sizes` is for `runtime = "openvino"`'):
        check_runtime(ModelOptions(fixed_sizes=("64x64",)), "cpu", "float32", loras=False, quantized=False)


def test_the_size_is_told_while_a_call_runs() -> None:
    assert drawn_size() is None
    with DrawnSize(Size(64, 96)).entered(None):
        assert drawn_size() == (64, 96)
    assert drawn_size() is None
