"""What durable jobs and sign-in need from outside: where rows, files and sessions are kept."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from typing import Protocol

import msgspec

from safelight.contract.jobs import JobError, JobRecord, JobState, KeptImage


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which of an owner's listed jobs are meant; None does not restrict.

    `text`: every word is in the prompt, the last may be unfinished. `since` and `until` are Unix seconds, inclusive.
    `before` is the number that a page begins under (keyset paging).
    """

    owner: str
    states: tuple[JobState, ...] | None = None
    model: str | None = None
    text: str | None = None
    since: float | None = None
    until: float | None = None
    starred: bool | None = None
    before: int | None = None


class IdempotencyMark(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's `Idempotency-Key` and the SHA-256 of what was sent with it; `since` is how far back one counts."""

    key: str
    digest: bytes
    since: float


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How and when (Unix seconds) a job ended."""

    state: JobState
    when: float
    error: JobError | None = None
    image: KeptImage | None = None


class JobStore(Protocol):
    """Where jobs are kept. Every change is on disk when a call returns (power may fail right after)."""

    async def add(self, job: JobRecord, mark: IdempotencyMark | None = None) -> JobRecord | None:
        """Keep a new job; returns it, its number raised if that was taken.

        With a mark whose key this owner has used since `mark.since`, nothing is added, and what comes back is the job
        that came of it, or None if that was asked for by another body.
        """

    async def get(self, owner: str, job_id: str) -> JobRecord | None:
        """That job, if it is this owner's."""

    async def page(self, wanted: JobFilter, limit: int) -> Sequence[JobRecord]:
        """At most `limit` jobs, newest first."""

    async def count(self, wanted: JobFilter) -> int:
        """How many there are."""

    async def ended_since(self, owner: str, when: float, limit: int) -> Sequence[JobRecord]:
        """Listed jobs of that owner that ended after `when`, in the order in which they ended."""

    async def requeue(self, but: Collection[str]) -> Sequence[JobRecord]:
        """Put what was running back into the queue; everybody's queued jobs, oldest first. Leaves out those ids."""

    async def start(self, job_id: str, when: float) -> JobRecord | None:
        """It is being drawn. None if it has ended meanwhile or is gone. The first start's time is kept."""

    async def end(self, job_id: str, ending: Ending) -> JobRecord | None:
        """End a queued or running job. None if it had ended before or is gone: nobody ends a job twice."""

    async def star(self, owner: str, job_id: str, starred: bool) -> JobRecord | None:
        """Set or take away the star."""

    async def delete(self, owner: str, job_id: str) -> JobRecord | None:
        """Take an ended job out, and return it. None if there is none, or it has not ended."""

    async def expired(self, listed_before: float, unlisted_before: float, limit: int) -> Sequence[JobRecord]:
        """Ended jobs without a star that ended before their time."""

    async def over_budget(self, budget_bytes: int) -> Sequence[JobRecord]:
        """The oldest finished jobs without a star that must go for all files to fit into the budget."""

    async def with_files(self, job_ids: Collection[str]) -> set[str]:
        """Which of these have a picture, or may yet."""


class FileStore(Protocol):
    """Where pictures are kept. A file is there whole or not at all, and durable when `put` returns."""

    async def put(self, name: str, data: bytes) -> None:
        """Write a file, over one that was there."""

    async def get(self, name: str) -> bytes | None:
        """A whole file; None where there is none."""

    async def delete(self, name: str) -> None:
        """Remove a file; nothing happens where there is none."""

    def names(self, before: float) -> AsyncIterator[Sequence[str]]:
        """The names of all files last written before that (Unix seconds), in batches."""


class SessionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A signed-in browser: whose key it stands for. `proof` changes when that key is replaced. Unix seconds."""

    key_id: str
    proof: str
    created: float
    expires: float


class SessionStore(Protocol):
    """Where sessions are kept, under the SHA-256 of what the cookie holds."""

    async def add(self, digest: bytes, session: SessionRecord) -> None:
        """Keep a session; expired ones go."""

    async def get(self, digest: bytes) -> SessionRecord | None:
        """That session, expired or not."""

    async def delete(self, digest: bytes) -> None:
        """End it."""
