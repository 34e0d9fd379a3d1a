"""Texts that become vectors, in turns beside pictures: the schedule says when, by whom they are for."""

# Tested in tests/engine/test_encodings.py.

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from safelight.contract.errors import ModelLoadError
from safelight.contract.requests.sentences import EmbedOrder
from safelight.engine.checkpoint.sentence_encoder import Sentence, SentenceEncoder, read_encoder
from safelight.engine.drawing.ends import Ends
from safelight.engine.machine.stage_ages import StageAges
from safelight.protocol.messages import (
    Cancelled,
    Embedded,
    EncoderFailed,
    EncoderReady,
    EncoderSpec,
    Event,
    Failed,
    Started,
)
from safelight.scheduling.policy import Parked, Schedule

log = logging.getLogger(__name__)

# About as long as a step of a small picture: who waits for one waits no longer because of texts.
_TOKENS_A_TURN = 256
_FIRST_GUESS_SECONDS = 0.005


@dataclass
class _Encoding:
    """Texts of one order, of which some are done."""

    order: EmbedOrder
    arrived: int
    parked: int
    came: float
    done: list[Sentence] = field(default_factory=list)
    seconds: float = 0.0
    begun: bool = False

    @property
    def left(self) -> int:
        return len(self.order.texts) - len(self.done)


class Encodings:
    """Orders of texts in a worker. Only the engine's thread calls; `ends` says how each ended."""

    def __init__(
        self,
        emit: Callable[[Event], None],
        ends: Ends,
        positions: count[int],
        schedule: Schedule,
        ages: StageAges,
    ) -> None:
        self._emit, self._ends, self._positions, self._schedule, self._ages = emit, ends, positions, schedule, ages
        self._specs: dict[str, EncoderSpec] = {}
        self._encoders: dict[str, SentenceEncoder] = {}
        self._encodings: dict[str, _Encoding] = {}
        self._text_seconds = _FIRST_GUESS_SECONDS

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._encodings

    def add(self, spec: EncoderSpec) -> None:
        """An encoder that texts may come for. Whether it is there is said now, its weights are read for the first."""
        try:
            files = read_encoder(spec)
        except ModelLoadError as error:
            self._emit(EncoderFailed(source=spec.source, reason=str(error)))
            return
        self._specs[spec.source] = spec
        self._emit(EncoderReady(source=spec.source, dimensions=files.dimensions))

    def accept(self, order: EmbedOrder) -> None:
        """An order has come."""
        if not self._ends.expect(order.id):
            log.error("%s came twice; the second is ignored", order.share.named(order.id))
            return
        if order.source not in self._specs:
            reason = "This worker was not told to load that model."
            self._ends.say(Failed(job_id=order.id, reason=reason, retry_helps=False))
            return
        position = next(self._positions)
        self._encodings[order.id] = _Encoding(order, position, position, time.perf_counter())

    def cancel(self, job_id: str) -> None:
        """Nobody wants those texts any more."""
        self._encodings.pop(job_id, None)
        self._ends.say(Cancelled(job_id=job_id))

    def cancel_all(self) -> None:
        """The engine stops."""
        for job_id in list(self._encodings):
            self.cancel(job_id)

    def candidates(self) -> list[Parked]:
        """All that may have a turn."""
        return [self._parked(each) for each in self._encodings.values()]

    def turn(self, job_id: str) -> None:
        """Some texts of that order, as many as a turn may take."""
        each = self._encodings[job_id]
        parked, begun = self._parked(each), time.perf_counter()
        if not each.begun:
            each.begun = True
            self._emit(Started(job_id=job_id))
        try:
            encoder = self._encoder(each.order.source)
            before = len(each.done)
            self._encode_some(each, encoder)
            took = time.perf_counter() - begun
            self._text_seconds = 0.5 * (self._text_seconds + took / (len(each.done) - before))
        except ModelLoadError as error:
            self._fail(each, str(error), retry_helps=False)
            return
        except Exception:
            log.exception("%s: a text could not be encoded", each.order.share.named(job_id))
            self._fail(each, "A text could not be turned into a vector; the log says why.", retry_helps=False)
            return
        each.seconds += took
        each.came += took  # only waiting makes old
        each.parked = next(self._positions)
        self._schedule.served(parked, took)
        if not each.left:
            self._finish(each)

    def _encode_some(self, each: _Encoding, encoder: SentenceEncoder) -> None:
        tokens = 0
        with self._ages.within("turn"):
            while each.left and tokens < _TOKENS_A_TURN:
                sentence = encoder.encode(each.order.texts[len(each.done)], each.order.dimensions)
                each.done.append(sentence)
                tokens += sentence.tokens

    def _finish(self, each: _Encoding) -> None:
        del self._encodings[each.order.id]
        self._ends.say(
            Embedded(
                job_id=each.order.id,
                vectors=b"".join(sentence.vector for sentence in each.done),
                tokens=sum(sentence.tokens for sentence in each.done),
                cut=sum(sentence.cut for sentence in each.done),
                seconds=each.seconds,
            )
        )

    def _fail(self, each: _Encoding, reason: str, *, retry_helps: bool) -> None:
        del self._encodings[each.order.id]
        self._ends.say(Failed(job_id=each.order.id, reason=reason, retry_helps=retry_helps))

    def _encoder(self, source: str) -> SentenceEncoder:
        """Loaded once, for the first text.

        Raises:
            ModelLoadError: that cannot be.
        """
        if source not in self._encoders:
            with self._ages.within("load"):
                files = read_encoder(self._specs[source])
                encoder = self._encoders[source] = SentenceEncoder(files)
            self._emit(EncoderReady(source=source, dimensions=files.dimensions, bytes=encoder.bytes))
        return self._encoders[source]

    def _parked(self, each: _Encoding) -> Parked:
        text = self._text_seconds
        return Parked(
            run=each.order.id,
            stage="encode",
            arrived=each.arrived,
            parked=each.parked,
            step=len(each.done),
            steps=len(each.order.texts),
            group=each.order.share.group,
            weight=each.order.share.weight,
            came=each.came,
            remaining=each.left * text,
            total=len(each.order.texts) * text,
            step_seconds=text,
            in_flight=each.begun,
        )
