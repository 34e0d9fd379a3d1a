"""The OpenAPI 3.1 document, drawn from the routes, the types of their answers and the catalogue's declarations."""

# Tested in tests/test_openapi.py.

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from types import UnionType
from typing import Any, get_args

import msgspec

from safelight import __version__
from safelight.api.exchange.operations import RETRY_AFTER, TEXT, Answer, Content, Operation, Route, Said, Schema
from safelight.contract.catalogue import Catalogue
from safelight.contract.models.capabilities import Capabilities
from safelight.contract.parameters.calls import EDITS, Call
from safelight.contract.parameters.rendering.size import agreeing_schema
from safelight.contract.values.sizes import ASPECT_RATIOS

_REQUEST_ID: Schema = {"x-request-id": {"description": "Names this request in the server's log.", "schema": TEXT}}
_REASONS = {
    400: "The request is not valid; `code` and `param` say why.",
    401: "The key is missing, malformed, unknown or revoked.",
    403: "The key may not use this model, or is no admin key.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    410: "The link has ended.",
    413: "The body is too large.",
    415: "The media type is not read.",
    429: "The key's requests per minute are used up, or a quota is.",
    500: "Something broke inside the server.",
    502: "A server that requests are passed on to failed.",
    503: "Overloaded, loading or shutting down.",
    504: "A server that requests are passed on to said nothing for too long.",
}
_LATER = (429, 503)
_REF = "#/components/schemas/{name}"
# What real clients always send (CONTRACT 1.2).
_WHY_TOLERATED = "Accepted where it asks for what happens anyway."


class ErrorDetails(Answer, frozen=True, kw_only=True):
    """What was wrong, as OpenAI says it."""

    message: str
    type: str
    param: str | None
    code: str | None


class Error(Answer, frozen=True, kw_only=True):
    """The answer of every request that failed."""

    error: ErrorDetails


def openapi_document(catalogue: Catalogue, routes: Iterable[Route]) -> Schema:
    """The contract as an OpenAPI document."""
    documented = [(route, route.operation) for route in routes if route.operation is not None]
    types = [each for _, operation in documented for each in _types(operation)]
    _, schemas = msgspec.json.schema_components([*types, Error], ref_template=_REF)
    paths: Schema = {}
    for route, operation in documented:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(operation, route.path, catalogue)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Safelight",
            "version": __version__,
            "description": "Image generation, as Heroku Managed Inference and the OpenAI SDKs speak it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": _requests(catalogue) | {n: _whole(s) for n, s in schemas.items()},
        },
    }


def _types(operation: Operation) -> Iterator[Any]:
    for said in operation.answers.values():
        for content in said.content.values():
            if not isinstance(content, dict):
                yield from get_args(content) if isinstance(content, UnionType) else (content,)


def _operation(operation: Operation, path: str, catalogue: Catalogue) -> Schema:
    errors = {*operation.errors, *((401,) if operation.key else ()), 500}
    answers = {status: _said(said) for status, said in operation.answers.items()}
    answers |= {status: _error(status) for status in errors}
    described: Schema = {"operationId": operation.name, "summary": operation.summary}
    if operation.description:
        described["description"] = operation.description
    if operation.key:
        described["security"] = [{"key": []}]
    if parameters := [*_of_path(path, operation), *operation.parameters]:
        described["parameters"] = [_with_examples(parameter, catalogue) for parameter in parameters]
    if operation.body is not None:
        content = {kind: {"schema": _schema(each)} for kind, each in _by_media_type(operation.body).items()}
        described["requestBody"] = {"required": True, "content": content}
    return described | {"responses": {str(status): answers[status] for status in sorted(answers)}}


def _of_path(path: str, operation: Operation) -> Iterator[Schema]:
    """The parameters in a path of which the operation says no more: they are texts."""
    said = {parameter["name"] for parameter in operation.parameters if parameter["in"] == "path"}
    for name in re.findall(r"{(\w+)}", path):
        if name not in said:
            yield {"name": name, "in": "path", "required": True, "schema": TEXT}


def _with_examples(parameter: Schema, catalogue: Catalogue) -> Schema:
    """A model's id can only be one of those on offer."""
    if parameter["name"] != "model_id":
        return parameter
    return parameter | {"examples": {entry.id: {"value": entry.id} for entry in catalogue}}


def _said(said: Said) -> Schema:
    answer: Schema = {"description": said.what, "headers": _REQUEST_ID | said.headers}
    if said.content:
        answer["content"] = {kind: {"schema": _schema(content)} for kind, content in said.content.items()}
    return answer


def _error(status: int) -> Schema:
    headers = RETRY_AFTER if status in _LATER else {}
    if status == 429:  # a quota lasts for a day or a month
        headers = {"retry-after": {"description": "Whole seconds.", "schema": {"type": "integer", "minimum": 1}}}
    return _said(Said(_REASONS[status], {"application/json": Error}, headers))


def _schema(content: Content) -> Schema:
    if isinstance(content, dict):
        return content
    if isinstance(content, UnionType):
        return {"anyOf": [_schema(each) for each in get_args(content)]}
    (schema,), _ = msgspec.json.schema_components([content], ref_template=_REF)
    return schema


def _whole(schema: Schema) -> Schema:
    """A generated schema with its constants among what is required: they are always sent, default or not."""
    constant = [name for name, each in schema.get("properties", {}).items() if each.pop("default", None) is not None]
    return schema | {"required": [*schema.get("required", []), *constant]} if constant else schema


def _by_media_type(body: Content) -> dict[str, Content]:
    """A body is a schema or a type, or one of them for each media type."""
    by_type = isinstance(body, dict) and all("/" in name for name in body)
    return body if by_type else {"application/json": body}


_REQUESTS: dict[str, Call] = {"ImageRequest": "generate", "ImageEditRequest": "edit", "ImageEditForm": "edit by form"}


def _requests(catalogue: Catalogue) -> Schema:
    """What may be asked for in each way, of each model that can be asked so."""
    return {name: {"anyOf": [*_image_requests(catalogue, call)] or [{"not": {}}]} for name, call in _REQUESTS.items()}


def _image_requests(catalogue: Catalogue, call: Call) -> Iterator[Schema]:
    for entry in catalogue:
        if entry.takes_pictures if call in EDITS else entry.draws_from_words:
            yield _image_request(entry.capabilities_for(call), (entry.id, *entry.aliases))


def _image_request(capabilities: Capabilities, names: tuple[str, ...]) -> Schema:
    """One model's request: its parameters, and the rules that tie some of them together."""
    properties = {name: schema for p in capabilities.parameters for name, schema in p.json_schemas().items()}
    properties["model"] = {"type": "string", "enum": list(names), "description": properties["model"]["description"]}
    tolerated = {sent.name: sent.json_schema() for sent in capabilities.tolerated}
    rules = [_nothing_unsupported([*properties, *tolerated], tolerated), agreeing_schema(ASPECT_RATIOS)]
    # Files of a form have names of their own each: that one of them is there cannot be said.
    rules += [rule.json_schema() for rule in capabilities.rules if rule.other in properties]
    return {
        "type": "object",
        "title": names[0],
        "required": [p.name for p in capabilities.parameters if p.required],
        "properties": properties | {name: {"description": _WHY_TOLERATED} for name in tolerated},
        "allOf": rules,
    }


def _nothing_unsupported(names: list[str], tolerated: Schema) -> Schema:
    """Without `allow_ignored_params: true`: no other names, and the tolerated ones only as they mean what happens."""
    ignoring = {"properties": {"allow_ignored_params": {"const": True}}, "required": ["allow_ignored_params"]}
    return {"if": ignoring, "else": {"propertyNames": {"enum": names}, "properties": tolerated}}
