"""Facts about faster forms of functions: used where they are the same and faster, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from benchmarks.checkpoints import tiny
from diffusers.models import embeddings
from diffusers.models.transformers import transformer_flux

from safelight.engine.tuning.fused.proven import Proven
from safelight.engine.tuning.fused.rotary import turn_faster, turned
from safelight.engine.tuning.fused.timing import timed


@pytest.fixture(autouse=True)
def without_gradients() -> Any:
    with torch.no_grad():
        yield


Form = Callable[[torch.Tensor], Any]


class Counted:
    """A doubling that takes a second, and faster forms of it that take so many, with the calls of each of these."""

    def __init__(self, *forms: tuple[Form, float]) -> None:
        self.calls, self._took = [0] * len(forms), 0.0
        self.meanwhile = list[threading.Thread]()
        ways = [self._counted(number, form, seconds) for number, (form, seconds) in enumerate(forms)]
        self.function = Proven(self._plain, *ways, stopwatch=self._measured)

    def _plain(self, x: torch.Tensor) -> torch.Tensor:
        if self.meanwhile:
            thread = self.meanwhile.pop()
            thread.start()
            thread.join()
        self._took = 1.0
        return x * 2

    def _counted(self, number: int, form: Form, seconds: float) -> Form:
        def way(x: torch.Tensor) -> Any:
            self.calls[number] += 1
            self._took = seconds
            return form(x)

        return way

    def _measured(self, device: str, call: Callable[..., Any]) -> tuple[Any, float]:
        result = call()
        return result, self._took


def twice(x: torch.Tensor) -> torch.Tensor:
    return x + x


def test_what_is_the_same_and_faster_is_used_from_then_on() -> None:
    counted = Counted((twice, 0.5))
    x = torch.randn(4, 5)
    for _ in range(6):
        assert torch.equal(counted.function(x), x * 2)
    assert counted.calls == [6]
    counted.function(torch.randn(5, 4).to(torch.bfloat16))
    assert counted.calls == [7]


@pytest.mark.parametrize(
    ("faster", "seconds"),
    [(lambda x: x * 2.0000002, 0.5), (twice, 1.5), (lambda x: (x + x).double(), 0.5), (lambda x: 1 / 0, 0.1)],
)
def test_what_differs_or_is_slower_or_fails_is_not(faster: Form, seconds: float) -> None:
    counted = Counted((faster, seconds))
    x = torch.randn(64)
    for _ in range(9):
        assert torch.equal(counted.function(x), x * 2)
    assert counted.calls[0] <= 3


def test_of_several_the_fastest_with_the_same_bytes_is_used() -> None:
    def knows_none(x: torch.Tensor) -> Any:
        raise NotImplementedError("no GPU")

    counted = Counted((knows_none, 0.1), (lambda x: x * 2.0000002, 0.2), (twice, 0.6), (twice, 0.4), (twice, 0.5))
    x = torch.randn(64)
    for _ in range(9):
        assert torch.equal(counted.function(x), x * 2)
    assert counted.calls == [1, 1, 3, 9, 3]


def test_what_computes_where_its_argument_lies_may_come_last() -> None:
    counted = Counted((twice, 0.6), (lambda x: x.mul_(2), 0.4))
    for number in range(6):
        x = torch.randn(64)
        assert torch.equal(counted.function(x.clone()), x * 2), number
    assert counted.calls == [3, 6]


def test_memory_that_begins_elsewhere_is_another_form() -> None:
    """A kernel that loads sixteen bytes at once is another one there: it is compiled when it may not be."""
    counted = Counted((twice, 0.5))
    memory = torch.randn(129)
    for _ in range(4):
        counted.function(memory[:64])
    assert counted.calls == [4]
    for _ in range(3):
        counted.function(memory[1:65])
    assert len(counted.function._known) == 2


def test_two_threads_may_try_the_same_form_at_once() -> None:
    """A model is warmed up in one thread while another draws. What differs is out, and trials have an end."""
    counted, x = Counted((twice, 0.5), (lambda x: x * 2.0000002, 0.1)), torch.randn(64)

    def draw_too() -> None:
        with torch.no_grad():
            for _ in range(5):
                assert torch.equal(counted.function(x), x * 2)

    counted.meanwhile.append(threading.Thread(target=draw_too))
    assert torch.equal(counted.function(x), x * 2)
    before = list(counted.calls)
    for _ in range(4):
        assert torch.equal(counted.function(x), x * 2)
    assert [after - earlier for after, earlier in zip(counted.calls, before, strict=True)] == [4, 0]


def test_a_call_is_timed_on_its_device() -> None:
    x = torch.randn(8)
    result, seconds = timed("cpu", lambda: x * 2)
    assert torch.equal(result, x * 2)
    assert seconds > 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("sequence", [1, 2])
@pytest.mark.parametrize("unbind", [-1, -2])
def test_queries_are_turned_to_the_same_bytes(dtype: torch.dtype, sequence: int, unbind: int) -> None:
    shape = (2, 3, 40, 16) if sequence == 2 else (2, 40, 3, 16)
    x, tables = torch.randn(shape).to(dtype), (torch.randn(40, 16), torch.randn(40, 16))
    plain = embeddings.apply_rotary_emb(x, tables, True, unbind, sequence)
    assert torch.equal(turned(x, tables, True, unbind, sequence), plain)


def test_a_model_is_found_by_what_it_calls_and_draws_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transformer_flux, "apply_rotary_emb", embeddings.apply_rotary_emb)
    pipeline = tiny.flux()
    pipeline.set_progress_bar_config(disable=True)

    def draw() -> Any:
        generator = torch.Generator().manual_seed(1)
        return pipeline("a", height=32, width=32, num_inference_steps=4, generator=generator, output_type="latent")

    before = draw().images
    turn_faster(pipeline)
    assert isinstance(transformer_flux.apply_rotary_emb, Proven)
    assert torch.equal(draw().images, before)
