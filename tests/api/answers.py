"""What a server answers on every route, and its OpenAPI document: kept before a change, compared after it.

    python -m tests.api.answers keep FILE        starts a server with the fake engine, asks it, keeps the answers
    python -m tests.api.answers compare FILE     says what is answered differently; exit status 1 if anything is

An answer is its status, its headers and its body. Ids, times and measured figures are put out of them, each by a word
for its kind; pictures are told by their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from safelight.api.app import ROUTES
from tests.api.questions import ANONYMOUS, QUESTIONS, Question
from tests.clients.process import Served, serving
from tests.kept_lines import main

# Who sent it and when, and what says again what another line says.
_UNTOLD = {"date", "server", "connection", "transfer-encoding"}
_PUT_OUT = (
    (re.compile(r"\b(job|req|key|img|batch)_[0-9A-Za-z_-]{6,}"), r"<\1>"),
    (re.compile(r"\bfile-[0-9a-f]{6,}"), "<file>"),
    (re.compile(r"\bkey-[0-9a-z]{6,}"), "<key>"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "<url>"),
    (re.compile(r"\?expires=\d+&signature=[0-9A-Za-z_-]+"), "?<signed>"),
    (re.compile(r"\b1[789]\d{8}(\.\d+)?\b"), "<time>"),
    (re.compile(r"\b\d+\.\d{3,}(e-?\d+)?\b"), "<figure>"),
    (re.compile(r"\bsafelight-\d+=[0-9A-Za-z_-]{20,}"), "<cookie>"),
)
_MEASURED = {"timings", "cost", "costs", "seconds", "next_cursor", "cursor"}
_MEASURES = ("_seconds", "_per_minute")
_LONG = 400
# Names in the built page say what is in the files, which is another with every change of the page.
_BUILT = re.compile(rb"(assets/[a-z.]+)-[\w-]{8}(?=\.)")


def text_of(answer: httpx.Response) -> list[str]:
    """An answer, line by line."""
    untold = _UNTOLD | ({"etag"} if _is_page(answer) else set())
    headers = [f"{name}: {_put_out(value)}" for name, value in answer.headers.items() if name not in untold]
    return [f"{answer.status_code}", *sorted(map(_header, headers)), *_body(answer)]


def _header(line: str) -> str:
    name, _, value = line.partition(": ")
    counts = name in ("content-length", "retry-after") or name.endswith(("-remaining", "-reset", "-ms"))
    return f"{name}: {re.sub(r'[0-9]+', '<n>', value)}" if counts else line


def _body(answer: httpx.Response) -> list[str]:
    kind = answer.headers.get("content-type", "").partition(";")[0]
    if not answer.content:
        return []
    if kind.endswith("json"):
        return json.dumps(_plain(answer.json()), indent=1, sort_keys=True, ensure_ascii=False).splitlines()
    if kind == "text/event-stream":
        return [line for event in answer.text.split("\n\n") for line in _event(event)]
    if kind == "text/plain" and answer.text.startswith("# HELP"):
        return [line for line in answer.text.splitlines() if line.startswith("# HELP")]
    if kind.startswith("text/") and kind != "text/html":
        return _put_out(answer.text).splitlines()
    return [_digest(_BUILT.sub(rb"\1", answer.content) if _is_page(answer) else answer.content)]


def _is_page(answer: httpx.Response) -> bool:
    kind: str = answer.headers.get("content-type", "")
    return kind.startswith("text/html")


def _event(text: str) -> list[str]:
    lines = []
    for line in text.splitlines():
        name, _, value = line.partition(": ")
        if name == "data" and value.startswith("{"):
            value = json.dumps(_plain(json.loads(value)), sort_keys=True, ensure_ascii=False)
        lines.append(f"{name}: {'<id>' if name == 'id' else _put_out(value)}")
    return lines


def _plain(value: Any, name: str = "") -> Any:
    """A JSON value without what is another each time."""
    if value is not None and (name in _MEASURED or name.endswith(_MEASURES)):
        return f"<{name}>"
    if isinstance(value, dict):
        return {key: _plain(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        return _digest(value.encode()) if len(value) > _LONG and " " not in value else _put_out(value)
    return _put_out(str(value)) if isinstance(value, float) or (isinstance(value, int) and value > 10**9) else value


def _put_out(text: str) -> str:
    for pattern, word in _PUT_OUT:
        text = pattern.sub(word, text)
    return text


def _digest(data: bytes) -> str:
    return f"<{len(data)} bytes, SHA-256 {hashlib.sha256(data).hexdigest()[:16]}>"


def asked(served: Served, question: Question, client: httpx.Client, jobs: list[str]) -> httpx.Response:
    """One answer. `{job}` in a path is the newest job of `jobs`, which an accepted one is added to."""
    path = question.path.replace("{job}", jobs[-1] if jobs else "none")
    key = {} if question.key is ANONYMOUS else {"authorization": f"Bearer {question.key or served.key}"}
    answer = client.request(question.method, path, content=question.content, headers=key | dict(question.headers))
    if answer.status_code == 202:
        jobs.append(answer.json()["id"])
        client.get(f"/v1/jobs/{jobs[-1]}/events", headers=key)  # ends when the job has
    return answer


def lines() -> Iterator[str]:
    """Every question with its answer; the document is one of them."""
    unasked = {(route.path, route.method) for route in ROUTES if route.operation}
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as served:
        jobs: list[str] = []
        with httpx.Client(base_url=served.url, timeout=300) as client:
            for question in QUESTIONS:
                unasked -= {(question.route, question.method)}
                yield f"== {question.name}: {question.method} {question.path}"
                yield from text_of(asked(served, question, client, jobs))
    yield f"== routes that nobody asks: {', '.join(f'{method} {path}' for path, method in sorted(unasked)) or 'none'}"


if __name__ == "__main__":
    raise SystemExit(main(__doc__, lines))
