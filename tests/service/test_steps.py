"""What processes tell each other of steps, where one of them is silent, stops, cannot be reached or tells too much."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from safelight.adapters.in_process.feed import LocalFeed
from safelight.adapters.peers import HttpPeers
from safelight.contract.records.jobs import JobUpdate, Progress
from safelight.protocol.peers.steps import Interest, StepNews
from safelight.service.jobs.processes import steps
from safelight.service.jobs.processes.peers import Peers
from safelight.service.jobs.processes.steps import StepsElsewhere, StepsForPeers
from safelight.service.ports.processes.news import ProcessState
from safelight.service.ports.processes.steps import PeerSteps
from tests.api.conftest import Serve, serve, until
from tests.contracts.jobs import job

__all__ = ["serve"]


def of(number: int, step: int = 1) -> StepNews:
    return StepNews(f"job_{number}", "key-a", True, Progress(step, 4, 0.5), b"a preview")


class Telling:
    """Another process, which tells this and then ends."""

    def __init__(self, *news: StepNews) -> None:
        self._news = news

    async def told(self, address: str, interests: Sequence[Interest]) -> AsyncIterator[StepNews]:
        for each in self._news:
            yield each


@asynccontextmanager
async def asking(feed: LocalFeed, other: PeerSteps, address: str) -> AsyncIterator[StepsElsewhere]:
    """Somebody looks here at what the only other process draws."""
    peers = Peers(None, name="here", workers=lambda: 1, seconds=lambda: 0.0)
    peers.others = [ProcessState(name="there", address=address, workers=1, seconds=0.0)]
    elsewhere = StepsElsewhere(feed, peers, other)
    with feed.watch("key-a", previews=True):
        going_on = asyncio.create_task(elsewhere.go_on())
        yield elsewhere
        going_on.cancel()
        await asyncio.gather(going_on, return_exceptions=True)


async def test_a_process_that_cannot_be_reached_is_named_in_the_log() -> None:
    with capture_logs() as logs:
        async with asking(LocalFeed(), HttpPeers(lambda: "the secret"), "http://127.0.0.1:1"):
            await until(lambda: logs)
    assert (logs[0]["event"], logs[0]["process"]) == ("steps_not_told", "there")


async def test_of_more_jobs_than_are_kept_the_newest_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_MOST_KEPT", 2)
    async with asking(LocalFeed(), Telling(of(1), of(2), of(3)), "http://there") as elsewhere:
        await until(lambda: elsewhere.progress("job_3"))
        assert elsewhere.progress("job_1") is None
        assert elsewhere.preview("job_2") == b"a preview"


@pytest.mark.parametrize("turns", range(12))
async def test_who_goes_on_until_cancelled_ends_whenever_that_comes(turns: int) -> None:
    """Python 3.11's `asyncio.wait_for` loses a cancellation that comes as what it waits for is done."""
    feed, peers = LocalFeed(), Peers(None, name="here", workers=lambda: 1, seconds=lambda: 0.0)
    elsewhere = StepsElsewhere(feed, peers, Telling())
    with feed.watch("key-a", previews=True):  # there is something to look at, so it does not wait
        going_on = asyncio.create_task(elsewhere.go_on())
        for _ in range(turns):
            await asyncio.sleep(0)
        going_on.cancel()
        await asyncio.wait([going_on], timeout=60)
    assert going_on.cancelled()


async def test_who_asks_is_told_of_jobs_drawn_here_alone_and_that_it_lives_until_it_stops(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    feed, runner = LocalFeed(), (await serve()).services.jobs.runner
    telling = StepsForPeers(feed, runner, "here").told([Interest("key-a")])
    first = asyncio.ensure_future(anext(telling))
    await until(lambda: not feed.idle)
    for number, holder in ((1, "there"), (2, "here")):
        drawn = job(number, state="running", holder=holder)
        feed.publish(JobUpdate(kind="job", job=drawn))
        feed.publish(JobUpdate(kind="progress", job=drawn, progress=Progress(1, 4, 0.5)))
    assert await first == StepNews("job_2", "key-a", True, Progress(1, 4, 0.5))
    monkeypatch.setattr(steps, "_SILENCE_SECONDS", 0.01)
    assert await anext(telling) is None
    monkeypatch.setattr(steps, "_SILENCE_SECONDS", 60.0)
    feed.close()
    assert [news async for news in telling] == []
