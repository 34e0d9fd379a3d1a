"""The OpenAPI 3.1 document, drawn from the catalogue's capabilities."""

# Tested in tests/test_openapi.py.

from __future__ import annotations

from safelight import __version__
from safelight.api.openapi.jobs import accepted, job_paths, job_schemas, session_paths
from safelight.api.openapi.parts import KEY, REQUEST_ID, Schema, errors, exact_object, read_operation, ref
from safelight.contract.capabilities import Capabilities
from safelight.contract.catalogue import Catalogue
from safelight.contract.parameters.seed import MAX_PICTURES
from safelight.contract.parameters.size import agreeing_schema
from safelight.contract.sizes import ASPECT_RATIOS
from safelight.service.ports.engine import NEAREST_FIRST

_PICTURE_HEADERS: Schema = {
    "openai-processing-ms": {"schema": {"type": "integer"}},
    "x-safelight-model": {"description": "The model that drew it.", "schema": {"type": "string"}},
    "x-safelight-seed": {"description": "The seed that was used, the first of several.", "schema": {"type": "integer"}},
    "x-safelight-seeds": {"description": "All seeds, where there are several pictures.", "schema": {"type": "string"}},
    "x-safelight-fingerprint": {"description": "What the bytes depend on.", "schema": {"type": "string"}},
    "x-safelight-prompt-truncated": {
        "description": "Where a prompt was cut: how many of its tokens were read, and how many it has (RFC 9651).",
        "schema": {"type": "string"},
    },
    "x-safelight-tier": {"description": "What is promised of the bytes.", "schema": {"enum": ["exact", "throughput"]}},
}
# What real clients always send (CONTRACT 1.2).
_WHY_TOLERATED = "Accepted where it asks for what happens anyway."


def openapi_document(catalogue: Catalogue) -> Schema:
    """The contract as an OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Safelight",
            "version": __version__,
            "description": "Image generation, as Heroku Managed Inference and the OpenAI SDKs speak it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": _paths(catalogue),
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(catalogue),
        },
    }


def _paths(catalogue: Catalogue) -> Schema:
    model_id = {
        "name": "model_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "examples": {e.id: {"value": e.id} for e in catalogue},
    }
    return {
        "/v1/images/generations": {"post": _create_image()},
        **job_paths(),
        **session_paths(),
        "/v1/models": {
            "get": read_operation("listModels", "The models, and what each supports.", "ModelList", key=True)
        },
        "/v1/models/{model_id}": {
            "get": read_operation("getModel", "One model.", "Model", key=True, more=("404",)),
            "parameters": [model_id],
        },
        "/available-models": {
            "get": read_operation("availableModels", "The models, for the Heroku CLI.", "AvailableModels")
        },
        "/models/{model_id}": {
            "get": read_operation("herokuModel", "Heroku's model info.", "HerokuModel", key=True, more=("404",)),
            "parameters": [model_id],
        },
        "/health": {"get": _readiness("health")},
        "/readyz": {"get": _readiness("readyz")},
        "/livez": {"get": read_operation("livez", "200 while the process answers.", "Status")},
        "/version": {"get": read_operation("version", "Which Safelight this is.", "Version")},
        "/metrics": {"get": _metrics()},
    }


def _readiness(name: str) -> Schema:
    """Its 503 says more than other errors: how each model stands."""
    operation = read_operation(name, "200 when a picture could be drawn.", "Status", more=("503",))
    operation["responses"]["503"]["content"] = {"application/json": {"schema": ref("Unready")}}
    return operation


def _create_image() -> Schema:
    statuses = ("400", "401", "403", "408", "413", "415", "429", "500", "503")
    return {
        "operationId": "createImage",
        "summary": "Draw pictures.",
        "description": (
            "With `stream: true`, where the model supports it, the answer is server-sent events: "
            "`image_generation.partial_image`, `image_generation.completed`, `error`. "
            "With the header `Prefer: respond-async` the answer is 202 and a job. With `Idempotency-Key` (1 to 255 "
            "visible ASCII characters) the same request gets the same answer for 24 hours; with another body, 400."
        ),
        "security": KEY,
        "parameters": [
            {
                "name": "Prefer",
                "in": "header",
                "description": "RFC 7240. Only `respond-async` is honoured.",
                "schema": {"type": "string"},
                "examples": {"async": {"value": "respond-async"}},
            }
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": ref("ImageRequest")}}},
        "responses": {
            "200": {
                "description": "The picture.",
                "headers": REQUEST_ID | _PICTURE_HEADERS,
                "content": {
                    "application/json": {"schema": ref("ImageResponse")},
                    "text/event-stream": {"schema": ref("ImageEvent")},
                },
            },
            "202": accepted(),
            **errors(*statuses),
        },
    }


def _metrics() -> Schema:
    return {
        "operationId": "metrics",
        "summary": "Prometheus text.",
        "responses": {
            "200": {"description": "Prometheus text.", "content": {"text/plain": {"schema": {"type": "string"}}}},
            **errors("401", "404", "500"),
        },
    }


def _schemas(catalogue: Catalogue) -> Schema:
    variants = {e.id: _image_request(e.capabilities, (e.id, *e.aliases)) for e in catalogue}
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    nullable = {"type": ["string", "null"]}
    error = exact_object({"message": text, "type": text, "param": nullable, "code": nullable})
    image = exact_object({"b64_json": {"type": "string", "contentEncoding": "base64"}, "revised_prompt": text})
    return {
        "Error": exact_object({"error": error}),
        "ImageRequest": {"anyOf": list(variants.values())},
        "ImageResponse": exact_object(
            {
                "created": {"type": "integer"},
                "data": {"type": "array", "minItems": 1, "maxItems": MAX_PICTURES, "items": image},
            }
        ),
        "ImageEvent": {
            "type": "object",
            "description": "A server-sent event of a stream; `data` is a JSON object whose `type` is the event's name.",
            "required": ["event", "data"],
            "properties": {
                "event": {"enum": ["image_generation.partial_image", "image_generation.completed", "error"]},
                "data": {"type": "string", "contentMediaType": "application/json"},
            },
        },
        "Model": _model(text, texts),
        "ModelList": exact_object({"object": {"const": "list"}, "data": {"type": "array", "items": ref("Model")}}),
        "AvailableModels": {
            "type": "array",
            "items": exact_object({"model_id": text, "type": texts, "regions": texts}),
        },
        "HerokuModel": exact_object(
            {
                "model_id": text,
                "plan": text,
                "type": texts,
                "ready": {"enum": ["Yes", "No"]},
                "created": text,
                "tokens_in": text,
                "tokens_out": text,
                "avg_performance": text,
            }
        ),
        **job_schemas(),
        "Status": {
            "type": "object",
            "required": ["status"],
            "properties": {
                "status": {"const": "ok"},
                "models": {"type": "object", "additionalProperties": text},
                "reasons": {"type": "object", "additionalProperties": text, "description": "Why models failed."},
            },
            "additionalProperties": False,
        },
        "Unready": {
            "type": "object",
            "required": ["status", "models", "error"],
            "properties": {
                "status": {"const": "unavailable"},
                "models": {"type": "object", "additionalProperties": text},
                "reasons": {"type": "object", "additionalProperties": text},
                "error": {"type": "object"},
            },
            "additionalProperties": False,
        },
        "Version": exact_object({"name": {"const": "safelight"}, "version": text}),
    }


def _model(text: Schema, texts: Schema) -> Schema:
    return exact_object(
        {
            "id": text,
            "object": {"const": "model"},
            "created": {"type": "integer"},
            "owned_by": text,
            "aliases": texts,
            "drawn_by": text,
            "status": {"enum": ["loading", "ready", "failed"]},
            "reason": {"type": ["string", "null"], "description": "Why it failed."},
            "resident": {"type": "boolean"},
            "where": {"enum": list(NEAREST_FIRST)},
            "memory_bytes": {"type": ["integer", "null"]},
            "workers": {"type": "array", "items": _worker(text)},
            "capabilities": {"type": "object", "required": ["parameters"]},
        }
    )


def _worker(text: Schema) -> Schema:
    amount = {"type": "integer", "minimum": 0}
    return exact_object(
        {
            "worker": amount,
            "device": {"type": ["string", "null"], "description": "Null until a model is ready there."},
            "where": {"enum": list(NEAREST_FIRST), "description": "The model's weights."},
            "host_bytes": amount | {"description": "Resident memory of the worker's process."},
            "device_bytes": amount | {"description": "What it holds of an accelerator's memory."},
            "pictures_per_minute": {"type": "number", "minimum": 0, "description": "Of this model, lately."},
        }
    )


def _image_request(capabilities: Capabilities, names: tuple[str, ...]) -> Schema:
    """One model's request: its parameters, and the rules that tie some of them together."""
    properties = {p.name: p.json_schema() for p in capabilities.parameters}
    properties["model"] = {"type": "string", "enum": list(names), "description": properties["model"]["description"]}
    tolerated = {sent.name: sent.json_schema() for sent in capabilities.tolerated}
    rules = [_nothing_unsupported([*properties, *tolerated], tolerated), agreeing_schema(ASPECT_RATIOS)]
    rules += [rule.json_schema() for rule in capabilities.rules]
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
