"""Turns of texts in a worker: fair among those who ask, each order ended once."""

from __future__ import annotations

from itertools import count

import pytest

from safelight.contract.requests.order import Share
from safelight.contract.requests.sentences import BUNDLED_ENCODER, EmbedOrder
from safelight.engine.drawing.encodings import Encodings
from safelight.engine.drawing.ends import Ends
from safelight.engine.machine.stage_ages import StageAges
from safelight.protocol.messages import Cancelled, Embedded, EncoderFailed, EncoderReady, EncoderSpec, Event, Failed
from safelight.scheduling.policy import FairShare


class Bench:
    """Encodings with a schedule, turn by turn."""

    def __init__(self) -> None:
        self.said: list[Event] = []
        self.schedule = FairShare()
        self.encodings = Encodings(self.said.append, Ends(self.said.append), count(1), self.schedule, StageAges())

    def turn(self) -> str:
        """Have one taken; whose it was."""
        chosen = self.schedule.choose(self.encodings.candidates()).run
        self.encodings.turn(chosen)
        return chosen


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.encodings.add(EncoderSpec(source=BUNDLED_ENCODER))
    return made


def order(name: str, count: int, group: str) -> EmbedOrder:
    """Texts of which each fills a turn."""
    texts = tuple(["the sea " * 300] * count)
    return EmbedOrder(id=name, source=BUNDLED_ENCODER, texts=texts, share=Share(group=group))


def test_weights_are_read_for_the_first_text(bench: Bench) -> None:
    (ready,) = bench.said
    assert isinstance(ready, EncoderReady)
    assert (ready.bytes, ready.dimensions) == (0, 384)
    bench.encodings.accept(order("one", 1, "a"))
    bench.turn()
    loaded = [event.bytes for event in bench.said if isinstance(event, EncoderReady)]
    assert len(loaded) == 2
    assert loaded[1] > 80_000_000
    assert bench.encodings.candidates() == []


def test_a_short_order_does_not_wait_for_the_end_of_a_long_one(bench: Bench) -> None:
    bench.encodings.accept(order("warm", 1, "b"))
    bench.turn()
    bench.encodings.accept(order("long", 30, "a"))
    turns = [bench.turn() for _ in range(3)]
    bench.encodings.accept(order("short", 1, "b"))
    while "short" in bench.encodings:
        turns.append(bench.turn())
    assert turns.count("short") == 1
    assert turns.count("long") < 20
    bench.encodings.cancel("long")
    ends = [event for event in bench.said if isinstance(event, Embedded | Cancelled)]
    assert [event.job_id for event in ends] == ["warm", "short", "long"]
    assert bench.encodings.candidates() == []


def test_an_encoder_that_is_not_there_is_said_and_its_texts_fail(bench: Bench) -> None:
    bench.encodings.add(EncoderSpec(source="/nowhere/at/all"))
    failed = bench.said[-1]
    assert isinstance(failed, EncoderFailed)
    assert "/nowhere" not in failed.reason
    bench.encodings.accept(EmbedOrder(id="lost", source="/nowhere/at/all", texts=("a",)))
    end = bench.said[-1]
    assert isinstance(end, Failed)
    assert not end.retry_helps
