"""The part of the OpenAPI document about jobs and signing in."""

# Tested in tests/test_openapi.py.

from __future__ import annotations

from typing import Any

from safelight.api.openapi.parts import KEY, REQUEST_ID, Schema, errors, exact_object, read_operation, ref
from safelight.api.routes.job_json import DEFAULT_PER_PAGE, MOST_PER_PAGE
from safelight.contract.jobs import MEDIA_TYPES, STATES
from safelight.service.ports.jobs import SHAPES

_BODY_ERRORS = ("400", "401", "408", "413", "415", "500")
_JOB_ID: Schema = {"name": "job_id", "in": "path", "required": True, "schema": {"type": "string"}}
_SECONDS: Schema = {"type": "number"}
_SECONDS_OR_NULL: Schema = {"type": ["number", "null"]}
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer"}


def job_paths() -> Schema:
    """Every path under `/v1/jobs`."""
    return {
        "/v1/jobs": {"get": _list()},
        "/v1/jobs/events": {"get": _events("allEvents", "All jobs of the key, as they change.")},
        "/v1/jobs/{job_id}": {
            "parameters": [_JOB_ID],
            "get": read_operation("getJob", "One job.", "Job", key=True, more=("404",)),
            "patch": _change(),
            "delete": _job_operation(
                "deleteJob", "Cancel a job that has not ended, delete one that has.", "JobOrDeleted"
            ),
        },
        "/v1/jobs/{job_id}/cancel": {
            "parameters": [_JOB_ID],
            "post": _job_operation("cancelJob", "Cancel a job; one that has ended stays as it is.", "Job"),
        },
        "/v1/jobs/{job_id}/events": {
            "parameters": [_JOB_ID],
            "get": _events("jobEvents", "One job to its end.", "404"),
        },
        "/v1/jobs/{job_id}/image": {
            "parameters": [_JOB_ID],
            "get": _file("jobImage", "The picture.", tuple(MEDIA_TYPES.values())) | {"parameters": [_SETTINGS]},
        },
        "/v1/jobs/{job_id}/thumbnail": {
            "parameters": [_JOB_ID],
            "get": _file("jobThumbnail", "A small JPEG of it.", ("image/jpeg",)),
        },
    }


_SETTINGS: Schema = {
    "name": "metadata",
    "in": "query",
    "schema": {"enum": ["full"]},
    "description": "`full`: the file says what it was made with, whatever the server writes into its files.",
}


def session_paths() -> Schema:
    """Signing in to the page."""
    answer = {
        "description": "Who is signed in.",
        "headers": REQUEST_ID,
        "content": {"application/json": {"schema": ref("Session")}},
    }
    one_of = {"key": _TEXT, "token": _TEXT}
    credential = {"anyOf": [exact_object({name: schema}) for name, schema in one_of.items()]}
    return {
        "/studio/session": {
            "get": read_operation("getSession", "Who is signed in to the page.", "Session"),
            "post": {
                "operationId": "signIn",
                "summary": "Sign in to the page with a key or a one-time token: sets a cookie.",
                "requestBody": {"required": True, "content": {"application/json": {"schema": credential}}},
                "responses": {"200": answer, **errors(*_BODY_ERRORS)},
            },
            "delete": {
                "operationId": "signOut",
                "summary": "End the session. Must say that it is JSON, without a body.",
                "responses": {"200": answer, **errors("415", "500")},
            },
        }
    }


def accepted() -> Schema:
    """The answer to `Prefer: respond-async`."""
    return {
        "description": "Accepted: it will be drawn.",
        "headers": REQUEST_ID
        | {
            "location": {"schema": _TEXT},
            "preference-applied": {"schema": {"const": "respond-async"}},
            "x-safelight-model": {"schema": _TEXT},
            "x-safelight-seed": {"schema": _COUNT},
        },
        "content": {"application/json": {"schema": ref("Job")}},
    }


def job_schemas() -> Schema:
    """The schemas that the above name."""
    deleted = exact_object({"object": {"const": "job.deleted"}, "id": _TEXT, "deleted": {"const": True}})
    session = exact_object({"signed_in": {"const": True}, "name": _TEXT, "key_id": _TEXT, "expires": _SECONDS})
    return {
        "Job": _job(),
        "JobOrDeleted": {"anyOf": [ref("Job"), deleted]},
        "JobList": exact_object(
            {
                "object": {"const": "list"},
                "data": {"type": "array", "items": ref("Job")},
                "has_more": {"type": "boolean"},
                "next_cursor": {"type": ["string", "null"]},
                "total": {"type": ["integer", "null"]},
            }
        ),
        "Session": {"anyOf": [exact_object({"signed_in": {"const": False}}), session]},
    }


def _job() -> Schema:
    queue = exact_object({"position": {"type": "integer", "minimum": 1}, "seconds": _SECONDS})
    progress = exact_object({"step": _COUNT, "steps": {"type": ["integer", "null"]}, "seconds_left": _SECONDS_OR_NULL})
    cut = exact_object({"read": _COUNT, "tokens": _COUNT})
    image = exact_object(
        {
            "path": _TEXT,
            "thumbnail_path": _TEXT,
            "bytes": _COUNT,
            "media_type": {"enum": list(MEDIA_TYPES.values())},
            "fingerprint": _TEXT,
            "average_color": _or_null({"type": "string", "pattern": "^#[0-9a-f]{6}$"}),
            "prompt_truncated": _or_null({"type": "object", "additionalProperties": cut}),
        }
    )
    return exact_object(
        {
            "object": {"const": "job"},
            "id": _TEXT,
            "state": {"enum": list(STATES)},
            "model": _TEXT,
            "drawn_by": _TEXT,
            "seed": _COUNT,
            "request": {"type": "object", "required": ["model", "prompt"]},
            "width": _COUNT,
            "height": _COUNT,
            "output_format": _TEXT,
            "created": _SECONDS,
            "started": _SECONDS_OR_NULL,
            "ended": _SECONDS_OR_NULL,
            "queue": _or_null(queue),
            "progress": _or_null(progress),
            "starred": {"type": "boolean"},
            "expires": _SECONDS_OR_NULL,
            "error": _or_null(exact_object({"code": _TEXT, "message": _TEXT})),
            "image": _or_null(image),
        }
    )


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _list() -> Schema:
    operation = read_operation("listJobs", "The key's own jobs, newest first.", "JobList", key=True, more=("400",))
    when = "Unix seconds; or an ISO 8601 date or time."
    parameters: list[tuple[str, Schema, str]] = [
        (
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MOST_PER_PAGE, "default": DEFAULT_PER_PAGE},
            "Jobs a page.",
        ),
        ("cursor", {"type": "string", "pattern": "^[0-9a-f]{0,14}$"}, "An earlier answer's `next_cursor`."),
        ("model", _TEXT, "An id or alias."),
        ("q", {"type": "string", "maxLength": 1000}, "Words of the prompt; the last may be unfinished."),
        ("from", _SECONDS, when),
        ("to", _SECONDS, when),
        ("starred", {"type": "boolean"}, "Only with, or only without a star."),
        ("shape", {"enum": list(SHAPES)}, "Wider than high, higher than wide, or neither."),
        ("total", {"type": "boolean"}, "Count all that there are."),
    ]
    shown: list[dict[str, Any]] = [
        {"name": name, "in": "query", "schema": schema, "description": what} for name, schema, what in parameters
    ]
    states = {"type": "array", "items": {"enum": list(STATES)}}
    shown.append({"name": "state", "in": "query", "style": "form", "explode": False, "schema": states})
    return operation | {"parameters": shown}


def _change() -> Schema:
    body = exact_object({"starred": {"type": "boolean"}})
    operation = read_operation("changeJob", "Set the star or take it away.", "Job", key=True, more=("404",))
    operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    operation["responses"] |= errors(*_BODY_ERRORS)
    return operation


def _job_operation(name: str, summary: str, schema: str) -> Schema:
    operation = read_operation(name, summary, schema, key=True, more=("404",))
    operation["responses"] |= errors("415")
    return operation


def _events(name: str, summary: str, *more: str) -> Schema:
    stream = {
        "description": "Server-sent events: job, queue, progress, end, deleted.",
        "headers": REQUEST_ID,
        "content": {"text/event-stream": {"schema": _TEXT}},
    }
    gone = {"description": "The job has ended, and `Last-Event-ID` says that you know.", "headers": REQUEST_ID}
    return {
        "operationId": name,
        "summary": summary,
        "security": KEY,
        "parameters": [{"name": "Last-Event-ID", "in": "header", "schema": _TEXT}],
        "responses": {"200": stream, **({"204": gone} if more else {}), **errors("401", *more, "500")},
    }


def _file(name: str, summary: str, media_types: tuple[str, ...]) -> Schema:
    content = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in media_types}
    return {
        "operationId": name,
        "summary": summary,
        "security": KEY,
        "responses": {
            "200": {"description": summary, "headers": REQUEST_ID, "content": content},
            "304": {"description": "You have it (`If-None-Match`).", "headers": REQUEST_ID},
            **errors("401", "404", "500"),
        },
    }
