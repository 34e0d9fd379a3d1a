"""Decodings beside the steps: others step meanwhile, and every byte is the same.

There is no second queue on a CPU. What stands in for it computes at once and is done when the test says so, or at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
import torch

from safelight.engine.machine.pace import Mark, Moment
from safelight.engine.machine.streams import beside, fetched, off_the_steps
from safelight.engine.pipeline.model import LoadedModel
from safelight.protocol.messages import Cancelled, Failed, Finished, Stepped
from tests.engine.drawing import Drawing, alone, job, pixels


@dataclass(frozen=True)
class When:
    """A moment that is reached when `gate` is set."""

    gate: threading.Event
    seconds: float

    def reached(self) -> bool:
        return self.gate.is_set()

    def wait(self) -> None:
        self.gate.wait()

    def seconds_since(self, earlier: Mark) -> float:
        assert isinstance(earlier, When)
        return self.seconds - earlier.seconds


@dataclass
class Stream:
    """A second queue whose work is said to be done while `gate` is set. Remembers what was done with it."""

    gate: threading.Event = field(default_factory=threading.Event)
    told: list[str] = field(default_factory=list)
    fault: Exception | None = None

    @contextmanager
    def entered(self, *, after_steps: bool) -> Iterator[None]:
        self.told.append("decode after steps" if after_steps else "go on")
        yield

    def mark(self) -> Mark:
        return When(self.gate, float(len(self.told)))

    def join(self) -> None:
        self.told.append("steps wait")


def test_others_step_while_a_picture_is_decoded_and_have_the_bytes_that_they_have_alone(model: LoadedModel) -> None:
    stream = Stream()
    first, second = job(model, "first", steps=2, seed=1), job(model, "second", steps=8, seed=2)

    def on_event(event: Any) -> None:
        if isinstance(event, Stepped) and (event.job_id, event.step) == ("second", 8):
            stream.gate.set()  # not before the other's last step: only so can the first picture be decoded at all

    with Drawing(model, beside=lambda device: stream, on_event=on_event) as drawing:
        ends = drawing.draw(first, second)
    order = [event.job_id for event in drawing.events if isinstance(event, Finished)]
    assert sorted(order) == ["first", "second"]
    for each, end in zip((first, second), ends, strict=True):
        assert np.array_equal(pixels(end), alone(model, each))
    assert stream.told.count("decode after steps") == 2
    assert stream.told.count("go on") == 2


def test_a_picture_that_is_decoded_beside_can_be_cancelled(flux: LoadedModel) -> None:
    stream = Stream()
    with Drawing(flux, beside=lambda device: stream) as drawing:
        drawing.put(job(flux, "held", steps=2))
        drawing.wait(Stepped, lambda event: (event.job_id, event.step) == ("held", 2))
        drawing.cancel(job(flux, "held"))
        assert drawing.end_of(job(flux, "held")) == Cancelled(job_id="held")
        stream.gate.set()
        (end,) = drawing.draw(job(flux, "next"))
    assert isinstance(end, Finished)


def test_it_is_looked_for_what_comes_while_a_decoding_is_all_there_is(flux: LoadedModel) -> None:
    stream = Stream()
    with Drawing(flux, beside=lambda device: stream) as drawing:
        drawing.put(job(flux, "first", steps=2))
        drawing.wait(Stepped, lambda event: event.step == 2)
        drawing.put(job(flux, "second", steps=2, seed=3))
        drawing.wait(Stepped, lambda event: (event.job_id, event.step) == ("second", 2))
        stream.gate.set()
        ends = [drawing.end_of(job(flux, name)) for name in ("first", "second")]
    assert [type(end) for end in ends] == [Finished, Finished]


def test_the_first_to_be_full_beside_is_decoded_in_its_turn(flux: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream()
    stream.gate.set()
    decode, full = type(flux.pipeline.vae).decode, [True]

    def once(self: Any, *args: Any, **kwargs: Any) -> Any:
        if full.pop() if full else False:
            raise torch.OutOfMemoryError("no room beside others")
        return decode(self, *args, **kwargs)

    expected = alone(flux, job(flux))
    monkeypatch.setattr(type(flux.pipeline.vae), "decode", once)
    with Drawing(flux, beside=lambda device: stream) as drawing:
        (end,) = drawing.draw(job(flux))
    assert full == []
    assert np.array_equal(pixels(end), expected)


def test_numbers_that_are_none_are_found_beside_too(flux: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream()
    stream.gate.set()
    decode = type(flux.pipeline.vae).decode

    def nothing(self: Any, latents: torch.Tensor, **kwargs: Any) -> Any:
        return tuple(part * torch.nan for part in decode(self, latents, **kwargs))

    monkeypatch.setattr(type(flux.pipeline.vae), "decode", nothing)
    with Drawing(flux, beside=lambda device: stream) as drawing:
        (end,) = drawing.draw(job(flux))
    assert isinstance(end, Failed)
    assert "decoder computed numbers that are none" in end.reason


def test_what_is_offloaded_is_decoded_in_its_turn(flux: LoadedModel) -> None:
    stream = Stream()
    with Drawing(replace(flux, offloaded=True), beside=lambda device: stream) as drawing:
        (end,) = drawing.draw(job(flux))
    assert isinstance(end, Finished)
    assert stream.told == []


def test_a_processor_has_one_queue() -> None:
    assert beside("cpu") is None
    with off_the_steps("cpu"):
        pass


def test_what_is_fetched_is_what_the_tensor_was(flux: LoadedModel) -> None:
    tensor = torch.arange(4.0)
    have: Callable[[], torch.Tensor] = fetched(tensor)
    tensor.zero_()
    assert have().tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_stream_of_a_gpu_decodes_after_the_steps() -> None:
    stream = beside("cuda:0")
    assert stream is not None
    steps = torch.randn(512, 512, device="cuda")
    for _ in range(50):
        steps = steps @ steps / 30.0
    with stream.entered(after_steps=True):
        begun = stream.mark()
        decoded = steps * 2.0
        ended = stream.mark()
    ended.wait()
    assert ended.reached()
    assert ended.seconds_since(begun) >= 0.0
    assert torch.equal(fetched(decoded)(), (steps * 2.0).cpu())
    assert not isinstance(begun, Moment)
