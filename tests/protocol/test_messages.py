"""Whatever the api process and a worker say survives the wire; nonsense is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.contract.errors import ProtocolError
from safelight.contract.requests.order import Order
from safelight.contract.requests.sentences import EmbedOrder
from safelight.protocol.classifying import Classified, Classify
from safelight.protocol.frames import (
    HEADER_BYTES,
    frame_length,
    read_answer,
    read_command,
    read_event,
    read_question,
    to_frame,
)
from safelight.protocol.messages import (
    Cancel,
    Configure,
    Draw,
    Embed,
    Embedded,
    EncoderReady,
    Event,
    Failed,
    Finished,
    Hello,
    ModelSpec,
    Stepped,
)
from safelight.protocol.times import Timings
from tests.orders import order


def job(prompt: str = "a boat", seed: int = 7) -> Order:
    return order(
        id="j1",
        model="stable-image-ultra",
        source="postcard",
        prompt=prompt,
        negative_prompt="",
        width=1344,
        height=768,
        seed=seed,
        output_format="png",
    )


@given(prompt=st.text(), seed=st.integers(1, 2**32 - 1))
def test_a_command_arrives_as_it_was_sent(prompt: str, seed: int) -> None:
    sent = Draw(order=job(prompt, seed))
    frame = to_frame(sent)
    assert frame_length(frame[:HEADER_BYTES]) == len(frame) - HEADER_BYTES
    assert read_command(frame[HEADER_BYTES:]) == sent


@given(texts=st.lists(st.text(min_size=1), min_size=1), dimensions=st.none() | st.integers(1, 384))
def test_texts_arrive_as_they_were_sent(texts: list[str], dimensions: int | None) -> None:
    sent = Embed(order=EmbedOrder(id="e1", source="s", texts=tuple(texts), dimensions=dimensions))
    assert read_command(to_frame(sent)[HEADER_BYTES:]) == sent


@pytest.mark.parametrize(
    "event",
    [
        Hello(pid=1),
        Stepped(job_id="a", step=1, steps=4),
        Finished(job_id="a", image=b"\x89PNG", fingerprint="f", timings=Timings(steps=(0.1, 0.2))),
        Failed(job_id="a", reason="it broke", retry_helps=False),
        EncoderReady(source="s", dimensions=384),
        Embedded(job_id="a", vectors=bytes(8), tokens=4, cut=0, seconds=0.1),
    ],
)
def test_an_event_arrives_as_it_was_sent(event: Event) -> None:
    assert read_event(to_frame(event)[HEADER_BYTES:]) == event


@pytest.mark.parametrize("payload", [b"", b"\x00", b"nonsense", to_frame(Cancel(job_id="x"))[HEADER_BYTES:-1]])
def test_a_frame_that_is_no_message_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        read_command(payload)


def test_an_event_is_no_command() -> None:
    with pytest.raises(ProtocolError):
        read_command(to_frame(Hello(pid=1))[HEADER_BYTES:])


def test_a_frame_beyond_any_message_is_refused_before_it_is_read() -> None:
    with pytest.raises(ProtocolError):
        frame_length(b"\xff\xff\xff\xff")


def test_a_configuration_with_models_arrives() -> None:
    sent = Configure(models=(ModelSpec(source="postcard"),), threads=2)
    assert read_command(to_frame(sent)[HEADER_BYTES:]) == sent


def test_what_a_classifier_is_asked_and_answers_arrives() -> None:
    question, answer = Classify(image=b"\x89PNG"), Classified(scores={"nsfw": 0.25})
    assert read_question(to_frame(question)[HEADER_BYTES:]) == question
    assert read_answer(to_frame(answer)[HEADER_BYTES:]) == answer
    with pytest.raises(ProtocolError, match="An answer of the image classifier"):
        read_answer(to_frame(question)[HEADER_BYTES:])
