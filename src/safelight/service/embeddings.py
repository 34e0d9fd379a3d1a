"""Embeddings (CONTRACT 10): texts become vectors in a worker, in the line of pictures, under the same limits."""

# Tested in tests/api/test_embeddings.py.

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import msgspec

from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import ApiError, InternalError, InvalidRequest
from safelight.contract.records.quotas import Amount
from safelight.contract.requests.order import Share
from safelight.contract.requests.sentences import (
    EmbeddingRequest,
    EmbedOrder,
    check_dimensions,
    parse_embedding_request,
)
from safelight.contract.values.wording import missing, shown, wrong
from safelight.protocol.messages import Cancelled, Embedded, Failed, Started
from safelight.service.access.keys import Principal
from safelight.service.access.limits import RateLimiter
from safelight.service.access.quotas import QuotaKeeper, Reservation
from safelight.service.drawing.capacity.admission import Admission
from safelight.service.drawing.capacity.everywhere import Everywhere
from safelight.service.drawing.capacity.readiness import Readiness, shutting_down
from safelight.service.entrance import check_access
from safelight.service.ports.engine import Engine
from safelight.service.ports.stores.ledger import Ledger, LedgerEntry

# Before anything was measured; on one core the bundled encoder reads some 1000 characters in 0.1 s.
_FIRST_GUESS_SECONDS = 1e-4


class EmbeddingAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What a request becomes. `vectors` are float32 numbers, little endian, `count` texts of as many each."""

    model: str
    encoding: Literal["float", "base64"]
    vectors: bytes
    count: int
    tokens: int
    headers: dict[str, str]


class Embeddings:
    """Sentence encoders, by id. `catalogue` and `chats` are models of other kinds."""

    def __init__(
        self,
        encoders: Iterable[ModelEntry],
        *,
        engine: Engine,
        catalogue: Catalogue,
        readiness: Readiness,
        limiter: RateLimiter,
        admission: Admission,
        everywhere: Everywhere,
        ledger: Ledger,
        quotas: QuotaKeeper | None = None,
    ) -> None:
        self._encoders = {entry.id: entry for entry in encoders}
        self._engine = engine
        self._catalogue = catalogue
        self._readiness = readiness
        self._limiter = limiter
        self._admission = admission
        self._everywhere = everywhere
        self._ledger = ledger
        self._quotas = quotas or QuotaKeeper()
        self._character_seconds: dict[str, float] = {}
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    def __iter__(self) -> Iterator[ModelEntry]:
        return iter(self._encoders.values())

    async def ended(self) -> None:
        """Returns when nothing is under way."""
        await self._idle.wait()

    def get(self, name: str) -> ModelEntry | None:
        """The encoder with that id."""
        return self._encoders.get(name)

    async def embed(self, principal: Principal, fields: Mapping[str, Any], request_id: str) -> EmbeddingAnswer:
        """The vectors of a body's texts.

        Raises:
            InvalidRequest: what is wrong with the fields.
            NotAllowed: the key may not use the model.
            RateLimited: the key asks too often.
            QuotaExceeded: the key, or its group, has used up its seconds of a device.
            Unavailable: overloaded, shutting down, or the workers take too long to start.
            InternalError: the encoder cannot be had, or a text could not be encoded.
        """
        model = self._model_of(fields)
        request = parse_embedding_request(fields)
        if request.dimensions is not None:
            check_dimensions(request, (await self._readiness.loaded(model)).dimensions)
        check_access(principal, model)
        rate = await self._limiter.hit(principal.key_id, principal.rate_limit)
        reservation = await self._quotas.reserve(principal, Amount(seconds=self._expected_seconds(model, request)))
        account = _Account(self._ledger, request_id, principal.key_id, model, reservation)
        done = await self._accounted(model, request, principal, account)
        headers = rate.headers() if rate else {}
        headers |= {"x-safelight-truncated": str(done.cut)} if done.cut else {}
        return EmbeddingAnswer(
            model=model.id,
            encoding=request.encoding,
            vectors=done.vectors,
            count=len(request.texts),
            tokens=done.tokens,
            headers=headers,
        )

    def _model_of(self, fields: Mapping[str, Any]) -> ModelEntry:
        name = fields.get("model")
        if name is None:
            raise missing("model")
        if not isinstance(name, str):
            raise wrong("model", "a string", name)
        if (model := self._encoders.get(name)) is not None:
            return model
        offered = ", ".join(sorted(self._encoders)) or "none (the setting `embeddings` is off)"
        if self._catalogue.kind(name) is not None:
            raise InvalidRequest(
                f"The model {name} {self._catalogue.kind(name)}. Models for embeddings: {offered}.",
                code="unsupported_operation",
                param="model",
            )
        raise InvalidRequest(
            f"There is no model {shown(name)} here. Models for embeddings: {offered}.",
            code="model_not_found",
            param="model",
        )

    async def _accounted(
        self, model: ModelEntry, request: EmbeddingRequest, principal: Principal, account: _Account
    ) -> Embedded:
        """What came of it, which is written down however it ends."""
        try:
            done = await self._done(model, request, principal, account)
        except ApiError as error:
            account.write(error.code or "failed")
            raise
        except BaseException:
            account.write("cancelled")
            raise
        account.write("finished", done)
        return done

    async def _done(
        self, model: ModelEntry, request: EmbeddingRequest, principal: Principal, account: _Account
    ) -> Embedded:
        await self._readiness.can_draw(model)
        characters, seconds = sum(map(len, request.texts)), self._expected_seconds(model, request)
        share = Share(group=principal.key_id, weight=principal.weight, seconds=seconds, trace=account.request_id)
        await self._everywhere.check_seconds(share, [seconds])
        if self._readiness.draining:
            raise shutting_down()
        order = EmbedOrder(
            id=secrets.token_hex(8),
            source=model.source,
            texts=request.texts,
            dimensions=request.dimensions,
            share=share,
        )
        cost = self._admission.admit_seconds(order.id, share, seconds)
        try:
            with self._one_under_way():
                done = await self._followed(order, account)
        finally:
            self._admission.release(cost)
            self._engine.cancel(order.id)  # nothing, where it has ended
        measured = done.seconds / max(1, characters)
        before = self._character_seconds.setdefault(model.source, measured)
        self._character_seconds[model.source] = 0.5 * (before + measured)
        return done

    @contextmanager
    def _one_under_way(self) -> Iterator[None]:
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    def _expected_seconds(self, model: ModelEntry, request: EmbeddingRequest) -> float:
        return self._character_seconds.get(model.source, _FIRST_GUESS_SECONDS) * sum(map(len, request.texts))

    async def _followed(self, order: EmbedOrder, account: _Account) -> Embedded:
        async for event in self._engine.embed(order):
            match event:
                case Started():
                    account.started()
                case Embedded():
                    return event
                case Failed():
                    raise InternalError(event.reason, retry_helps=event.retry_helps)
                case Cancelled():
                    break
        raise shutting_down()


class _Account:
    """One request in the ledger; nothing of the texts is kept."""

    def __init__(
        self, ledger: Ledger, request_id: str, key_id: str, model: ModelEntry, reservation: Reservation | None
    ) -> None:
        self._ledger = ledger
        self._reservation = reservation
        if reservation is not None:
            reservation.take()
        self.request_id = request_id
        self._who = (key_id, model)
        self._time, self._clock = time.time(), time.monotonic()
        self._queue_seconds: float | None = None

    def started(self) -> None:
        """A worker has begun; again, after one that died."""
        if self._queue_seconds is None:
            self._queue_seconds = time.monotonic() - self._clock

    def write(self, outcome: str, done: Embedded | None = None) -> None:
        key_id, model = self._who
        total, reservation = time.monotonic() - self._clock, self._reservation
        self._ledger.write(
            LedgerEntry(
                request_id=self.request_id,
                time=self._time,
                key_id=key_id,
                model=model.id,
                drawn_by=model.drawn_by,
                outcome=outcome,
                seed=None,
                width=0,
                height=0,
                output_format="embedding",
                image_bytes=0 if done is None else len(done.vectors),
                total_seconds=total,
                queue_seconds=total if self._queue_seconds is None else self._queue_seconds,
                device_seconds=0.0 if done is None else done.seconds,
                tokens=0 if done is None else done.tokens,
                reservation=None if reservation is None else reservation.id,
                reserved_pictures=0 if reservation is None else reservation.end(1, finished=done is not None),
            )
        )
