"""The query of a list of jobs."""

# Tested in tests/api/test_jobs.py.

from __future__ import annotations

import re
from datetime import UTC, datetime, time

from starlette.datastructures import QueryParams

from safelight.api.exchange.operations import TEXT, Schema
from safelight.contract.catalogue import Catalogue
from safelight.contract.errors import InvalidRequest
from safelight.contract.records.jobs import STATES, JobState
from safelight.service.ports.stores.jobs import SHAPES, JobFilter, Shape

MOST_PER_PAGE = 200
DEFAULT_PER_PAGE = 50
_MAX_TEXT = 1000
# The year 2286: beyond it Unix seconds have eleven digits, and microseconds would leave 64 bits some time after.
_LAST_SECOND = 1e10
_CURSOR = re.compile(r"[0-9a-f]{1,14}")
_DIGITS = re.compile(r"[0-9]{1,9}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_BARE_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def _parameter(name: str, schema: Schema, what: str = "") -> Schema:
    return {"name": name, "in": "query", "schema": schema} | ({"description": what} if what else {})


_STATES: Schema = {"type": "array", "items": {"enum": list(STATES)}}
_WHEN = "Unix seconds; or an ISO 8601 date or time."
PARAMETERS: tuple[Schema, ...] = (
    _parameter(
        "limit",
        {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": DEFAULT_PER_PAGE},
        "Jobs a page.",
    ),
    _parameter("cursor", TEXT | {"pattern": "^[0-9a-f]{0,14}$"}, "An earlier answer's `next_cursor`."),
    _parameter("state", _STATES) | {"style": "form", "explode": False},
    _parameter("model", TEXT, "An id or alias."),
    _parameter("q", TEXT | {"maxLength": _MAX_TEXT}, "Words of the prompt; the last may be unfinished."),
    _parameter("from", {"type": "number"}, _WHEN),
    _parameter("to", {"type": "number"}, _WHEN),
    _parameter("starred", {"type": "boolean"}, "Only with, or only without a star."),
    _parameter("shape", {"enum": list(SHAPES)}, "Wider than high, higher than wide, or neither."),
    _parameter("total", {"type": "boolean"}, "Count all that there are."),
)
"""What the query may say; no other names are taken."""
QUERY = tuple(str(parameter["name"]) for parameter in PARAMETERS)


def cursor_of(before: int | None) -> str | None:
    """The text by which a caller asks for the page that begins under that number."""
    return None if before is None else f"{before:x}"


def read_query(query: QueryParams, owner: str, catalogue: Catalogue) -> tuple[JobFilter, int, bool]:
    """What a list was asked for: which jobs, how many, and whether to count them all.

    Raises:
        InvalidRequest: an unknown name, a name twice, or a value that is not allowed.
    """
    for name in query:
        if name not in QUERY:
            shown = "".join(c if c.isprintable() else "?" for c in name)[:64]
            raise InvalidRequest(
                f"There is no query parameter `{shown}` here. There are: {', '.join(QUERY)}.",
                code="unknown_parameter",
                param=shown,
            )
        if name != "state" and len(query.getlist(name)) > 1:
            raise InvalidRequest(f"The query parameter `{name}` came more than once. Send it once.", param=name)
    model = query.get("model")
    entry = catalogue.get(model) if model else None
    wanted = JobFilter(
        owner=owner,
        states=_states(query),
        model=entry.id if entry is not None else model or None,
        text=_text(query),
        since=_when(query, "from"),
        until=_when(query, "to", end_of_day=True),
        starred=_flag(query, "starred"),
        shape=_shape(query),
        before=_cursor(query),
    )
    return wanted, _limit(query), _flag(query, "total") or False


def _states(query: QueryParams) -> tuple[JobState, ...] | None:
    named = [part for text in query.getlist("state") for part in text.split(",") if part]
    if any(name not in STATES for name in named):
        raise _wrong("state", f"one or several of {', '.join(STATES)}, separated by commas")
    return tuple(state for state in STATES if state in named) or None


def _text(query: QueryParams) -> str | None:
    text = query.get("q", "").strip()
    if len(text) > _MAX_TEXT:
        raise _wrong("q", f"at most {_MAX_TEXT} characters")
    return text or None


def _when(query: QueryParams, name: str, *, end_of_day: bool = False) -> float | None:
    """Unix seconds, or a date or time as ISO 8601 writes it; UTC where no zone is named."""
    text = query.get(name, "").strip()
    if not text:
        return None
    try:
        seconds = float(text) if _NUMBER.fullmatch(text) else _iso(text, end_of_day=end_of_day)
    except (ValueError, OverflowError):
        raise _wrong(name, "Unix seconds or an ISO 8601 date or time, like 2026-11-22T18:00:00Z") from None
    return min(max(seconds, 0.0), _LAST_SECOND)


def _iso(text: str, *, end_of_day: bool) -> float:
    moment = datetime.fromisoformat(text.replace(" ", "+"))  # a plus sign that was not encoded
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    if end_of_day and _BARE_DATE.fullmatch(text):
        moment = datetime.combine(moment.date(), time.max, UTC)
    return moment.timestamp()


def _shape(query: QueryParams) -> Shape | None:
    for shape in SHAPES:
        if query.get("shape") == shape:
            return shape
    if query.get("shape"):
        raise _wrong("shape", f"one of {', '.join(SHAPES)}")
    return None


def _flag(query: QueryParams, name: str) -> bool | None:
    text = query.get(name, "")
    if text not in ("", "true", "false"):
        raise _wrong(name, "true or false")
    return None if not text else text == "true"


def _cursor(query: QueryParams) -> int | None:
    text = query.get("cursor", "")
    if text and not _CURSOR.fullmatch(text):
        raise _wrong("cursor", "the `next_cursor` of an earlier answer")
    return int(text, 16) if text else None


def _limit(query: QueryParams) -> int:
    text = query.get("limit", str(DEFAULT_PER_PAGE))
    if not _DIGITS.fullmatch(text) or not 1 <= int(text) <= MOST_PER_PAGE:
        raise _wrong("limit", f"1 to {MOST_PER_PAGE}")
    return int(text)


def _wrong(name: str, allowed: str) -> InvalidRequest:
    return InvalidRequest(f"The query parameter `{name}` must be {allowed}.", param=name)
