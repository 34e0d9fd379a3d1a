"""`/v1/batches`: many requests at once, drawn when nobody waits, as OpenAI's Batch API has it (CONTRACT 10)."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.bodies.body import read_body
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.leaving import may_be_left
from safelight.api.exchange.operations import BODY_ERRORS, TEXT, Answer, Operation, Route, Schema, json_answer
from safelight.api.exchange.paging import Paging, page_parameters, read_page
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest
from safelight.contract.parameters.calls import EDIT_PATH, GENERATE_PATH
from safelight.contract.records.batches import WINDOW, Batch
from safelight.contract.values.json_object import read_object
from safelight.contract.values.surrogates import half_pair_in
from safelight.contract.values.wording import missing, quoted_name, wrong

BATCHES_PATH = "/v1/batches"
_PAGES = Paging(usual=20, most=100)
_MOST_PAIRS, _MOST_KEY, _MOST_VALUE = 16, 64, 512
_FIELDS = ("input_file_id", "endpoint", "completion_window", "metadata")


class LineCounts(Answer, frozen=True, kw_only=True):
    """Of a batch's lines: how many there are, and how many have which end."""

    total: int
    completed: int
    failed: int


class Fault(Answer, frozen=True, kw_only=True):
    """Why a batch failed as a whole."""

    code: str
    message: str
    param: None = None
    line: None = None


class Faults(Answer, tag_field="object", tag="list", frozen=True, kw_only=True):
    """All that is wrong with an input file."""

    data: list[Fault]


class BatchAnswer(Answer, tag_field="object", tag="batch", frozen=True, kw_only=True):
    """A batch, as OpenAI's API shows it. Times are Unix seconds."""

    id: str
    endpoint: str
    input_file_id: str
    completion_window: str
    status: Literal["validating", "in_progress", "cancelling", "completed", "failed", "cancelled", "expired"]
    created_at: int
    expires_at: int
    in_progress_at: int | None
    cancelling_at: int | None
    completed_at: int | None
    failed_at: int | None
    cancelled_at: int | None
    expired_at: int | None
    output_file_id: str | None
    error_file_id: str | None
    errors: Faults | None
    metadata: dict[str, str] | None
    request_counts: LineCounts


class BatchList(Answer, tag_field="object", tag="list", frozen=True, kw_only=True):
    """A page of batches. `last_id` is what the next page comes `after`."""

    data: list[BatchAnswer]
    first_id: str | None
    last_id: str | None
    has_more: bool


def shown(batch: Batch) -> BatchAnswer:
    """A batch as it stands."""
    counts, fault = batch.counts, batch.fault
    return BatchAnswer(
        id=batch.id,
        endpoint=batch.endpoint,
        input_file_id=batch.input_file_id,
        completion_window=WINDOW,
        status=batch.status if batch.has_ended or batch.cancelling is None else "cancelling",
        created_at=int(batch.created),
        expires_at=int(batch.expires),
        in_progress_at=_whole(batch.begun),
        cancelling_at=_whole(batch.cancelling),
        completed_at=_whole(batch.ended) if batch.status == "completed" else None,
        failed_at=_whole(batch.ended) if batch.status == "failed" else None,
        cancelled_at=_whole(batch.ended) if batch.status == "cancelled" else None,
        expired_at=_whole(batch.ended) if batch.status == "expired" else None,
        output_file_id=batch.output_file_id,
        error_file_id=batch.error_file_id,
        errors=None if fault is None else Faults(data=[Fault(code=fault.code, message=fault.message)]),
        metadata=batch.metadata,
        request_counts=LineCounts(total=counts.total, completed=counts.completed, failed=counts.failed),
    )


def _whole(when: float | None) -> int | None:
    return None if when is None else int(when)


@may_be_left
async def create_batch(request: Request) -> Response:
    """`POST /v1/batches`."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    settings = services.settings
    body = await read_body(request, max_bytes=settings.max_body_bytes, timeout_seconds=settings.body_timeout_seconds)
    fields = {name: value for name, value in read_object(body).items() if value is not None}
    file_id, endpoint, metadata = _read(fields)
    trace = request.scope["safelight.trace"]
    return JsonResponse(shown(await services.batches.create(principal.key_id, endpoint, file_id, metadata, trace)))


def _read(fields: dict[str, Any]) -> tuple[str, str, dict[str, str] | None]:
    for name in fields:
        if name not in _FIELDS:
            called = quoted_name(name)
            raise InvalidRequest(
                f"The parameter `{called}` is not supported. Supported: {', '.join(_FIELDS)}.",
                code="unknown_parameter",
                param=called,
            )
    for name in _FIELDS[:3]:
        if name not in fields:
            raise missing(name)
    endpoint, file_id = fields["endpoint"], fields["input_file_id"]
    if endpoint == EDIT_PATH:
        raise InvalidRequest(f"Edits are not batched. `endpoint` must be {GENERATE_PATH}.", param="endpoint")
    if endpoint != GENERATE_PATH:
        raise wrong("endpoint", GENERATE_PATH, endpoint)
    if fields["completion_window"] != WINDOW:
        raise wrong("completion_window", WINDOW, fields["completion_window"])
    if not isinstance(file_id, str) or "\0" in file_id or half_pair_in(file_id) is not None:
        raise wrong("input_file_id", "the id of a file", file_id)
    return file_id, endpoint, _metadata(fields.get("metadata"))


def _metadata(given: object) -> dict[str, str] | None:
    if given is None:
        return None
    pairs = given if isinstance(given, dict) else {}
    fits = all(
        isinstance(value, str) and len(name) <= _MOST_KEY and len(value) <= _MOST_VALUE and "\0" not in name + value
        for name, value in pairs.items()
    )
    if not isinstance(given, dict) or len(pairs) > _MOST_PAIRS or not fits:
        raise InvalidRequest(
            f"`metadata` must be an object of at most {_MOST_PAIRS} texts: names of at most {_MOST_KEY} characters, "
            f"values of at most {_MOST_VALUE}, no NUL in them.",
            param="metadata",
        )
    return pairs


async def list_batches(request: Request) -> Response:
    """`GET /v1/batches`."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    page = read_page(request.query_params, _PAGES)
    found = [shown(each) for each in await services.batches.page(principal.key_id, page.limit + 1, page.after)]
    data = found[: page.limit]
    return JsonResponse(
        BatchList(
            data=data,
            first_id=data[0].id if data else None,
            last_id=data[-1].id if data else None,
            has_more=len(found) > page.limit,
        )
    )


async def get_batch(request: Request) -> Response:
    """`GET /v1/batches/{batch_id}`."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    return JsonResponse(shown(await services.batches.get(principal.key_id, _id(request))))


async def cancel_batch(request: Request) -> Response:
    """`POST /v1/batches/{batch_id}/cancel`: never deletes, so that it cannot come too late."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    return JsonResponse(shown(await services.batches.cancel(principal.key_id, _id(request))))


def _id(request: Request) -> str:
    return str(request.path_params["batch_id"])


_BATCH_ID: Schema = {"name": "batch_id", "in": "path", "required": True, "schema": TEXT}
_METADATA: Schema = {
    "type": ["object", "null"],
    "maxProperties": _MOST_PAIRS,
    "propertyNames": {"maxLength": _MOST_KEY, "pattern": r"^[^\x00]*$"},
    "additionalProperties": TEXT | {"maxLength": _MOST_VALUE, "pattern": r"^[^\x00]*$"},
}
_REQUEST: Schema = {
    "type": "object",
    "required": list(_FIELDS[:3]),
    "properties": {
        "input_file_id": TEXT | {"description": "A file of requests (`POST /v1/files`)."},
        "endpoint": TEXT | {"enum": [GENERATE_PATH]},
        "completion_window": TEXT | {"enum": [WINDOW]},
        "metadata": _METADATA,
    },
    "additionalProperties": False,
}


def _of_one(name: str, summary: str, errors: tuple[int, ...] = ()) -> Operation:
    answers = json_answer("The batch.", BatchAnswer)
    return Operation(name=name, summary=summary, parameters=(_BATCH_ID,), answers=answers, errors=(404, *errors))


ROUTES = (
    Route(
        BATCHES_PATH,
        "POST",
        create_batch,
        Operation(
            name="createBatch",
            summary="Have all requests of a file drawn when nobody waits.",
            body=_REQUEST,
            answers=json_answer("The batch.", BatchAnswer),
            errors=(*BODY_ERRORS, 404),
        ),
    ),
    Route(
        BATCHES_PATH,
        "GET",
        list_batches,
        Operation(
            name="listBatches",
            summary="The key's own batches, newest first.",
            parameters=page_parameters(_PAGES),
            answers=json_answer("The key's own batches, newest first.", BatchList),
            errors=(400,),
        ),
    ),
    Route(f"{BATCHES_PATH}/{{batch_id}}", "GET", get_batch, _of_one("getBatch", "One batch.")),
    Route(
        f"{BATCHES_PATH}/{{batch_id}}/cancel",
        "POST",
        cancel_batch,
        _of_one("cancelBatch", "Draw a batch no further.", (415,)),
    ),
)
