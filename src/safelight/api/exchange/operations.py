"""A route that says itself: its path, its function, and what its operation takes and answers, in one declaration.

The application is put together of these, and so is the OpenAPI document: what is not said here is in neither.
"""

# Tested in tests/api/test_one_route.py.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

Schema = dict[str, Any]
Endpoint = Callable[[Request], Awaitable[Response]]

IMAGE_REQUEST: Schema = {"$ref": "#/components/schemas/ImageRequest"}
"""What a picture's request may say: drawn from the catalogue's declarations, not from a type."""
EDIT_REQUEST: Schema = {"$ref": "#/components/schemas/ImageEditRequest"}
EDIT_FORM: Schema = {"$ref": "#/components/schemas/ImageEditForm"}
"""The same for an edit, as JSON and as a form."""
TEXT: Schema = {"type": "string"}
BODY_ERRORS = (400, 408, 413, 415)
"""The statuses of a body that is late, too large, of another type, or wrong."""
RETRY_AFTER: Schema = {
    "retry-after": {"description": "Whole seconds.", "schema": {"type": "integer", "minimum": 1, "maximum": 120}}
}


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A JSON object that a route answers with. Its fields are its schema, and its name is the schema's."""


Content = Any
"""What a body holds: a type whose schema is generated (an `Answer`, a union or list of such), or a schema."""


@dataclass(frozen=True)
class Said:
    """One answer of an operation: what it means, its body by media type, and headers beside those of every answer."""

    what: str
    content: Mapping[str, Content] = field(default_factory=dict)
    headers: Schema = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What OpenAPI calls an operation. `parameters` are those of the query, and what of the path is more than a text:
    that is documented without being said here. `body` is a content, or contents by media type where there are several.
    `errors` are the statuses of error answers beside 401 (with a key) and 500.
    """

    name: str
    summary: str
    description: str = ""
    key: bool = True
    parameters: tuple[Schema, ...] = ()
    body: Content = None
    answers: Mapping[int, Said] = field(default_factory=dict)
    errors: tuple[int, ...] = ()


@dataclass(frozen=True)
class Route:
    """A path and a method. `operation` is None for what is for people, or not there yet: no part of the document."""

    path: str
    method: str
    endpoint: Endpoint
    operation: Operation | None = None


def json_answer(what: str, content: Content, headers: Schema | None = None) -> dict[int, Said]:
    """200 with a JSON body."""
    return {200: Said(what, {"application/json": content}, headers or {})}
