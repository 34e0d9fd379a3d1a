"""Where durable jobs are kept, and what was noted about them."""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal, Protocol, Self

import msgspec

from safelight.contract.records.jobs import JobError, JobRecord, JobState, KeptImage

Shape = Literal["landscape", "portrait", "square"]
SHAPES: tuple[Shape, ...] = ("landscape", "portrait", "square")

LEASE_SECONDS = 12.0
"""How long a claim lasts that is not renewed."""


class JobFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which of an owner's jobs are meant; None does not restrict. `listed` false: those that no list shows.

    `text`: every word is in the prompt, the last may be unfinished. `since` and `until` are Unix seconds, inclusive.
    `before` is the number that a page begins under (keyset paging).
    """

    owner: str
    listed: bool = True
    states: tuple[JobState, ...] | None = None
    model: str | None = None
    text: str | None = None
    since: float | None = None
    until: float | None = None
    starred: bool | None = None
    shape: Shape | None = None
    before: int | None = None


class IdempotencyMark(msgspec.Struct, frozen=True, kw_only=True):
    """A caller's `Idempotency-Key` and the SHA-256 of what was sent with it; `since` is how far back one counts."""

    key: str
    digest: bytes
    since: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How an unfinished job stands. `holder` is who draws it or has it reserved."""

    job_id: str
    owner: str
    state: JobState
    holder: str | None


class Hold(msgspec.Struct, frozen=True):
    """A claim: who draws a job, and the number of the try. `tries` 0: it is reserved for that holder, and not begun."""

    job_id: str
    holder: str
    tries: int

    @classmethod
    def of(cls, job: JobRecord) -> Self | None:
        """The claim on a job; None where nobody has one."""
        return None if job.course.holder is None else cls(job.id, job.course.holder, job.course.tries)


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How and when (Unix seconds) a job ended."""

    state: JobState
    when: float
    error: JobError | None = None
    image: KeptImage | None = None


class Held(msgspec.Struct, frozen=True):
    """What an owner holds: jobs, ended ones without a picture among them, and the bytes of rows and pictures."""

    owner: str
    rows: int
    without_picture: int
    bytes: int


class JobStore(Protocol):
    """Where jobs are kept. Every change is on disk when a call returns (power may fail right after).

    Several processes may draw from one store. Each has a name of its own as `holder`, and what it claims is its own for
    `LEASE_SECONDS`, by the clock of the store alone, or until it is renewed. Whoever lost a claim changes nothing.
    """

    async def add(self, job: JobRecord, mark: IdempotencyMark | None = None) -> JobRecord | None:
        """Keep a new job; returns it with its number, which is above every earlier one. One with a `holder` is reserved
        for that process as if it were claimed.

        With a mark whose key this owner has used since `mark.since`, nothing is added, and what comes back is the job
        that came of it, or None if that was asked for by another body.
        """

    async def marked(self, owner: str, mark: IdempotencyMark) -> tuple[JobRecord, bool] | None:
        """The job that came of that key of an owner's, and whether the same body asked for it; None: there is none.

        Writes nothing: a full disk does not hold it up.
        """

    async def get(self, owner: str, job_id: str) -> JobRecord | None:
        """That job, if it is this owner's."""

    async def page(self, wanted: JobFilter, limit: int) -> Sequence[JobRecord]:
        """At most `limit` jobs, newest first."""

    async def count(self, wanted: JobFilter) -> int:
        """How many there are."""

    async def ended_after(self, owner: str, end_number: int, limit: int) -> Sequence[JobRecord]:
        """Listed jobs of that owner that ended after that ending, in the order in which they ended."""

    async def last_ending(self) -> int:
        """The number of the ending that came last, of any owner's job; it never goes back. 0 where none has ended."""

    async def these(self, job_ids: Collection[str]) -> Sequence[JobRecord]:
        """Those of these jobs that are there, whoever owns them."""

    async def unfinished(self) -> Sequence[Standing]:
        """How everybody's queued and running jobs stand, oldest first."""

    async def ended_since(self, owners: Collection[str], end_number: int) -> Sequence[JobRecord]:
        """Jobs of these owners that ended after that ending, listed or not, in the order in which they ended."""

    async def waiting(self, but: Collection[str]) -> Sequence[JobRecord]:
        """Everybody's jobs that wait for whoever comes, oldest first. Leaves out those ids."""

    async def claim(self, job_ids: Sequence[str], most: int, when: float, holder: str) -> Sequence[JobRecord]:
        """The first `most` of these jobs that still wait, in the order that is given: they are drawn from now on, by
        that holder and by nobody else, whichever process asks at the same time. What is reserved for another is passed
        over. The first start's time is kept, and `attempts` and `tries` count on."""

    async def begun(self, hold: Hold, fingerprint: str) -> bool:
        """A model of that fingerprint has begun to draw the job; whether that claim holds still. Whoever claims it next
        is told so (`Course.began_with`)."""

    async def renew(self, holder: str) -> Collection[Hold]:
        """Prolong every claim of that holder's; those that it has still, also if one had run out and nobody took it."""

    async def take_back(
        self, holder: str, *, others_are_gone: bool = False, keep_from: int | None = None
    ) -> Sequence[JobRecord]:
        """Have the jobs wait again of which another's claim has run out; with `others_are_gone` all that another than
        this holder had. What was begun `keep_from` times or more is reserved for this holder. Returns them as they are
        now, oldest first."""

    async def put_back(self, hold: Hold) -> JobRecord | None:
        """A job was cut short by an orderly stop: it waits again, and was not begun in vain. None if that claim does
        not hold any more."""

    async def end(self, job_id: str, ending: Ending, hold: Hold | None = None) -> JobRecord | None:
        """End a queued or running job, whoever draws it; with a `hold` only while that claim holds. None if it had
        ended before, is gone or another's: nobody ends a job twice."""

    async def star(self, owner: str, job_id: str, starred: bool) -> JobRecord | None:
        """Set or take away the star."""

    async def delete(self, owner: str, job_id: str) -> JobRecord | None:
        """Take an ended job out, and return it. None if there is none, or it has not ended."""

    async def expired(self, listed_before: float, unlisted_before: float, limit: int) -> Sequence[JobRecord]:
        """Ended jobs without a star that ended before their time."""

    async def held(self) -> Sequence[Held]:
        """What each owner holds."""

    async def oldest(self, owner: str, limit: int, *, without_picture: bool = False) -> Sequence[JobRecord]:
        """An owner's ended jobs without a star, those that ended first first; or only those without a picture."""

    async def forget(self, job_ids: Collection[str]) -> Sequence[JobRecord]:
        """Take out those of these jobs that have ended and have no star, and return them."""

    async def newest(self) -> float:
        """When the newest job was accepted (Unix seconds); 0 where there is none."""

    async def known(self, job_ids: Collection[str]) -> Mapping[str, JobRecord]:
        """Those of these jobs that there are, whoever's, by id."""


class Notes(Protocol):
    """A few texts that the database remembers by name. On disk when a call returns."""

    async def get(self, name: str) -> str | None:
        """The text of that name."""

    async def put(self, name: str, text: str) -> None:
        """Keep it, over one that was there."""

    async def settle(self, name: str, text: str) -> str:
        """Keep it unless there is one, whichever process asks at the same time; the text that is there then."""


class Upkeep(Protocol):
    """What a database needs done from time to time."""

    async def tidy(self, now: float) -> None:
        """Drop what has had its time (`now` is Unix seconds), give room back to the disk, and have nothing that was
        deleted stay readable in the files.
        """
