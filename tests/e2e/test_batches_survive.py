"""A server is killed twice while it draws a batch: every line is answered once, with the bytes of an undisturbed one.

`SAFELIGHT_BATCH_LINES` says how many lines (160 where nothing is said, of which a server claims 32 at once; 10,000 take
some minutes).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from safelight.contract.records.batches import MOST_FILE_BYTES
from tests.clients.pictures import drawn
from tests.clients.process import serving
from tests.e2e.drawing import wait_until
from tests.e2e.test_jobs_survive import Killed

LINES = int(os.environ.get("SAFELIGHT_BATCH_LINES", "160"))
PICTURES = "/v1/images/generations"
_SIZE = (64, 64)
_BAD_EVERY = 100
# The last quarter takes one step more, which is held up: however fast it draws, something is left when it is killed.
_STEPS = (4, 5)
# What a killed server had claimed is drawn after what waits, and that is held up: there is enough before it.
_KILLED_AT = (1 / 8, 1 / 4)


def steps_of(number: int) -> int:
    return _STEPS[number >= 3 * LINES // 4]


def line(number: int) -> bytes:
    size = "1x1" if number % _BAD_EVERY == 0 else f"{_SIZE[0]}x{_SIZE[1]}"
    prompt, steps = f"a boat, number {number}", steps_of(number)
    body = {"model": "postcard", "prompt": prompt, "seed": number + 1, "size": size, "steps": steps}
    return json.dumps({"custom_id": f"line-{number}", "method": "POST", "url": PICTURES, "body": body}).encode()


def started(server: Killed, content: bytes) -> str:
    """The id of a batch of these lines."""
    sent = server.client.post("/v1/files", data={"purpose": "batch"}, files={"file": ("in.jsonl", content)})
    body = {"input_file_id": sent.json()["id"], "endpoint": PICTURES, "completion_window": "24h"}
    return str(server.client.post("/v1/batches", json=body).json()["id"])


def until(server: Killed, batch_id: str, ended: int | None = None) -> dict[str, Any]:
    """The batch once so many of its lines have ended, or it has."""
    found = list[dict[str, Any]]()

    def enough() -> bool:
        found[:] = [server.client.get(f"/v1/batches/{batch_id}").json()]
        counts, is_over = found[0]["request_counts"], found[0]["status"] in ("completed", "failed")
        return is_over or (ended is not None and counts["completed"] + counts["failed"] >= ended)

    wait_until(enough)
    return found[0]


def lines_of(server: Killed, file_id: str) -> list[dict[str, Any]]:
    with server.client.stream("GET", f"/v1/files/{file_id}/content") as answer:
        return [json.loads(each) for each in answer.iter_lines()]


def stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()


@pytest.mark.timeout(600 + LINES // 5)
def test_every_line_is_answered_once_though_the_server_is_killed_twice(tmp_path: Path) -> None:
    server = Killed(tmp_path, step_seconds=0)
    content = b"\n".join(line(number) for number in range(LINES))
    server.hold.write_text(str(_STEPS[0]))
    process = server.start()
    try:
        batch_id = started(server, content)
        for share in _KILLED_AT:
            batch = until(server, batch_id, int(LINES * share))
            assert batch["status"] == "in_progress"
            stop(process)
            process = server.start()
        server.hold.unlink()
        batch = until(server, batch_id)
        assert batch["status"] == "completed"
        bad = len(range(0, LINES, _BAD_EVERY))
        assert batch["request_counts"] == {"total": LINES, "completed": LINES - bad, "failed": bad}
        answers, errors = lines_of(server, batch["output_file_id"]), lines_of(server, batch["error_file_id"])
    finally:
        stop(process)
        server.client.close()
    assert sorted(each["custom_id"] for each in (*answers, *errors)) == sorted(f"line-{n}" for n in range(LINES))
    assert {each["response"]["body"]["error"]["param"] for each in errors} == {"size"}
    for each in answers:
        number = int(each["custom_id"].removeprefix("line-"))
        image = base64.b64decode(each["response"]["body"]["data"][0]["b64_json"])
        prompt, steps = f"a boat, number {number}", steps_of(number)
        alone = drawn(seed=number + 1, size=_SIZE, model="postcard", prompt=prompt, steps=steps)
        assert hashlib.sha256(image).digest() == hashlib.sha256(alone).digest(), each["custom_id"]


def peak_bytes(process: subprocess.Popen[str]) -> int:
    """The most memory that a process has had."""
    (line,) = re.findall(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{process.pid}/status").read_text())
    return int(line) * 1024


def test_the_largest_file_is_never_whole_in_memory(tmp_path: Path) -> None:
    content = tmp_path / "in.jsonl"
    with content.open("wb") as written:
        written.truncate(MOST_FILE_BYTES)
    with (
        serving(tmp_path) as served,
        httpx.Client(base_url=served.url, timeout=300) as client,
        content.open("rb") as file,
    ):
        client.headers["authorization"] = f"Bearer {served.key}"
        before = peak_bytes(served.process)
        sent = client.post("/v1/files", data={"purpose": "batch"}, files={"file": file})
        assert sent.json()["bytes"] == MOST_FILE_BYTES
        read = 0
        with client.stream("GET", f"/v1/files/{sent.json()['id']}/content") as answer:
            for piece in answer.iter_bytes():
                read += len(piece)
        assert read == MOST_FILE_BYTES
        grown = peak_bytes(served.process) - before
        assert grown < MOST_FILE_BYTES // 2
