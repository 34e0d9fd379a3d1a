"""Two api processes as operators start them, over one Ray cluster: pictures, an upgrade under load, and a death."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import httpx
import pytest

from tests.clients.process import Served
from tests.cluster.nodes import Nodes, stripes
from tests.cluster.servers import HEADERS, Servers, api_servers
from tests.cluster.traffic import PATH, Caller, traffic
from tests.e2e.drawing import wait_until

Pair = list[Served]


@pytest.fixture(scope="module")
def servers(nodes: Nodes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    nodes.deploy(stripes(2, fake_step_seconds=0.1))
    with api_servers(nodes, lambda: tmp_path_factory.mktemp("server")) as servers:
        yield servers
    nodes.remove()


@pytest.fixture(scope="module")
def pair(servers: Servers) -> Pair:
    """The two that run just now."""
    with ThreadPoolExecutor(2) as starting:
        return [each.result() for each in [starting.submit(servers.start) for _ in range(2)]]


def picture(server: str, **fields: object) -> httpx.Response:
    """A picture asked of that server."""
    body = {"model": "postcard", "prompt": "a boat", "size": "256x256", "response_format": "b64_json"} | fields
    return httpx.post(f"{server}{PATH}", json=body, headers=HEADERS, timeout=120)


def test_both_draw_and_the_same_picture_is_the_same(pair: Pair) -> None:
    with ThreadPoolExecutor(2) as callers:
        answers = list(callers.map(lambda each: picture(each.url, seed=5), pair))
    assert [answer.status_code for answer in answers] == [200, 200], [answer.text[:300] for answer in answers]
    first, second = (answer.json()["data"][0]["b64_json"] for answer in answers)
    assert first == second


def test_api_processes_are_replaced_one_after_the_other_and_no_request_fails(servers: Servers, pair: Pair) -> None:
    """Each that goes has just begun a plain picture, a stream and a job: it draws them to their end."""
    with ThreadPoolExecutor(2) as callers, traffic(servers.url) as counted:
        for number, old in enumerate(list(pair)):
            with closing(Caller(old.url)) as own:
                long = [callers.submit(way, steps=40, seed=1000 + number) for way in (own.plain, own.stream)]
                counted.jobs.append(own.accept(steps=40, seed=2000 + number))
                wait_until(lambda old=old: drawing(old) >= 2)
                pair[number] = servers.replace(old)
                for each in long:
                    each.result()
            counted.until_more()
    with closing(Caller(servers.url)) as caller:
        for job in counted.jobs:
            wait_until(lambda job=job: caller.ended(job))
            assert caller.image(job)
    assert len(set(counted.jobs)) == len(counted.jobs)


def drawing(server: Served) -> float:
    """How many pictures hosts draw for that api process just now."""
    lines = httpx.get(f"{server.url}/metrics", headers=HEADERS).text.splitlines()
    return float(dict(line.split() for line in lines if line.startswith("safelight_jobs_"))["safelight_jobs_running"])


def test_a_job_whose_api_process_is_killed_is_drawn_by_another(servers: Servers, pair: Pair) -> None:
    doomed = servers.start(-signal.SIGKILL)
    with closing(Caller(doomed.url)) as caller, closing(Caller(pair[0].url)) as other:
        jobs: list[str] = []
        while drawing(doomed) < 1:  # any of the three claims a job
            assert len(jobs) < 30
            jobs.append(caller.accept(seed=9 + len(jobs), steps=40))
            wait_until(lambda job=jobs[-1]: drawing(doomed) >= 1 or other.ended(job))
        doomed.process.kill()
        for job in jobs:
            wait_until(lambda job=job: other.ended(job))
