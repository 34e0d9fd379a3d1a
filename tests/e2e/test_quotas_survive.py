"""A server is killed while it draws: what it had reserved of a quota for a plain request is free again, what it had
reserved for a job stays until that is drawn, and nothing counts twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.clients.process import Served, serving
from tests.e2e.drawing import wait_until

BODY = {"model": "postcard", "prompt": "a boat", "size": "64x64"}
QUOTAS = '{"pictures_per_day": 2}'


def ask(served: Served, path: str = "/v1/images/generations", **headers: str) -> httpx.Response:
    authorization = {"authorization": f"Bearer {served.key}"}
    return httpx.post(f"{served.url}{path}", json=BODY, headers=authorization | headers, timeout=300)


def quota(served: Served) -> tuple[float, float]:
    """What is used, and what is reserved."""
    headers = {"authorization": f"Bearer {served.key}"}
    (state,) = httpx.get(f"{served.url}/v1/usage", headers=headers, timeout=300).json()["quotas"]
    return state["used"], state["reserved"]


def until(served: Served, wanted: tuple[float, float]) -> None:
    wait_until(lambda: quota(served) == wanted)


def test_a_killed_server_leaves_no_more_reserved_than_its_jobs(tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.write_text("1")
    with ThreadPoolExecutor(1) as beside:
        with serving(tmp_path, exit_status=-9, quotas=QUOTAS, fake_hold=str(hold)) as served:
            job = ask(served, prefer="respond-async")
            assert job.status_code == 202
            plain = beside.submit(ask, served)
            until(served, (0, 2))
            assert ask(served).json()["error"]["code"] == "quota_exceeded"
            served.process.kill()
        with pytest.raises(httpx.TransportError):
            plain.result(300)
    with serving(tmp_path, quotas=QUOTAS, fake_hold=str(hold)) as served:
        until(served, (0, 1))
        hold.unlink()
        until(served, (1, 0))
        assert ask(served).status_code == 200
        until(served, (2, 0))
        assert ask(served).json()["error"]["code"] == "quota_exceeded"
