"""Two api processes as operators start them, over one Ray cluster, one PostgreSQL and one bucket."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from tests import object_store
from tests.clients.process import KEY, Served, serving
from tests.cluster.nodes import Nodes, stripes
from tests.postgres import new_server

HEADERS = {"authorization": f"Bearer {KEY}"}
HOSTS = json.dumps({"stripes": {"gpus": 0, "least": 2, "engine": "fake"}})


@pytest.fixture(scope="module")
def servers(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Served]]:
    """Of which the first is killed by the last test."""
    nodes.deploy(stripes(2, fake_step_seconds=0.1))
    with ExitStack() as stack:
        variables = stack.enter_context(pytest.MonkeyPatch.context())
        variables.setenv("RAY_ADDRESS", nodes.address)
        variables.delenv("RAY_SERVE_RUN_ROUTER_IN_SEPARATE_LOOP")  # they are as an operator starts them
        database = stack.enter_context(new_server()).database()
        bucket = stack.enter_context(object_store.running()).bucket()
        for name, value in bucket.variables().items():
            variables.setenv(name, value)

        def server(exit_status: int) -> Served:
            settings = {"engine": "ray", "hosts": HOSTS, "database": database, "files": bucket.url}
            folder = tmp_path_factory.mktemp("server")
            return stack.enter_context(serving(folder, exit_status=exit_status, **settings))

        yield server(-signal.SIGKILL), server(0)
    nodes.remove()


def picture(server: str, **fields: object) -> httpx.Response:
    """A picture asked of that server."""
    body = {"model": "postcard", "prompt": "a boat", "size": "256x256", "response_format": "b64_json"} | fields
    return httpx.post(f"{server}/v1/images/generations", json=body, headers=HEADERS, timeout=120)


def test_both_draw_and_the_same_picture_is_the_same(servers: tuple[Served, Served]) -> None:
    with ThreadPoolExecutor(2) as callers:
        answers = list(callers.map(lambda each: picture(each.url, seed=5), servers))
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text[:300] for answer in answers]
    first, second = (answer.json()["data"][0]["b64_json"] for answer in answers)
    assert first == second


def test_a_job_whose_api_process_is_killed_is_drawn_by_the_other(servers: tuple[Served, Served]) -> None:
    first, second = servers
    body = {"model": "postcard", "prompt": "a boat", "size": "256x256", "seed": 9, "steps": 40}
    headers = HEADERS | {"prefer": "respond-async"}
    accepted = httpx.post(f"{first.url}/v1/images/generations", json=body, headers=headers, timeout=60)
    assert accepted.status_code == 202, accepted.text
    path = f"/v1/jobs/{accepted.json()['id']}"
    with httpx.Client(base_url=second.url, headers=HEADERS, timeout=60) as client:
        while client.get(path).json()["state"] == "queued":
            time.sleep(0.05)
        first.process.kill()
        while (job := client.get(path).json())["state"] not in ("finished", "failed", "cancelled"):
            time.sleep(0.2)
    assert job["state"] == "finished", job
