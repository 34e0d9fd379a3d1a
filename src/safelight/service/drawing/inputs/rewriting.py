"""Prompts that a chat model writes anew before they are drawn (CONTRACT 10), in bounded time."""

# Tested in tests/api/test_rewriting.py.

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
import structlog

from safelight.contract.errors import ApiError, InvalidRequest, UpstreamFailed
from safelight.contract.parameters.subject.prompt import PROMPT
from safelight.contract.requests.request import ImageRequest
from safelight.service.ports.upstreams import Upstream

# Of what a chat model answers: thoughts before it stand in tags of their own with several models (Qwen3, DeepSeek-R1).
_THOUGHTS = re.compile(r"<think>.*?</think>", re.DOTALL)
_MOST_ANSWER_BYTES = 1024 * 1024
_FAILED = {"x-safelight-rewrite": "failed"}
_SYSTEM = (
    "You rewrite prompts for an image generator. Say the same picture in one vivid, concrete paragraph: subject, "
    "setting, light, composition, medium. Keep every subject, number, name, quoted text and style of the prompt, and "
    "its language. Add nothing that contradicts it. Answer with the new prompt alone."
)

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class ChatModel:
    """What rewrites: a model, and who serves it."""

    name: str
    upstream: Upstream


class Rewriter:
    """`models` are the chat models by the id of the model that draws; whatever is not in it is drawn as it is asked."""

    def __init__(self, models: Mapping[str, ChatModel] | None = None, seconds: float = 0.0) -> None:
        self._models = models or {}
        self._seconds = seconds

    def require(self, request: ImageRequest) -> None:
        """Raises:
        InvalidRequest: that request's prompt is drawn as it is.
        """
        if not self._rewrites(request):
            raise InvalidRequest(
                f"Prompts for {request.model.id} are drawn as they are.", code="unsupported_operation", param="model"
            )

    def _rewrites(self, request: ImageRequest) -> bool:
        return request.model.id in self._models and request.words.rewrite and request.call == "generate"

    async def rewritten(
        self, request: ImageRequest, check: Callable[[ImageRequest], Awaitable[None]]
    ) -> tuple[ImageRequest, dict[str, str]]:
        """The request with the prompt that is drawn, and what the answer's head says of it. Where that did not work, or
        `check` refuses what came of it, it is the caller's own."""
        if not self._rewrites(request):
            return request, {}
        prompt = await self._prompt_for(request.model.id, request.prompt)
        if prompt is None:
            return request, _FAILED
        rewritten = msgspec.structs.replace(request, words=request.words.written_anew(prompt))
        try:
            await check(rewritten)
        except ApiError as error:
            log.warning("prompt_not_rewritten", model=request.model.id, reason=error.code)
            return request, _FAILED
        return rewritten, {}

    async def _prompt_for(self, model_id: str, prompt: str) -> str | None:
        """What becomes of a prompt for that model; None where that did not work, and the log says why."""
        try:
            async with asyncio.timeout(self._seconds):
                return _read(await _answer(self._models[model_id], prompt))
        except (UpstreamFailed, InvalidRequest, ValueError) as error:
            reason = str(error)
        except TimeoutError:
            reason = f"it took more than {self._seconds:g} s (the setting `rewrite_seconds`)"
        log.warning("prompt_not_rewritten", model=model_id, reason=reason, effect="the caller's own prompt is drawn")
        return None


async def _answer(chat: ChatModel, prompt: str) -> bytes:
    """What the chat model says, as it came.

    Raises:
        UpstreamFailed: it cannot be reached, or says something else.
    """
    messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": prompt}]
    answer = await chat.upstream.complete(msgspec.json.encode({"model": chat.name, "messages": messages}))
    said = bytearray()
    async with aclosing(answer.content):
        async for piece in answer.content:
            said += piece
            if len(said) > _MOST_ANSWER_BYTES:
                raise UpstreamFailed(f"The upstream {chat.upstream.name} answered with more than anybody reads.")
    if answer.status != HTTPStatus.OK:
        raise UpstreamFailed(f"The upstream {chat.upstream.name} answered with status {answer.status}.")
    return bytes(said)


def _read(answer: bytes) -> str:
    """The prompt in a completion.

    Raises:
        ValueError: it is no completion.
        InvalidRequest: no prompt may be like that.
    """
    try:
        text = msgspec.json.decode(answer)["choices"][0]["message"]["content"]
    except (msgspec.DecodeError, KeyError, IndexError, TypeError) as error:
        raise ValueError("its answer is no chat completion") from error
    if not isinstance(text, str):
        raise ValueError("its answer holds no text")
    return str(PROMPT.parameter.kind.read("prompt", _THOUGHTS.sub("", text).strip()))
