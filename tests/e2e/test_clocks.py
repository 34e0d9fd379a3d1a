"""Servers whose machines' clocks are two minutes off, one ahead and one behind: what they share goes by the database's.

The clocks are libfaketime's, in the servers' own processes.
"""

from __future__ import annotations

import glob
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.clients.process import KEY
from tests.e2e.drawing import wait_until
from tests.e2e.several import Node, node
from tests.postgres import Server

_OFF_SECONDS = 120
_A_MINUTE = 40
_DAY_SECONDS = 86_400.0
_FAKED = "/usr/lib/*/faketime/libfaketimeMT.so.1"
_JSON = {"content-type": "application/json"}


@dataclass(frozen=True)
class Apart:
    """Two servers on one database, and a look into that."""

    ahead: Node
    behind: Node
    sql: Callable[[str], str]


@pytest.fixture
def apart(tmp_path: Path, postgres: Server, with_postgres: Callable[[], str]) -> Iterator[Apart]:
    if not (found := glob.glob(_FAKED)):
        pytest.skip("libfaketime is not installed: `apt-get install faketime`")
    url = with_postgres()
    name = url.partition("@/")[2].partition("?")[0]
    with ExitStack() as stack:

        def start(named: str, off: int) -> Node:
            faked = f"export LD_PRELOAD={found[0]} FAKETIME={off:+} FAKETIME_DONT_FAKE_MONOTONIC=1"
            settings = {"limits": faked, "rate_limit_per_minute": str(_A_MINUTE)}
            started = stack.enter_context(node(tmp_path, url, named, 0, **settings))
            started.hold.unlink()
            return started

        ahead, behind = start("ahead", _OFF_SECONDS), start("behind", -_OFF_SECONDS)
        yield Apart(ahead, behind, lambda statement: postgres.sql(statement, name))


def test_whatever_their_clocks_say_servers_of_a_database_agree_on_order_and_age(apart: Apart) -> None:
    ahead, behind = apart.ahead, apart.behind
    is_off(ahead, _OFF_SECONDS)
    is_off(behind, -_OFF_SECONDS)
    jobs_are_in_their_order(ahead, behind)
    sessions_and_links_end_in_their_time(apart)
    a_day_of_an_idempotency_key_is_a_day(apart)
    a_minute_of_requests_is_counted_together(ahead, behind)


def is_off(at: Node, seconds: float) -> None:
    """Its clock is in fact that wrong: what it says of a picture that it keeps nowhere."""
    said = at.draw(seed=1).json()["created"]
    assert said - time.time() == pytest.approx(seconds, abs=_OFF_SECONDS / 2)


def jobs_are_in_their_order(ahead: Node, behind: Node) -> None:
    accepted = [(ahead, behind)[number % 2].accept(seed=number + 1) for number in range(6)]
    for job in accepted:
        wait_until(lambda job=job: behind.job(job)["state"] == "finished")
    for each in (ahead, behind):
        listed = each.client.get("/jobs").json()["data"]
        assert [job["id"] for job in reversed(listed)] == accepted
        times = [job["created"] for job in reversed(listed)]
        assert times == sorted(times)
        for job in listed:
            assert job["created"] <= job["started"] <= job["ended"]
            assert abs(job["ended"] - time.time()) < _OFF_SECONDS / 2


def sessions_and_links_end_in_their_time(apart: Apart) -> None:
    def signed_in(at: Node, **by: str) -> httpx.Response:
        return httpx.post(f"{at.served.url}/studio/session", json=by, timeout=60)

    for opened, other in ((apart.ahead, apart.behind), (apart.behind, apart.ahead)):
        cookies = signed_in(opened, key=KEY).cookies

        def is_there(other: Node = other, cookies: httpx.Cookies = cookies) -> bool:
            with httpx.Client(cookies=cookies, timeout=60) as browser:
                return "key_id" in browser.get(f"{other.served.url}/studio/session").json()

        expires = float(apart.sql("SELECT max(expires) FROM sessions"))
        assert expires - time.time() == pytest.approx(30 * _DAY_SECONDS, abs=_OFF_SECONDS / 2)
        apart.sql(f"UPDATE sessions SET expires = {time.time() + _OFF_SECONDS / 2}")
        assert is_there()
        apart.sql(f"UPDATE sessions SET expires = {time.time() - _OFF_SECONDS / 2}")
        assert not is_there()
    for at in (apart.ahead, apart.behind):
        for left, status in ((_OFF_SECONDS / 2, 200), (-_OFF_SECONDS / 2, 401)):
            token = at.served.link().rpartition("token=")[2]
            apart.sql(f"UPDATE links SET expires = {time.time() + left}")
            assert signed_in(at, token=token).status_code == status


def a_day_of_an_idempotency_key_is_a_day(apart: Apart) -> None:
    for at, other in ((apart.ahead, apart.behind), (apart.behind, apart.ahead)):
        key = f"key-{at.served.url}"
        first = accept_once(at, key)
        for age, is_same in ((_DAY_SECONDS - _OFF_SECONDS / 2, True), (_DAY_SECONDS + _OFF_SECONDS / 2, False)):
            apart.sql(f"UPDATE idempotency SET created = {time.time() - age}")
            assert (accept_once(other, key) == first) is is_same


def accept_once(at: Node, key: str) -> str:
    body = {"model": "stable-image-ultra", "prompt": "a boat", "seed": 5}
    headers = {"prefer": "respond-async", "idempotency-key": key}
    # Where the machine stands still for some seconds, the database has not answered in time: that is what 503 says.
    while (answer := at.client.post("/images/generations", json=body, headers=headers)).status_code == 503:
        pass
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def a_minute_of_requests_is_counted_together(ahead: Node, behind: Node) -> None:
    """Both let in what one may, and what comes free meanwhile: on a busy machine asking takes a while."""
    begun, let_in = time.monotonic(), 0
    while (answer := (ahead, behind)[let_in % 2].draw(seed=1)).status_code == 200:
        let_in += 1
    assert let_in <= _A_MINUTE + 1 + (time.monotonic() - begun) * _A_MINUTE / 60
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["retry-after"]) <= 60
