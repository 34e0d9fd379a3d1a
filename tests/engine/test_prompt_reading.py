"""Whether a prompt was read whole: what the tokenizers of a run say."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.checkpoints import tiny
from transformers import PreTrainedTokenizerBase

from safelight.contract.requests.prompt_cut import HEADER, PromptCut, cut_header, read_cut_header
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.stand_ins.prompt_reading import PromptReading, listened_to
from safelight.protocol.messages import Finished
from tests.engine.drawing import Drawing, alone, job, pixels
from tests.engine.test_location import loaded
from tests.orders import order

LONG = " ".join(["abc"] * 30)  # 90 letters, which are the tokens of the tiny tokenizers


def drawn(model: LoadedModel, **fields: Any) -> tuple[PromptCut, ...]:
    with Drawing(model) as drawing:
        (ended,) = drawing.draw(job(model, **fields))
    assert isinstance(ended, Finished)
    return ended.cuts


def test_what_clip_cuts_is_said_and_logged(checkpoints: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    model = loaded(checkpoints["stable-diffusion"])
    with caplog.at_level(logging.WARNING, "safelight.engine.drawing.delivery"):
        assert drawn(model, prompt=LONG) == (PromptCut("prompt", 77, 92),)
    assert "`prompt` was cut: the model reads 77 tokens, and it has 92." in caplog.text
    assert "abc" not in caplog.text
    assert drawn(model, prompt="a fox") == ()
    both = drawn(model, prompt=LONG, negative_prompt=f"no {LONG} x")
    assert both == (PromptCut("prompt", 77, 92), PromptCut("negative_prompt", 77, 95))


def test_the_encoder_that_reads_most_counts(checkpoints: dict[str, Path]) -> None:
    """Flux's CLIP reads 77 tokens and its T5 as many as `max_sequence_length` allows."""
    model, short = (loaded(checkpoints["flux"], arguments={"max_sequence_length": length}) for length in (128, 48))
    assert drawn(model, prompt=LONG) == ()
    assert drawn(model, prompt=" ".join(["abc"] * 50))[0].read == 128
    assert drawn(short, prompt=LONG)[0].read == 77


def test_listening_changes_no_byte(checkpoints: dict[str, Path]) -> None:
    model = loaded(checkpoints["stable-diffusion"])
    with Drawing(model) as drawing:
        (ended,) = drawing.draw(job(model, prompt=LONG))
    assert np.array_equal(pixels(ended), alone(model, job(model, prompt=LONG)))
    assert type(model.pipeline.tokenizer) is type(tiny.clip_tokenizer())  # the model's own is as it was


def reading(prompt: str, negative: str = "") -> PromptReading:
    return PromptReading(order(prompt=prompt, negative_prompt=negative).recipe)


def test_a_template_around_the_prompt_is_no_other_text() -> None:
    said = reading("A  Fox")
    said.hear(1, "<user> describe: a fox </user>", 20, 30)
    assert said.cuts() == (PromptCut("prompt", 20, 30),)


def test_a_text_that_the_pipeline_rewrote_says_nothing() -> None:
    said = reading("a fox, http://example.org")
    said.hear(1, "a fox,", 77, 90)
    assert said.cuts() == ()


def test_the_longer_of_two_prompts_that_hold_each_other_is_meant() -> None:
    said = reading("fox", "fox and hound")
    said.hear(1, "fox and hound", 3, 4)
    assert said.cuts() == (PromptCut("negative_prompt", 3, 4),)


@pytest.mark.parametrize("texts", ["abc abc", ["abc abc", "abc"]])
def test_a_call_by_text_or_by_list_is_heard(texts: str | list[str]) -> None:
    heard: list[tuple[str, int, int]] = []
    tokenizer = listened_to(tiny.clip_tokenizer(), lambda number, *what: heard.append(what))
    assert isinstance(tokenizer, PreTrainedTokenizerBase)
    tokenizer(texts, truncation=True, max_length=6, padding="max_length", return_tensors="pt")
    assert heard == [("abc abc", 6, 8), ("abc", 5, 5)][: 1 if isinstance(texts, str) else 2]


def test_a_call_that_cuts_nothing_is_heard_as_whole() -> None:
    heard: list[tuple[str, int, int]] = []
    listened_to(tiny.clip_tokenizer(), lambda number, *what: heard.append(what))("abc abc")
    assert heard == [("abc abc", 8, 8)]


def test_the_header_is_read_as_it_is_written() -> None:
    cuts = (PromptCut("prompt", 77, 92), PromptCut("negative_prompt", 77, 95))
    assert read_cut_header(cut_header(cuts)[HEADER]) == cuts
    assert cut_header(()) == {}
    assert read_cut_header("yes; please") == ()
