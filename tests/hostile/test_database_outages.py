"""What else happens to a PostgreSQL: another takes over, it takes no writes, it has no connection or no room left,
somebody holds what is needed. Requests are told so in time, drawing goes on, and nothing that was accepted is lost.

That it is away or silent is in `test_database_away.py`, and for longer than a lease in `tests/e2e/test_several.py`.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from tests.e2e.drawing import wait_until
from tests.e2e.several import ASYNC, BODY, Node, node
from tests.hostile.small_disk import small_disk
from tests.hostile.test_database_away import assert_unavailable
from tests.postgres import Server, new_server, standby_of


def accept(at: Node) -> httpx.Response:
    """What a server answers to whoever wants a job."""
    return at.client.post("/images/generations", json=BODY, headers=ASYNC)


def why(refused: httpx.Response) -> str:
    """What an answer says is wrong."""
    return str(refused.json()["error"]["message"])


def is_drawn(at: Node, job: str) -> Callable[[], bool]:
    return lambda: at.job(job)["state"] == "running"


def has_ended(at: Node, job: str) -> Callable[[], bool]:
    """Whether that server says that it has finished; while its database is away it says nothing."""

    def ended() -> bool:
        answer = at.client.get(f"/jobs/{job}")
        return answer.is_success and bool(answer.json()["state"] == "finished")

    return ended


def tries_of(server: Server, name: str, job: str) -> str:
    return server.sql(f"SELECT tries FROM jobs WHERE id = '{job}'", name)


def name_of(url: str) -> str:
    return url.partition("@/")[2].partition("?")[0]


def test_after_a_failover_in_the_middle_of_a_drawing_it_ends_at_the_new_primary(tmp_path: Path) -> None:
    with new_server() as first:
        first.sql("CREATE DATABASE safelight")
        with standby_of(first) as second, ExitStack() as stack:
            both = f"postgresql://postgres@/safelight?host={first.folder},{second.folder}&port=5432,5432"
            one = stack.enter_context(node(tmp_path, both, "one"))
            job = one.accept(seed=7)
            wait_until(is_drawn(one, job))
            two = stack.enter_context(node(tmp_path, both, "two"))
            first.stop()  # which sends the standby what it has written; a machine that dies loses the last moments
            for each in (one, two):
                assert_unavailable(each.client.get("/jobs"))
                assert_unavailable(accept(each))
            second.sql("SELECT pg_promote()")
            one.hold.unlink()
            wait_until(has_ended(two, job))
            assert tries_of(second, "safelight", job) == "1"
            assert two.image(job) == one.image(job)
            later = two.accept(seed=8)
            two.hold.unlink()
            wait_until(has_ended(one, later))


def test_one_that_takes_no_writes_for_a_while_is_said_and_what_was_drawn_is_kept(tmp_path: Path) -> None:
    with new_server() as server:
        url = server.database()
        with node(tmp_path, url, "one") as one:
            job = one.accept(seed=7)
            wait_until(is_drawn(one, job))
            server.sql("ALTER SYSTEM SET default_transaction_read_only = on")
            server.sql("SELECT pg_reload_conf()")
            wait_until(lambda: not accept(one).is_success)
            refused = accept(one)
            assert_unavailable(refused)
            assert "it takes no writes just now. Is it a read-only replica" in why(refused)
            one.hold.unlink()
            assert one.draw(7).status_code == 200
            server.sql("ALTER SYSTEM RESET default_transaction_read_only")
            server.sql("SELECT pg_reload_conf()")
            wait_until(has_ended(one, job))
            assert tries_of(server, name_of(url), job) == "1"


def test_one_that_has_no_connection_left_is_said_and_comes_back_by_itself(tmp_path: Path) -> None:
    with new_server(max_connections="20", superuser_reserved_connections="0", max_wal_senders="0") as server:
        url = server.database()
        with node(tmp_path, url, "one") as one:
            with Others(url) as others:
                others.take_all()
                # Those that it had were taken from it, and the first question to each is what says so.
                wait_until(lambda: "it has no connection left for us. Its `max_connections`" in why(accept(one)))
                assert_unavailable(accept(one))
                assert_unavailable(one.client.get("/jobs"))
                one.hold.unlink()
                assert one.draw(7).status_code == 200
            wait_until(lambda: accept(one).status_code == 202)


class Others:
    """Somebody else's connections to a database."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._loop = asyncio.new_event_loop()
        self._held: list[Any] = []

    def __enter__(self) -> Others:
        self._loop.run_until_complete(self._connect())
        return self

    def __exit__(self, *why: object) -> None:
        for each in self._held:
            self._loop.run_until_complete(each.close())
        self._loop.close()

    def lock(self, table: str) -> None:
        """Hold it in a transaction that goes on."""
        self._loop.run_until_complete(self._held[0].execute(f"BEGIN; LOCK TABLE {table}"))

    def take_all(self) -> None:
        """Take every connection of the server, those of servers of ours too."""
        wait_until(lambda: self._loop.run_until_complete(self._take()))

    async def _connect(self) -> None:
        self._held.append(await asyncpg.connect(self._url))

    async def _take(self) -> bool:
        """Take all that are free; whether ours have none."""
        try:
            while True:
                await self._connect()
        except asyncpg.TooManyConnectionsError:
            ours = "FROM pg_stat_activity WHERE application_name = 'safelight'"
            return not await self._held[0].fetch(f"SELECT pg_terminate_backend(pid) {ours}")


def test_what_somebody_holds_is_waited_for_no_longer_than_an_answer_may_take(tmp_path: Path) -> None:
    """As many ask as a process has connections, and as many again: these do not even get one."""
    with new_server() as server, ThreadPoolExecutor(24) as callers:
        url = server.database()
        with node(tmp_path, url, "one") as one:
            with Others(url) as others:
                others.lock("jobs")
                answers = list(callers.map(lambda _: accept(one), range(24)))
                for refused in answers:
                    assert_unavailable(refused)
                said = " ".join(map(why, answers))
                assert "it does not answer." in said
                assert "all connections of this process are busy." in said
                one.hold.unlink()
                assert one.draw(7).status_code == 200
            wait_until(lambda: accept(one).status_code == 202)


def test_a_disk_that_fills_up_under_a_whole_server_loses_nothing(tmp_path: Path) -> None:
    """PostgreSQL says so as long as it can, and gives up once it cannot write its log: then it is away."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="safelight-disk-")))
        os.chmod(place, 0o711)  # pytest's folders are for root alone, and PostgreSQL does not run as root
        disk = stack.enter_context(small_disk(place / "disk", 192))
        server = stack.enter_context(new_server(disk=disk.folder))
        url = server.database()
        with node(tmp_path, url, "one") as one:
            job = one.accept(seed=7)
            wait_until(is_drawn(one, job))
            disk.fill()
            wait_until(lambda: not accept(one).is_success)
            refused = accept(one)
            assert refused.status_code in (500, 503)
            assert set(refused.json()["error"]) == {"message", "type", "param", "code"}
            one.hold.unlink()
            assert one.draw(7).status_code == 200
            disk.empty()
            server.restart()
            wait_until(has_ended(one, job))
            assert tries_of(server, name_of(url), job) == "1"
            assert one.image(job)
