"""Steps and previews of what other processes draw, for those who watch here; and of what is drawn here, for theirs.

They are not written to the store: a step of a fast model takes 20 ms. Each process asks each other one for them, by one
stream, while somebody watches, and that one makes previews for as long.
"""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

import asyncio
import contextlib
import hmac
from collections.abc import AsyncGenerator, Sequence

import structlog
from msgspec.structs import replace

from safelight.contract.records.jobs import Course, JobRecord, JobUpdate, Origin, Progress, Wanted
from safelight.protocol.peers.steps import Interest, StepNews
from safelight.service.jobs.processes.peers import Peers
from safelight.service.jobs.running.runner import JobRunner
from safelight.service.ports.processes.feed import JobFeed, Watcher
from safelight.service.ports.processes.news import ProcessState
from safelight.service.ports.processes.steps import PeerSteps

# Who begins or ceases to watch is gathered for so long: a page that is opened brings several watchers at once.
_GATHER_SECONDS = 0.02
# New processes are known when leases are renewed; one that broke off is asked again after this.
_AGAIN_SECONDS = 1.0
_SILENCE_SECONDS = 5.0
_MOST_KEPT = 1000

log = structlog.get_logger(__name__)


class StepsForPeers:
    """What this process tells of its own pictures. `secret` is that of all processes of a store; empty: nobody asks."""

    def __init__(self, feed: JobFeed, runner: JobRunner, holder: str) -> None:
        self._feed = feed
        self._runner = runner
        self._holder = holder
        self.secret = ""

    def admits(self, secret: str) -> bool:
        """Whether whoever sent that is a process of ours."""
        return bool(self.secret) and hmac.compare_digest(secret.encode(), self.secret.encode())

    async def told(self, interests: Sequence[Interest]) -> AsyncGenerator[StepNews | None, None]:
        """Steps of those jobs that are drawn here, from now on; None where nothing came for a while."""
        newest: asyncio.Queue[JobUpdate | None] = asyncio.Queue(1)  # a slow reader is told the newest of each job
        async with contextlib.AsyncExitStack() as stack:
            for interest in interests:
                watcher = stack.enter_context(
                    self._feed.watch(interest.owner, interest.job_id, previews=True, for_peer=True)
                )
                task = asyncio.create_task(_pass_on(watcher, newest), name="steps-for-peer")
                stack.callback(task.cancel)
            for job, progress, preview in self._runner.running.under_way():
                if any(_concerns(interest, job) for interest in interests):
                    yield _news(job, progress, preview)
            while True:
                try:
                    async with asyncio.timeout(_SILENCE_SECONDS):
                        update = await newest.get()
                except TimeoutError:
                    yield None
                    continue
                if update is None:
                    return
                if update.job.course.holder == self._holder:
                    yield _news(
                        update.job, update.progress or self._runner.running.progress(update.job.id), update.preview
                    )


async def _pass_on(watcher: Watcher, to: asyncio.Queue[JobUpdate | None]) -> None:
    while (update := await watcher.next()) is not None:
        if update.kind in ("progress", "preview"):
            await to.put(update)
    await to.put(None)


def _concerns(interest: Interest, job: JobRecord) -> bool:
    if interest.owner != job.origin.owner:
        return False
    return interest.job_id == job.id if interest.job_id is not None else job.origin.listed


def _news(job: JobRecord, progress: Progress | None, preview: bytes) -> StepNews:
    return StepNews(job.id, job.origin.owner, job.origin.listed, progress or Progress(0, None, None), preview)


class StepsElsewhere:
    """What others tell of theirs: passed on to watchers here, and the newest kept for those who come."""

    def __init__(self, feed: JobFeed, peers: Peers, asking: PeerSteps) -> None:
        self._feed = feed
        self._peers = peers
        self._asking = asking
        self._streams: dict[str, asyncio.Task[None]] = {}
        self._asked: tuple[Interest, ...] = ()
        self._changed = asyncio.Event()
        self._newest: dict[str, StepNews] = {}
        feed.on_look(self._changed.set)

    def progress(self, job_id: str) -> Progress | None:
        """How far a job is that is drawn elsewhere, as far as somebody watched it."""
        news = self._newest.get(job_id)
        return news.progress if news is not None else None

    def preview(self, job_id: str) -> bytes:
        """The last preview that was told of a job that is drawn elsewhere."""
        news = self._newest.get(job_id)
        return news.preview if news is not None else b""

    async def go_on(self) -> None:
        """Ask whoever draws while somebody watches, until cancelled."""
        try:
            while True:
                self._ask()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_AGAIN_SECONDS):
                        await self._changed.wait()
                    await asyncio.sleep(_GATHER_SECONDS)
                self._changed.clear()
        finally:
            self._end(list(self._streams))

    def _ask(self) -> None:
        interests = tuple(sorted({Interest(owner, job_id) for owner, job_id in self._feed.lookers}, key=repr))
        others = {other.name: other for other in self._peers.others if other.address} if interests else {}
        if interests != self._asked:
            self._end(list(self._streams))
            self._asked = interests
        self._end([name for name in self._streams if name not in others or self._streams[name].done()])
        for name in others.keys() - self._streams.keys():
            stream = asyncio.create_task(self._follow(others[name], interests), name=f"steps-of-{name}")
            self._streams[name] = stream
        if not interests:
            self._newest.clear()

    def _end(self, names: Sequence[str]) -> None:
        for name in names:
            self._streams.pop(name).cancel()

    async def _follow(self, other: ProcessState, interests: Sequence[Interest]) -> None:
        try:
            async for news in self._asking.told(other.address, interests):
                self._take(news)
        except OSError as error:
            log.warning("steps_not_told", process=other.name, address=other.address, reason=str(error))

    def _take(self, news: StepNews) -> None:
        before = self._newest.pop(news.job_id, None)
        if before is not None and not news.preview:
            news = replace(news, preview=before.preview)
        elif news.preview:
            self._feed.publish(JobUpdate(kind="preview", job=_job(news), preview=news.preview))
        self._newest[news.job_id] = news
        if len(self._newest) > _MOST_KEPT:
            del self._newest[next(iter(self._newest))]
        if before is None or before.progress != news.progress:
            self._feed.publish(JobUpdate(kind="progress", job=_job(news), progress=news.progress))


def _job(news: StepNews) -> JobRecord:
    """Of a job that takes a step no more is told than its id."""
    origin = Origin(owner=news.owner, request_id="", created=0.0, listed=news.listed)
    nothing = Wanted(model="", drawn_by="", request={}, seed=0, width=0, height=0, output_format="png")
    return JobRecord(id=news.job_id, origin=origin, wanted=nothing, course=Course(state="running"))
