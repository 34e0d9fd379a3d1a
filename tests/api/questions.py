"""What `answers.py` asks a server: every route, with a key and without, and what is right and wrong to say to it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

ANONYMOUS = object()
WRONG = "sl-no-such-key"
IMAGES = "/v1/images/generations"
EDITS = "/v1/images/edits"
# A PNG of 2x2 pixels in one colour.
PICTURE = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGM8kSLCwMDAxMDA"
    "wMDAAAAP3gFEe3WMgwAAAABJRU5ErkJggg=="
)
ASYNC = (("prefer", "respond-async"),)
SIZES = ("1024x1024", "1152x896", "1216x832", "1344x768", "1536x640", "640x1536", "768x1344", "832x1216", "896x1152")


@dataclass(frozen=True)
class Question:
    """One request. `route` is the pattern that it is meant for; `key` None is the server's own."""

    name: str
    method: str
    path: str
    route: str
    content: bytes | None = None
    headers: tuple[tuple[str, str], ...] = ()
    key: Any = None


def get(name: str, path: str, route: str = "", method: str = "GET", **fields: Any) -> Question:
    return Question(name, method, path, route or path.partition("?")[0], **fields)


def draw(name: str, headers: tuple[tuple[str, str], ...] = (), key: Any = None, **fields: Any) -> Question:
    """A request for a picture of a seed, so that its bytes are the same each time; None takes a field away."""
    body = {"model": "postcard", "prompt": "a red fox", "seed": 7, "size": "64x64"} | fields
    content = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
    return Question(name, "POST", IMAGES, IMAGES, content, (("content-type", "application/json"), *headers), key)


def edit(name: str, **fields: Any) -> Question:
    """As `draw`, of a small picture; None takes a field away."""
    body = {"model": "postcard", "prompt": "at night", "seed": 7, "images": [{"image_url": PICTURE}]} | fields
    content = json.dumps({name: value for name, value in body.items() if value is not None}).encode()
    return Question(name, "POST", EDITS, EDITS, content, (("content-type", "application/json"),))


def raw(
    name: str, content: bytes, kind: str = "application/json", path: str = IMAGES, method: str = "POST"
) -> Question:
    return Question(name, method, path, path.replace("{job}", "{job_id}"), content, (("content-type", kind),))


def _of_job(name: str, tail: str = "", method: str = "GET", content: bytes | None = None) -> Question:
    kind = (("content-type", "application/json"),) if content else ()
    return Question(name, method, f"/v1/jobs/{{job}}{tail}", f"/v1/jobs/{{job_id}}{tail}", content, kind)


_FORM = "multipart/form-data; boundary=x"
_BATCH = json.dumps({"input_file_id": "file-0", "endpoint": IMAGES, "completion_window": "24h"}).encode()


def _form(purpose: str, content: bytes) -> bytes:
    said = f'--x\r\nContent-Disposition: form-data; name="purpose"\r\n\r\n{purpose}\r\n--x\r\n'
    named = 'Content-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
    return (said + named).encode() + content + b"\r\n--x--\r\n"


_OPEN = ("/", "/livez", "/readyz", "/health", "/version", "/metrics", "/available-models")
_PAGES = ("/v1/jobs?limit=2&total=true", "/v1/jobs?q=fox&state=finished", "/v1/usage?to=2020-01-01")
_KEYED = ("/v1/models", "/v1/jobs", *_PAGES, "/studio/session")
_NOT_ALLOWED = (IMAGES, "/v1/jobs", "/v1/models", "/livez", "/nothing", "/v1/images/edits", "/v1/jobs/events")

_PLAIN: tuple[Question, ...] = (
    *(get("with the key", path) for path in (*_OPEN, *_KEYED)),
    *(get("no key", path, key=ANONYMOUS) for path in (*_OPEN, *_KEYED)),
    *(get("wrong key", path, key=WRONG) for path in _KEYED),
    *(get("document", path, key=ANONYMOUS) for path in ("/openapi.json", "/docs")),
    raw("no encoder", b'{"model": "m", "input": "a"}', path="/v1/embeddings"),
    raw("no rewriting", b'{"model": "postcard", "prompt": "a"}', path="/v1/images/rewrites"),
    raw("no upstream", b'{"model": "m", "messages": []}', path="/v1/chat/completions"),
    get("no link", "/v1/pictures/job_0.png?expires=1&signature=a", "/v1/pictures/{name}", key=ANONYMOUS),
    *(get("usage", f"/v1/usage?{query}", "/v1/usage") for query in ("from=2020-01-01&to=2020-01-02", "from=x", "of=y")),
    *(get("no admin key", path) for path in ("/v1/keys", "/v1/groups", "/v1/state", "/v1/audit?limit=1")),
    raw("no admin key", b"{}", path="/v1/keys"),
    get("no admin key", "/v1/keys/key-0", "/v1/keys/{key_id}"),
    *(get("no admin key", "/v1/keys/key-0", "/v1/keys/{key_id}", way) for way in ("PATCH", "DELETE")),
    *(get("no admin key", "/v1/groups/team", "/v1/groups/{group}", way) for way in ("PATCH", "DELETE")),
    get("a model", "/v1/models/postcard", "/v1/models/{model_id}"),
    get("no model", "/v1/models/none", "/v1/models/{model_id}"),
    get("a model for Heroku", "/models/stable-image-ultra", "/models/{model_id}"),
    *(get("options", path, method="OPTIONS", key=ANONYMOUS) for path in _NOT_ALLOWED),
    *(get("head", path, method="HEAD") for path in ("/livez", "/v1/models", "/v1/jobs", "/docs")),
    *(get("not allowed", path, method="DELETE") for path in _NOT_ALLOWED),
    *(get("bad query", f"/v1/jobs?{query}") for query in ("limit=0", "limit=x", "state=none", "cursor=!", "none=1")),
    get("edits without anything", EDITS, method="POST"),
    edit("edit"),
    edit("edit with a mask", mask={"image_url": PICTURE}, strength=0.5),
    edit("edit as a stream", stream=True, partial_images=1),
    edit("edit without a picture", images=None),
    edit("edit by address", images=[{"image_url": "http://127.0.0.1/a.png"}]),
    edit("edit of nonsense", images=[{"image_url": "data:image/png;base64,AAAA"}]),
    edit("edit by words alone", model="stable-image-ultra"),
    raw("check of no form", b"{}", path="/v1/content_provenance_checks"),
)

_PICTURES: tuple[Question, ...] = (
    *(draw("size", size=size) for size in SIZES),
    *(draw("format", output_format=kind) for kind in ("png", "jpeg", "webp", "gif")),
    draw("Heroku's names", model="stable-image-ultra", size=None, aspect_ratio="16:9", negative_prompt="dogs"),
    draw("alias", model="stability-image-ultra", size=None, aspect_ratio="1:1"),
    draw("OpenAI's names", response_format="b64_json", n=2, user="somebody", quality="auto"),
    draw("numbers", steps=3, guidance_scale=1.5),
    draw("compression", output_format="jpeg", output_compression=50),
    draw("link", response_format="url"),
    draw("link in a stream", response_format="url", stream=True),
    draw("null", negative_prompt=None, n=1),
    draw("stream", stream=True, partial_images=2),
    draw("stream of two", stream=True, n=2),
    draw("no key", key=ANONYMOUS),
    draw("wrong key", key=WRONG),
    *(draw("bad size", size=size) for size in ("8x8", "65x64", "99999x64", "big", 64)),
    *(draw("bad seed", seed=seed) for seed in (-1, 2**32, "7", 1.5, True)),
    *(draw("bad n", n=n) for n in (0, 99, "2")),
    *(draw("bad prompt", prompt=prompt) for prompt in ("", " ", 5, "x" * 40_000, ["a"])),
    *(draw("bad model", model=model) for model in ("none", 5, "")),
    draw("no prompt", prompt=None),
    draw("unknown field", colour="red"),
    draw("both sizes", aspect_ratio="1:1"),
    draw("bad steps", steps=0),
    draw("bad guidance", guidance_scale=-1),
    draw("compressed PNG", output_compression=50),
    raw("no JSON", b"{"),
    raw("no object", b"[]"),
    raw("empty", b""),
    raw("half a pair", b'{"model": "postcard", "prompt": "\\ud800"}'),
    raw("no UTF-8", b'{"prompt": "\xff"}'),
    raw("a form", b"prompt=a", "application/x-www-form-urlencoded"),
    raw("two of a name", b'{"prompt": "a", "prompt": "b"}'),
)

_BATCHES: tuple[Question, ...] = (
    raw("file", _form("batch", b"{}"), _FORM, path="/v1/files"),
    raw("file of another purpose", _form("vision", b"{}"), _FORM, path="/v1/files"),
    raw("file that is none", b"{}", path="/v1/files"),
    get("files", "/v1/files"),
    get("bad files", "/v1/files?limit=0"),
    get("no file", "/v1/files/file-0", "/v1/files/{file_id}"),
    get("no file to delete", "/v1/files/file-0", "/v1/files/{file_id}", method="DELETE"),
    get("no content", "/v1/files/file-0/content", "/v1/files/{file_id}/content"),
    raw("batch of nothing", b"{}", path="/v1/batches"),
    raw("batch of no file", _BATCH, path="/v1/batches"),
    get("batches", "/v1/batches"),
    get("no batch", "/v1/batches/batch_0", "/v1/batches/{batch_id}"),
    get("no batch to cancel", "/v1/batches/batch_0/cancel", "/v1/batches/{batch_id}/cancel", method="POST"),
)

_JOBS: tuple[Question, ...] = (
    draw("job", ASYNC),
    draw("job with a key", (*ASYNC, ("idempotency-key", "k1"))),
    draw("the same again", (*ASYNC, ("idempotency-key", "k1"))),
    draw("another with its key", (*ASYNC, ("idempotency-key", "k1")), prompt="a boat"),
    draw("kept answer", (("idempotency-key", "k2"),)),
    draw("kept answer again", (("idempotency-key", "k2"),)),
    draw("jobs of two", ASYNC, n=2),
    _of_job("job"),
    _of_job("events", "/events"),
    _of_job("image", "/image"),
    _of_job("thumbnail", "/thumbnail"),
    get("no input", "/v1/jobs/{job}/inputs/0", "/v1/jobs/{job_id}/inputs/{place}"),
    _of_job("star", method="PATCH", content=b'{"starred": true}'),
    _of_job("bad star", method="PATCH", content=b'{"starred": 5}'),
    _of_job("cancel what has ended", "/cancel", "POST"),
    get("jobs", "/v1/jobs?limit=1&total=true"),
    _of_job("delete", method="DELETE"),
    _of_job("gone"),
    _of_job("gone image", "/image"),
    _of_job("delete what is gone", method="DELETE"),
    get("all events, no key", "/v1/jobs/events", key=ANONYMOUS),
)

_STUDIO: tuple[Question, ...] = (
    get("page", "/studio/"),
    raw("sign in", b'{"key": "sl-no-such-key"}', path="/studio/session"),
    raw("sign in badly", b"{}", path="/studio/session"),
    raw("sign in with the key", b'{"key": "sl-a-key-from-the-environment"}', path="/studio/session"),
    get("sign out", "/studio/session", method="DELETE"),
)

QUESTIONS = (*_PLAIN, *_PICTURES, *_BATCHES, *_JOBS, *_STUDIO)
