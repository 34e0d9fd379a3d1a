"""Pages as OpenAI's lists have them: so many, after the one with that id."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from safelight.api.exchange.operations import TEXT, Schema
from safelight.contract.errors import InvalidRequest
from safelight.contract.values.wording import quoted_name, wrong

_LONGEST_ID = 64


@dataclass(frozen=True)
class Paging:
    """How many a page of a list holds: usually, and at most."""

    usual: int
    most: int


@dataclass(frozen=True)
class Page:
    """Which page is asked for."""

    limit: int
    after: str | None


def read_page(query: QueryParams, paging: Paging, others: Collection[str] = ()) -> Page:
    """The page that a query string asks for; `others` are names that it may have beside.

    Raises:
        InvalidRequest: an unknown name, or a value out of bounds.
    """
    for name in query:
        if name not in ("limit", "after", *others):
            called = quoted_name(name)
            raise InvalidRequest(
                f"There is no query parameter `{called}` here.", code="unknown_parameter", param=called
            )
    text = query.get("limit", str(paging.usual))
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= paging.most:
        raise wrong("limit", f"a whole number from 1 to {paging.most}", text)
    after = query.get("after")
    if after is not None and (len(after) > _LONGEST_ID or not after.isascii() or not after.isprintable()):
        raise InvalidRequest("`after` must be the id of the last that you were shown.", param="after")
    return Page(int(text), after)


def page_parameters(paging: Paging) -> tuple[Schema, ...]:
    """The same for the OpenAPI document."""
    limit = {"type": "integer", "minimum": 1, "maximum": paging.most, "default": paging.usual}
    return (
        {"name": "limit", "in": "query", "schema": limit},
        {
            "name": "after",
            "in": "query",
            "schema": TEXT | {"maxLength": _LONGEST_ID, "pattern": "^[ -~]*$"},
            "description": "The id of the last that you were shown.",
        },
    )
