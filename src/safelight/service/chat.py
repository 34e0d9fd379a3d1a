"""Chat completions, passed on to servers of the operator's (CONTRACT 10): our keys, limits and ledger around them."""

# Tested in tests/api/test_chat.py.

from __future__ import annotations

import re
import time
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import msgspec

from safelight.contract.catalogue import Catalogue
from safelight.contract.errors import ApiError, InvalidRequest, NotAllowed, PassedOn, UpstreamFailed
from safelight.contract.values.wording import missing, wrong
from safelight.service.access.keys import Principal
from safelight.service.access.limits import RateLimiter
from safelight.service.ports.stores.ledger import Ledger, LedgerEntry
from safelight.service.ports.upstreams import Upstream, UpstreamAnswer

EVENTS = "text/event-stream"
_MOST_ERROR_BYTES = 64 * 1024
_MOST_SAID = 500
# `usage` is the last that an answer says, and the last event but `[DONE]` of a stream that was asked for it.
_END_BYTES = 4096
_TOKENS = re.compile(rb'"total_tokens"\s*:\s*(\d{1,12})')
_OUR_KEY_REFUSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)


@dataclass(frozen=True)
class ChatAnswer:
    """An answer on its way. `content` is to be read to its end, or closed."""

    media_type: str
    content: AsyncGenerator[bytes]
    headers: dict[str, str]

    @property
    def streams(self) -> bool:
        return self.media_type.partition(";")[0].strip().lower() == EVENTS


class Chat:
    """Passes requests on by the model that they name. `models` are the upstreams by model."""

    def __init__(
        self, models: Mapping[str, Upstream], *, catalogue: Catalogue, limiter: RateLimiter, ledger: Ledger
    ) -> None:
        self._models = models
        self._catalogue = catalogue
        self._limiter = limiter
        self._ledger = ledger

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Each model, and the name of its upstream."""
        return ((model, upstream.name) for model, upstream in self._models.items())

    async def close(self) -> None:
        """Let go of all upstreams."""
        for upstream in {id(each): each for each in self._models.values()}.values():
            await upstream.close()

    async def complete(
        self, principal: Principal, fields: Mapping[str, Any], body: bytes, request_id: str
    ) -> ChatAnswer:
        """The upstream's answer to a body, whose fields have been read. It is sent on as it came.

        Raises:
            InvalidRequest: no such model, or one that draws.
            NotAllowed: the key may not use it.
            RateLimited: the key asks too often.
            UpstreamFailed: the upstream cannot be reached, is silent, or fails.
            PassedOn: the upstream's own refusal.
        """
        model = self._model_of(fields)
        if principal.models is not None and model not in principal.models:
            raise NotAllowed(f"This key may not use the model {model}.", param="model")
        rate = await self._limiter.hit(principal.key_id, principal.rate_limit)
        account = _Account(self._ledger, request_id, principal.key_id, model, self._models[model].name)
        try:
            answer = await self._models[model].complete(body)
            await _refuse(answer, self._models[model].name)
        except ApiError as error:
            account.write("failed" if isinstance(error, UpstreamFailed) else "refused")
            raise
        except BaseException:
            account.write("cancelled")
            raise
        return ChatAnswer(answer.media_type, _accounted(answer, account), rate.headers() if rate else {})

    def _model_of(self, fields: Mapping[str, Any]) -> str:
        model = fields.get("model")
        if model is None:
            raise missing("model")
        if not isinstance(model, str):
            raise wrong("model", "a string", model)
        if model in self._models:
            return model
        if (does := self._catalogue.kind(model)) is not None:
            raise InvalidRequest(
                f"The model {model} {does}, and does not chat.",
                code="unsupported_operation",
                param="model",
            )
        raise InvalidRequest(_nothing_of_that_name(self._models), code="model_not_found", param="model")


def _nothing_of_that_name(models: Iterable[str]) -> str:
    offered = ", ".join(sorted(models))
    if offered:
        return f"There is no such chat model here. Chat models: {offered}."
    return (
        "This server passes no chat on. Its operator can: a table `[chat.NAME]` in the settings with `url` and "
        "`models` names a server that speaks OpenAI's Chat Completions."
    )


async def _refuse(answer: UpstreamAnswer, name: str) -> None:
    """Nothing, for an answer that is a success.

    Raises:
        UpstreamFailed: a redirect, a refusal of the operator's own key, a failure of the upstream's.
        PassedOn: what else it says to the caller.
    """
    if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return
    said = await _beginning(answer.content)
    if answer.status in _OUR_KEY_REFUSED:
        raise UpstreamFailed(f"The upstream {name} refuses the key that this server's operator set for it.")
    if not HTTPStatus.BAD_REQUEST <= answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise UpstreamFailed(f"The upstream {name} answered with status {answer.status}.")
    raise _passed_on(answer.status, said, name)


async def _beginning(content: AsyncGenerator[bytes]) -> bytes:
    said = bytearray()
    async with aclosing(content):
        async for piece in content:
            said += piece
            if len(said) > _MOST_ERROR_BYTES:
                break
    return bytes(said)


def _passed_on(status: int, body: bytes, name: str) -> PassedOn:
    """OpenAI's shape keeps its message, code and param; of any other body nothing is repeated."""
    try:
        error = msgspec.json.decode(body)["error"]
        message, code, param = str(error["message"])[:_MOST_SAID], error.get("code"), error.get("param")
    except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, AttributeError):
        return PassedOn(status, f"The upstream {name} refused the request with status {status}.")
    return PassedOn(status, message, code=_text(code), param=_text(param))


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:_MOST_SAID]


async def _accounted(answer: UpstreamAnswer, account: _Account) -> AsyncGenerator[bytes]:
    """The content as it comes. A stream of events that breaks ends with an event that says so."""
    outcome = "cancelled"
    try:
        async for piece in answer.content:
            account.see(piece)
            yield piece
        outcome = "finished"
    except UpstreamFailed as error:
        outcome = "failed"
        if not answer.media_type.startswith(EVENTS):
            raise
        yield b"\n\nevent: error\ndata: " + msgspec.json.encode(error.body()) + b"\n\n"
    finally:
        await answer.content.aclose()
        account.write(outcome)


class _Account:
    """One request in the ledger; nothing of what was said is kept."""

    def __init__(self, ledger: Ledger, request_id: str, key_id: str, model: str, upstream: str) -> None:
        self._ledger = ledger
        self._who = (request_id, key_id, model, upstream)
        self._time, self._clock = time.time(), time.monotonic()
        self._bytes, self._end = 0, b""

    def see(self, piece: bytes) -> None:
        """A piece of the answer goes by. What it says of tokens stands near its end."""
        self._bytes += len(piece)
        self._end = (self._end + piece)[-_END_BYTES:]

    def write(self, outcome: str) -> None:
        request_id, key_id, model, upstream = self._who
        self._ledger.write(
            LedgerEntry(
                request_id=request_id,
                time=self._time,
                key_id=key_id,
                model=model,
                drawn_by=upstream,
                outcome=outcome,
                seed=None,
                width=0,
                height=0,
                output_format="chat",
                image_bytes=self._bytes,
                total_seconds=time.monotonic() - self._clock,
                queue_seconds=0.0,
                tokens=int(said[-1]) if (said := _TOKENS.findall(self._end)) else 0,
            )
        )
