"""`/v1/files`: what batches read, and what answers them, as OpenAI's Files API has it (CONTRACT 10)."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, get_args

from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from safelight.api.exchange.auth import authenticate
from safelight.api.exchange.bodies.body import media_type_of, read_pieces
from safelight.api.exchange.bodies.forms import Form
from safelight.api.exchange.bodies.uploads import Upload
from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.leaving import may_be_left
from safelight.api.exchange.operations import BODY_ERRORS, TEXT, Answer, Operation, Route, Said, Schema, json_answer
from safelight.api.exchange.paging import Paging, page_parameters, read_page
from safelight.api.services import Services
from safelight.contract.errors import InvalidRequest, UnsupportedMediaType
from safelight.contract.records.batches import MOST_FILE_BYTES, Purpose, StoredFile
from safelight.contract.values.wording import missing, quoted_name, wrong
from safelight.service.batches.batches import KEEP_SECONDS
from safelight.service.ports.stores.batches import FileWish

FILES_PATH = "/v1/files"
_FORM = "multipart/form-data"
# The form's own lines and headers, beside the file.
_FORM_BYTES = 64 * 1024
_MOST_NAME = 255
_PAGES = Paging(usual=10_000, most=10_000)


class File(Answer, tag_field="object", tag="file", frozen=True, kw_only=True):
    """A file, as OpenAI's API shows it. Times are Unix seconds."""

    id: str
    bytes: int
    created_at: int
    expires_at: int
    filename: str
    purpose: Purpose
    status: Annotated[str, Meta(extra_json_schema={"const": "processed"})] = "processed"


class FileList(Answer, tag_field="object", tag="list", frozen=True, kw_only=True):
    """A page of files. `last_id` is what the next page comes `after`."""

    data: list[File]
    first_id: str | None
    last_id: str | None
    has_more: bool


class FileDeleted(Answer, tag_field="object", tag="file", frozen=True, kw_only=True):
    """A file that is gone."""

    id: str
    deleted: Annotated[bool, Meta(extra_json_schema={"const": True})] = True


def shown(file: StoredFile) -> File:
    """A file as it stands."""
    return File(
        id=file.id,
        bytes=file.bytes,
        created_at=int(file.created),
        expires_at=int(file.created + KEEP_SECONDS),
        filename=file.filename,
        purpose=file.purpose,
    )


@may_be_left
async def upload_file(request: Request) -> Response:
    """`POST /v1/files`."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    settings = services.settings
    if media_type_of(request) != _FORM:
        raise UnsupportedMediaType("Send the file as multipart/form-data, with the fields `purpose` and `file`.")
    form = Form(
        request.headers.get("content-type", ""),
        ("file",),
        folder=Path(settings.home),
        most_text_bytes=_FORM_BYTES,
        several=(),
    )
    most = MOST_FILE_BYTES + _FORM_BYTES
    with closing(form):
        async for piece in read_pieces(request, max_bytes=most, timeout_seconds=settings.body_timeout_seconds):
            form.feed(piece)
        upload = _upload_in(form.fields())
    files = services.batches.files
    with upload.open() as content:
        return JsonResponse(shown(await files.add(principal.key_id, _name(upload), upload.size, content)))


def _upload_in(fields: dict[str, Any]) -> Upload:
    for name in fields:
        if name not in ("purpose", "file"):
            called = quoted_name(name)
            raise InvalidRequest(
                f"The parameter `{called}` is not supported. Send `purpose` and `file`.",
                code="unknown_parameter",
                param=called,
            )
    if "purpose" not in fields:
        raise missing("purpose")
    if fields["purpose"] != "batch":
        raise wrong("purpose", "batch: files are for batches alone", fields["purpose"])
    upload = fields.get("file")
    if not isinstance(upload, Upload):
        raise missing("file")
    if not upload.size:
        raise InvalidRequest("`file` is empty. Send a JSONL file, a request in each line.", param="file")
    return upload


def _name(upload: Upload) -> str:
    printable = "".join(each for each in upload.name if each.isprintable())
    return printable.replace("\\", "/").rpartition("/")[2][:_MOST_NAME] or "file.jsonl"


async def list_files(request: Request) -> Response:
    """`GET /v1/files`."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    query = request.query_params
    page = read_page(query, _PAGES, ("purpose", "order"))
    order = query.get("order", "desc")
    if order not in ("asc", "desc"):
        raise wrong("order", "asc or desc", order)
    wish = FileWish(
        owner=principal.key_id,
        limit=page.limit + 1,
        after=page.after,
        newest_first=order == "desc",
        purpose=_purpose(query.get("purpose")),
    )
    found = [shown(file) for file in await services.batches.files.page(wish)]
    data = found[: page.limit]
    return JsonResponse(
        FileList(
            data=data,
            first_id=data[0].id if data else None,
            last_id=data[-1].id if data else None,
            has_more=len(found) > page.limit,
        )
    )


def _purpose(said: str | None) -> Purpose | None:
    for purpose in get_args(Purpose):
        if said == purpose:
            return purpose  # type: ignore[no-any-return]
    if said is None:
        return None
    raise wrong("purpose", "batch or batch_output", said)


async def get_file(request: Request) -> Response:
    """`GET /v1/files/{file_id}`."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    return JsonResponse(shown(await services.batches.files.get(principal.key_id, _id(request))))


async def delete_file(request: Request) -> Response:
    """`DELETE /v1/files/{file_id}`."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    await services.batches.files.delete(principal.key_id, _id(request))
    return JsonResponse(FileDeleted(id=_id(request)))


async def file_content(request: Request) -> Response:
    """`GET /v1/files/{file_id}/content`: sent as it is read. What goes missing meanwhile breaks the answer off."""
    services: Services = request.app.state.services
    principal = await authenticate(request)
    file = await services.batches.files.get(principal.key_id, _id(request))
    headers = {"content-length": str(file.bytes), "content-disposition": "attachment"}
    if request.method == "HEAD":
        return Response(headers=headers, media_type=_LINES)
    content = services.batches.files.content(file)
    first = await anext(content, b"")
    return StreamingResponse(_from(first, content), headers=headers, media_type=_LINES)


async def _from(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


def _id(request: Request) -> str:
    return str(request.path_params["file_id"])


_LINES = "application/jsonl"
_FILE_ID: Schema = {"name": "file_id", "in": "path", "required": True, "schema": TEXT}
_UPLOAD: Schema = {
    "type": "object",
    "required": ["purpose", "file"],
    "properties": {
        "purpose": {"type": "string", "enum": ["batch"]},
        "file": TEXT | {"format": "binary", "description": "JSONL: a request in each line."},
    },
    "additionalProperties": False,
}
_ORDER: Schema = {"name": "order", "in": "query", "schema": {"enum": ["asc", "desc"], "default": "desc"}}
_PURPOSE: Schema = {"name": "purpose", "in": "query", "schema": {"enum": ["batch", "batch_output"]}}


def _of_one(name: str, summary: str, answer: Any) -> Operation:
    return Operation(
        name=name, summary=summary, parameters=(_FILE_ID,), answers=json_answer(summary, answer), errors=(404,)
    )


ROUTES = (
    Route(
        FILES_PATH,
        "POST",
        upload_file,
        Operation(
            name="uploadFile",
            summary="Upload the requests of a batch.",
            body={_FORM: _UPLOAD},
            answers=json_answer("The file.", File),
            errors=(*BODY_ERRORS, 503),
        ),
    ),
    Route(
        FILES_PATH,
        "GET",
        list_files,
        Operation(
            name="listFiles",
            summary="The key's own files.",
            parameters=(*page_parameters(_PAGES), _ORDER, _PURPOSE),
            answers=json_answer("The key's own files.", FileList),
            errors=(400,),
        ),
    ),
    Route(f"{FILES_PATH}/{{file_id}}", "GET", get_file, _of_one("getFile", "One file.", File)),
    Route(f"{FILES_PATH}/{{file_id}}", "DELETE", delete_file, _of_one("deleteFile", "Delete a file.", FileDeleted)),
    Route(
        f"{FILES_PATH}/{{file_id}}/content",
        "GET",
        file_content,
        Operation(
            name="fileContent",
            summary="What is in a file.",
            parameters=(_FILE_ID,),
            answers={200: Said("The lines.", {_LINES: TEXT | {"format": "binary"}})},
            errors=(404, 503),
        ),
    ),
)
