"""The job store in SQL."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Row, Select, bindparam, delete, false, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.finishing import finishing
from safelight.adapters.sql.schema import counters, idempotency, jobs
from safelight.adapters.sql.search import containing, newest_containing, put_in, take_out
from safelight.adapters.sql.sqlite import readable_errors, writing
from safelight.contract.jobs import UNFINISHED, Course, JobError, JobRecord, KeptImage, Origin, Wanted
from safelight.contract.prompt_cut import PromptCut
from safelight.service.ports.jobs import LEASE_SECONDS, Ending, Held, Hold, IdempotencyMark, JobFilter

# SQLite brings in a partial index only for a condition that is written like the index's own, values and all.
_UNFINISHED = jobs.c.state.in_(bindparam("unfinished", UNFINISHED, expanding=True, literal_execute=True))
_NO_PICTURE = jobs.c.file.is_(None) & jobs.c.end_number.is_not(None)
_LEASE_END = DatabaseNow() + LEASE_SECONDS
_WAITS_AGAIN: dict[str, Any] = {"state": "queued", "started": None, "holder": None, "lease_until": None}
_LAST_ENDING = select(counters.c.value).where(counters.c.name == "endings")
# Counted for each row beside its texts. 100,000 rows with short prompts and all indexes took 500 bytes each; this is
# on the safe side, for their marks, the log and pages that are half full.
ROW_BYTES = 2000
_Rows = Select[*tuple[Any, ...]]


@finishing
class SqlJobStore:
    """A `JobStore` whose changes are on disk when a call returns. Errors are ConfigurationErrors.

    Writers of this process wait for each other here, in their order: SQLite would have them poll.
    """

    def __init__(self, engine: AsyncEngine, path: Path) -> None:
        self._engine = engine
        self._writing = writing(engine)
        self._path = path
        self._one_writes = asyncio.Lock()
        # Whether words of deleted prompts may still be in the full text index: an earlier process may have left some.
        self.has_deleted = True

    async def add(self, job: JobRecord, mark: IdempotencyMark | None = None) -> JobRecord | None:
        with readable_errors(self._path):
            async with self._one_writes, self._writing.begin() as connection:
                if mark is not None:
                    await connection.execute(delete(idempotency).where(idempotency.c.created < mark.since))
                    earlier = await _earlier(connection, job.origin.owner, mark)
                    if earlier is not None:
                        return _record(earlier) if earlier.digest == mark.digest else None
                newest = (await connection.execute(select(func.max(jobs.c.number)))).scalar_one()
                number = max(job.number, int(job.origin.created * 1e6), (newest or 0) + 1)
                end_number = await _next_ending(connection) if job.has_ended else None
                course = msgspec.structs.replace(job.course, end_number=end_number)
                row = _row(msgspec.structs.replace(job, number=number, course=course))
                added = (await connection.execute(insert(jobs).values(row).returning(jobs))).one()
                await put_in(connection, added)
                if mark is not None:
                    await connection.execute(insert(idempotency).values(_marked(job, mark)))
        return _record(added)

    async def marked(self, owner: str, mark: IdempotencyMark) -> tuple[JobRecord, bool] | None:
        with readable_errors(self._path):
            async with self._engine.connect() as connection:
                earlier = await _earlier(connection, owner, mark)
        return None if earlier is None else (_record(earlier), earlier.digest == mark.digest)

    async def get(self, owner: str, job_id: str) -> JobRecord | None:
        found = await self._read(select(jobs).where(jobs.c.id == job_id, jobs.c.owner == owner))
        return found[0] if found else None

    async def page(self, wanted: JobFilter, limit: int) -> Sequence[JobRecord]:
        query = _matching(select(jobs), wanted).order_by(jobs.c.number.desc())
        if wanted.text and wanted == JobFilter(owner=wanted.owner, text=wanted.text, before=wanted.before):
            all_of_them = newest_containing(wanted.text, wanted.owner, wanted.before)
            query = query if all_of_them is None else all_of_them
        return await self._read(query.limit(limit))

    async def count(self, wanted: JobFilter) -> int:
        with readable_errors(self._path):
            async with self._engine.connect() as connection:
                query = _matching(select(func.count()).select_from(jobs), wanted)
                return int((await connection.execute(query)).scalar_one())

    async def ended_after(self, owner: str, end_number: int, limit: int) -> Sequence[JobRecord]:
        mine = select(jobs).where(jobs.c.owner == owner, jobs.c.listed == true(), jobs.c.end_number > end_number)
        return await self._read(mine.order_by(jobs.c.end_number).limit(limit))

    async def last_ending(self) -> int:
        with readable_errors(self._path):
            async with self._engine.connect() as connection:
                return int((await connection.execute(_LAST_ENDING)).scalar_one())

    async def waiting(self, but: Collection[str]) -> Sequence[JobRecord]:
        free = select(jobs).where(_UNFINISHED, jobs.c.state == "queued", jobs.c.holder.is_(None))
        return await self._read(free.where(jobs.c.id.not_in(but)).order_by(jobs.c.number))

    async def claim(self, job_ids: Sequence[str], most: int, when: float, holder: str) -> Sequence[JobRecord]:
        values = {
            "state": "running",
            "started": func.coalesce(jobs.c.started, when),
            "attempts": jobs.c.attempts + 1,
            "tries": jobs.c.tries + 1,
            "holder": holder,
            "lease_until": _LEASE_END,
        }
        waits = _UNFINISHED & (jobs.c.state == "queued") & (jobs.c.holder.is_(None) | (jobs.c.holder == holder))
        claimed: list[JobRecord] = []
        with readable_errors(self._path):
            async with self._one_writes, self._writing.begin() as connection:
                for job_id in job_ids:
                    if len(claimed) == most:
                        break
                    change = update(jobs).where(jobs.c.id == job_id, waits).values(values).returning(jobs)
                    if (row := (await connection.execute(change)).one_or_none()) is not None:
                        claimed.append(_record(row))
        return claimed

    async def renew(self, holder: str) -> Collection[Hold]:
        prolonged = update(jobs).where(jobs.c.holder == holder).values(lease_until=_LEASE_END)
        with readable_errors(self._path):
            async with self._one_writes, self._writing.begin() as connection:
                rows = (await connection.execute(prolonged.returning(jobs.c.id, jobs.c.tries))).all()
        return {Hold(row.id, holder, row.tries) for row in rows}

    async def take_back(self, holder: str, *, others_are_gone: bool = False) -> Sequence[JobRecord]:
        lost = jobs.c.holder.is_not(None) & (jobs.c.holder != holder)
        if others_are_gone:  # a version without leases drew without a holder
            lost = _UNFINISHED & (lost | (jobs.c.holder.is_(None) & (jobs.c.state == "running")))
        else:
            lost = lost & (jobs.c.lease_until < DatabaseNow())
        with readable_errors(self._path):
            async with self._one_writes, self._writing.begin() as connection:
                rows = (await connection.execute(update(jobs).where(lost).values(_WAITS_AGAIN).returning(jobs))).all()
        return sorted((_record(row) for row in rows), key=lambda job: job.number)

    async def put_back(self, hold: Hold) -> JobRecord | None:
        values = _WAITS_AGAIN | {"attempts": jobs.c.attempts - 1}
        return await self._write(update(jobs).where(_held(hold), jobs.c.state == "running").values(values))

    async def end(self, job_id: str, ending: Ending, hold: Hold | None = None) -> JobRecord | None:
        values: dict[str, Any] = {"state": ending.state, "ended": ending.when, "holder": None, "lease_until": None}
        if ending.error is not None:
            values |= {"error_code": ending.error.code, "error_message": ending.error.message}
        if ending.image is not None:
            image = ending.image
            values |= _of_image(image)
            values["stored_bytes"] = jobs.c.stored_bytes + image.bytes
        it = (jobs.c.id == job_id) & _UNFINISHED
        with readable_errors(self._path):
            async with self._one_writes, self._writing.begin() as connection:
                values["end_number"] = await _next_ending(connection)
                ended = update(jobs).where(it if hold is None else it & _held(hold)).values(values).returning(jobs)
                row = (await connection.execute(ended)).one_or_none()
        return None if row is None else _record(row)

    async def star(self, owner: str, job_id: str, starred: bool) -> JobRecord | None:
        mine = (jobs.c.id == job_id) & (jobs.c.owner == owner)
        return await self._write(update(jobs).where(mine).values(starred=starred))

    async def delete(self, owner: str, job_id: str) -> JobRecord | None:
        gone = await self._delete((jobs.c.id == job_id) & (jobs.c.owner == owner))
        return gone[0] if gone else None

    async def forget(self, job_ids: Collection[str]) -> Sequence[JobRecord]:
        return await self._delete(jobs.c.id.in_(job_ids) & ~jobs.c.starred)

    async def expired(self, listed_before: float, unlisted_before: float, limit: int) -> Sequence[JobRecord]:
        # Two ranges of one index: as one condition it would be the whole table, read once a minute.
        found: list[JobRecord] = []
        for listed, before in ((True, listed_before), (False, unlisted_before)):
            too_old = (jobs.c.starred == false()) & (jobs.c.listed == listed) & (jobs.c.ended < before)
            found += await self._read(select(jobs).where(too_old).order_by(jobs.c.ended).limit(limit))
        return sorted(found, key=lambda job: job.course.ended or 0.0)[:limit]

    async def held(self) -> Sequence[Held]:
        without = func.count()
        fewer = select(jobs.c.owner, without.label("without")).where(_NO_PICTURE).group_by(jobs.c.owner)
        every = select(jobs.c.owner, func.count().label("rows"), func.sum(jobs.c.stored_bytes).label("bytes"))
        with readable_errors(self._path):
            async with self._engine.connect() as connection:
                bare = {row.owner: row.without for row in await connection.execute(fewer)}
                rows = (await connection.execute(every.group_by(jobs.c.owner))).all()
        return [Held(row.owner, row.rows, bare.get(row.owner, 0), row.bytes) for row in rows]

    async def oldest(self, owner: str, limit: int, *, without_picture: bool = False) -> Sequence[JobRecord]:
        mine = (jobs.c.owner == owner) & (jobs.c.starred == false()) & jobs.c.end_number.is_not(None)
        query = select(jobs).where(mine & _NO_PICTURE if without_picture else mine)
        return await self._read(query.order_by(jobs.c.end_number).limit(limit))

    async def newest(self) -> float:
        with readable_errors(self._path):
            async with self._engine.connect() as connection:
                query = select(jobs.c.created).order_by(jobs.c.number.desc()).limit(1)
                return float((await connection.execute(query)).scalar_one_or_none() or 0.0)

    async def files_of(self, job_ids: Collection[str]) -> Mapping[str, KeptImage | None]:
        found = await self._read(select(jobs).where(jobs.c.id.in_(job_ids), jobs.c.file.is_not(None) | _UNFINISHED))
        return {job.id: job.image for job in found}

    async def _read(self, query: _Rows) -> list[JobRecord]:
        with readable_errors(self._path):
            async with self._engine.connect() as connection:
                return [_record(row) for row in await connection.execute(query)]

    async def _delete(self, which: ColumnElement[bool]) -> list[JobRecord]:
        with readable_errors(self._path):
            async with self._one_writes, self._writing.begin() as connection:
                found = await connection.execute(delete(jobs).where(which, ~_UNFINISHED).returning(jobs))
                rows = found.all()
                await take_out(connection, rows)
        self.has_deleted = self.has_deleted or bool(rows)
        return [_record(row) for row in rows]

    async def _write(self, statement: Any) -> JobRecord | None:
        """Run a statement that touches one job at most, and return it as it then is (or was, if deleted)."""
        with readable_errors(self._path):
            async with self._one_writes, self._writing.begin() as connection:
                row = (await connection.execute(statement.returning(jobs))).one_or_none()
        return None if row is None else _record(row)


def _held(hold: Hold) -> ColumnElement[bool]:
    return (jobs.c.id == hold.job_id) & (jobs.c.holder == hold.holder) & (jobs.c.tries == hold.tries)


async def _next_ending(connection: AsyncConnection) -> int:
    """Above every earlier one, also of jobs that are gone. Writers come one after the other, so none is seen late."""
    counted = update(counters).where(counters.c.name == "endings").values(value=counters.c.value + 1)
    return int((await connection.execute(counted.returning(counters.c.value))).scalar_one())


async def _earlier(connection: AsyncConnection, owner: str, mark: IdempotencyMark) -> Row[*tuple[Any, ...]] | None:
    """The job that this key stands for, with the digest of its body."""
    mine = (idempotency.c.owner == owner) & (idempotency.c.key == mark.key) & (idempotency.c.created >= mark.since)
    query = select(jobs, idempotency.c.digest).join(idempotency, idempotency.c.job_id == jobs.c.id).where(mine)
    return (await connection.execute(query)).one_or_none()


def _marked(job: JobRecord, mark: IdempotencyMark) -> dict[str, Any]:
    return {
        "owner": job.origin.owner,
        "key": mark.key,
        "digest": mark.digest,
        "job_id": job.id,
        "created": job.origin.created,
    }


def _matching(query: _Rows, wanted: JobFilter) -> _Rows:
    query = query.where(jobs.c.owner == wanted.owner, jobs.c.listed == wanted.listed)
    if wanted.states is not None:
        query = query.where(jobs.c.state.in_(wanted.states))
    if wanted.model is not None:
        query = query.where(jobs.c.model == wanted.model)
    if wanted.starred is not None:
        query = query.where(jobs.c.starred == wanted.starred)
    match wanted.shape:
        case "landscape":
            query = query.where(jobs.c.width > jobs.c.height)
        case "portrait":
            query = query.where(jobs.c.width < jobs.c.height)
        case "square":
            query = query.where(jobs.c.width == jobs.c.height)
    if wanted.since is not None:
        query = query.where(jobs.c.created >= wanted.since)
    if wanted.until is not None:
        query = query.where(jobs.c.created <= wanted.until)
    if wanted.before is not None:
        query = query.where(jobs.c.number < wanted.before)
    return query.where(containing(wanted.text, wanted.owner)) if wanted.text else query


def _row(job: JobRecord) -> dict[str, Any]:
    row: dict[str, Any] = {"number": job.number, "id": job.id, "starred": job.starred}
    for part in (job.origin, job.wanted, job.course):
        row |= msgspec.structs.asdict(part)
    error, image = row.pop("error"), job.image
    row["lease_until"] = None if job.course.holder is None else _LEASE_END
    row["prompt"] = job.wanted.request["prompt"]
    row |= {"error_code": error and error.code, "error_message": error and error.message}
    row |= {} if image is None else _of_image(image)
    prompt, request = len(job.wanted.request["prompt"].encode()), len(msgspec.json.encode(job.wanted.request))
    row["stored_bytes"] = ROW_BYTES + prompt + request + (image.bytes if image else 0)
    return row


def _of_image(image: KeptImage) -> dict[str, Any]:
    cuts = msgspec.to_builtins(image.cuts) or None
    return {
        "file": image.file,
        "image_bytes": image.bytes,
        "fingerprint": image.fingerprint,
        "prompt_cuts": cuts,
        "average_color": image.average_color,
    }


def _record(row: Row[*tuple[Any, ...]]) -> JobRecord:
    error = None if row.error_code is None else JobError(row.error_code, row.error_message or "")
    image = None
    if row.file is not None:
        cuts = msgspec.convert(row.prompt_cuts or (), tuple[PromptCut, ...])
        image = KeptImage(
            file=row.file,
            bytes=row.image_bytes,
            fingerprint=row.fingerprint,
            cuts=cuts,
            average_color=row.average_color,
        )
    return JobRecord(
        id=row.id,
        number=row.number,
        origin=Origin(**_of(row, Origin)),
        wanted=Wanted(**_of(row, Wanted)),
        course=Course(**_of(row, Course), error=error),
        starred=row.starred,
        image=image,
        stored_bytes=row.stored_bytes,
    )


def _of(row: Row[*tuple[Any, ...]], part: type[Origin | Wanted | Course]) -> dict[str, Any]:
    """The fields of a part of a job, which the row calls by the same names; an error has columns of its own."""
    return {name: getattr(row, name) for name in part.__struct_fields__ if name != "error"}
