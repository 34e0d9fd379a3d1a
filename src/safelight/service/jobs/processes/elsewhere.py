"""What other processes do to the jobs of a store that several draw from: heard of, and looked for.

Each process has the whole line, and draws in its order what it can claim. So a key's turn is spent wherever it is
served, and a job that was accepted anywhere is drawn by whoever has a place first.
"""

# Tested in tests/service/test_elsewhere.py.

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Mapping, Sequence

import structlog

from safelight.contract.errors import SafelightError
from safelight.contract.records.jobs import JobRecord, JobUpdate, Origin, Progress, Wanted
from safelight.service.jobs.running.runner import JobRunner
from safelight.service.ports.processes.feed import JobFeed
from safelight.service.ports.processes.news import JobNews, RowChange
from safelight.service.ports.stores.jobs import JobStore, Standing

# What was not heard of is found by looking: within 5 s, with what a look takes.
LOOK_SECONDS = 4.0

log = structlog.get_logger(__name__)


class Elsewhere:
    """Keeps the line, what is drawn here and what watchers know in step with the store. `holder` is this process, and
    `progress_of` says how far others are, where that is known."""

    def __init__(
        self,
        *,
        store: JobStore,
        runner: JobRunner,
        feed: JobFeed,
        holder: str,
        progress_of: Callable[[str], Progress | None] = lambda _: None,
    ) -> None:
        self._progress_of = progress_of
        self._store = store
        self._runner = runner
        self._feed = feed
        self._holder = holder
        self._seen: dict[str, Standing] = {}
        self._last_ending: int | None = None
        self._must_look = asyncio.Event()

    async def follow(self, news: JobNews) -> None:
        """Listen and look, until cancelled."""
        await asyncio.gather(self._listen(news), self._look_forever())

    async def _listen(self, news: JobNews) -> None:
        async for changes in news.changes():
            if not changes:
                self._must_look.set()
                continue
            try:
                await self.take(changes)
            except SafelightError as error:  # the next look finds it
                log.warning("news_not_read", changes=len(changes), reason=str(error))

    async def _look_forever(self) -> None:
        while True:
            try:
                await self.look()
            except SafelightError as error:
                log.warning("jobs_not_looked_at", reason=str(error))
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._must_look.wait()
            except TimeoutError:
                continue
            self._must_look.clear()

    async def take(self, changes: Sequence[RowChange]) -> None:
        """Others changed these rows."""
        watched = set(self._feed.owners)
        for change in changes:
            if change.kind == "ended" or change.kind == "gone":
                self._runner.drop(change.job_id)
            elif change.kind == "drawn":
                self._runner.taken(change.job_id)
            if change.kind == "gone" and change.owner in watched:
                self._feed.publish(JobUpdate(kind="deleted", job=_gone(change)))
        needed = [each.job_id for each in changes if each.kind == "waits" or each.owner in watched]
        ended = {each.job_id for each in changes if each.kind == "ended"}
        await self._learn(await self._store.these(needed) if needed else [], ended)

    async def look(self) -> None:
        """Compare what is known here with the store."""
        last = await self._store.last_ending()
        now = {each.job_id: each for each in await self._store.unfinished()}
        self._forget_those_that_left(now)
        watched = set(self._feed.owners)
        known = set(self._runner.ids)
        waiting = [each.job_id for each in now.values() if _waits(each) and each.job_id not in known]
        changed = [
            each.job_id
            for each in now.values()  # what is drawn here has told of itself
            if each.owner in watched and each.holder != self._holder and self._seen.get(each.job_id) != each
        ]
        await self._learn(await self._store.these({*waiting, *changed}) if waiting or changed else [], now)
        if watched and self._last_ending is not None and last > self._last_ending:
            for job in await self._store.ended_since(watched, self._last_ending):
                self._feed.publish(JobUpdate(kind="end", job=job))
        self._seen, self._last_ending = now, last

    def _forget_those_that_left(self, now: Mapping[str, Standing]) -> None:
        for job_id in self._runner.waiting_ids:
            there = now.get(job_id)
            if there is not None and there.state == "running":
                self._runner.taken(job_id)
            elif there is None and job_id in self._seen:  # what was accepted after we asked was never seen
                self._runner.drop(job_id)

    async def _learn(self, jobs: Sequence[JobRecord], ending: Container[str]) -> None:
        """Jobs as they are now in the store, whatever was heard of them.

        Of one that has ended, and is not among those `ending` just now, something else has changed: a star. Streams
        tell each ending once, so that is told as a change, as by the process that changed it.
        """
        await self._runner.resume([job for job in jobs if job.course.state == "queued" and job.course.holder is None])
        for job in jobs:
            course = job.course
            self._seen[job.id] = Standing(
                job_id=job.id, owner=job.origin.owner, state=course.state, holder=course.holder
            )
            if job.has_ended and job.id in ending:
                self._feed.publish(JobUpdate(kind="end", job=job))
            else:
                begun = self._runner.running.progress(job.id) or self._progress_of(job.id) or Progress(0, None, None)
                progress = begun if job.course.state == "running" else None
                self._feed.publish(JobUpdate(kind="job", job=job, progress=progress))


def _waits(standing: Standing) -> bool:
    return standing.state == "queued" and standing.holder is None


def _gone(change: RowChange) -> JobRecord:
    """Of a job that is gone no more is told than its id."""
    origin = Origin(owner=change.owner, request_id="", created=0.0, listed=change.listed)
    nothing = Wanted(model="", drawn_by="", request={}, seed=0, width=0, height=0, output_format="png")
    return JobRecord(id=change.job_id, origin=origin, wanted=nothing)
