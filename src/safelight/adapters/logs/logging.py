"""Logs: one line an event, pretty for people and JSON for machines, with the request's id on every line.

Everything goes through structlog, the standard library's loggers (uvicorn, alembic) too. What a caller wrote never
reaches a line: prompts and keys are taken out here as well, should they have got this far.
"""

from __future__ import annotations

import contextvars
import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Literal, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from safelight.adapters.logs.outlet import Outlet

LogFormat = Literal["auto", "pretty", "json"]

_PRIVATE = frozenset({"prompt", "negative_prompt", "authorization", "api_key", "body"})
_KEY = re.compile(r"sl-[A-Za-z0-9_-]{16,}|(?<=[Bb]earer )\S+")
_REMOVED = "[removed]"
# What happened and to what stands before who saw it, for people who read the lines as they are.
_FIRST = ("timestamp", "level", "event", "model", "size", "seconds", "outcome", "key_id")
_LAST = ("request_id", "logger")

# uvicorn says per request what our own line says better, and Alembic tells of every step of a migration.
_QUIET = dict.fromkeys(("uvicorn.access", "alembic", "asyncio", "httpx"), logging.WARNING)


def configure_logging(log_format: LogFormat, level: str, stream: TextIO | Outlet | None = None) -> None:
    """Send every log line of this process to `stream` (default: standard error). A second call replaces the first."""
    target = stream or sys.stderr
    pretty = log_format == "pretty" or (log_format == "auto" and target.isatty())
    structlog.configure(
        processors=[*_shared(pretty), structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(_formatter(target, pretty))
    if isinstance(target, Outlet):
        target.notice = lambda lines: _of_dropped(handler, lines)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)


def _formatter(target: TextIO | Outlet, pretty: bool) -> logging.Formatter:
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(pretty),
        processors=[strip, _keep_private, _in_order, _renderer(target, pretty)],
    )


def _of_dropped(handler: logging.Handler, lines: int) -> str:
    """The line that tells of lines that were dropped; it belongs to no request."""
    record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, "log_lines_dropped", (), None)
    record.lines = lines
    return contextvars.Context().run(handler.format, record)


def _shared(pretty: bool) -> list[Processor]:
    chain: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(),
        _drop_additions,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if pretty else "iso", utc=not pretty),
        structlog.processors.StackInfoRenderer(),
    ]
    # Traces as plain text: the richer kinds print local variables, and a prompt is a local variable somewhere.
    return [*chain, structlog.processors.format_exc_info]


def _drop_additions(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """uvicorn adds its message a second time, with terminal colours; Ray, where it is imported, adds the time."""
    event.pop("color_message", None)
    event.pop("_ray_timestamp_ns", None)
    return event


def _renderer(target: TextIO | Outlet, pretty: bool) -> Processor:
    if pretty:
        return structlog.dev.ConsoleRenderer(
            colors=target.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
            pad_event_to=0,
            sort_keys=False,
        )
    return _as_json


def _in_order(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    last = {key: event.pop(key) for key in _LAST if key in event}
    first = {key: event.pop(key) for key in _FIRST if key in event}
    return {**first, **event, **last}


def _as_json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _keep_private(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {name: _REMOVED if name in _PRIVATE else _without_keys(value) for name, value in event.items()}


def _without_keys(value: Any) -> Any:
    if isinstance(value, str):
        # A file name may hold bytes that are no UTF-8 (as lone surrogates), which no JSON can.
        return _KEY.sub(_REMOVED, value).encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {name: _REMOVED if name in _PRIVATE else _without_keys(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_keys(item) for item in value]
    return value
