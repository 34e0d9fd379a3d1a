"""The lines of batches: claimed, drawn, ended once."""

# Tested in tests/contracts/test_batch_port.py.

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, func, or_, select, true, update

from safelight.adapters.sql.batches.files import BatchFiles
from safelight.adapters.sql.batches.rows import ended_values, line_of
from safelight.adapters.sql.clock import DatabaseNow
from safelight.adapters.sql.jobs.rows import LEASE_END
from safelight.adapters.sql.schema import batch_lines, batches
from safelight.adapters.sql.uncancellable import uncancellable
from safelight.contract.records.batches import Line, LineEnding, LineState
from safelight.service.ports.stores.batches import LeftToOthers, LineHold

WAITS = batch_lines.c.state == "waiting"


def _for_us(left: LeftToOthers | None) -> ColumnElement[bool]:
    """What is not left to others. Who gave a line back in order left it to anybody."""
    if left is None:
        return true()
    theirs = batch_lines.c.began_with.is_not(None) & batch_lines.c.began_with.not_in(left.own)
    return or_(~theirs, batch_lines.c.lease_until.is_(None), batch_lines.c.lease_until < DatabaseNow() - left.seconds)


@uncancellable
class BatchLines(BatchFiles):
    """What changes while lines are drawn: by conditional updates, so that whoever comes second learns it."""

    async def claim(self, batch_id: str, holder: str, most: int, left: LeftToOthers | None = None) -> Sequence[Line]:
        free = or_(batch_lines.c.holder.is_(None), batch_lines.c.lease_until < DatabaseNow()) & _for_us(left)
        first = (
            select(batch_lines.c.place)
            .where(batch_lines.c.batch_id == batch_id, WAITS, free)
            .order_by(batch_lines.c.tries, batch_lines.c.place)
            .limit(most)
            .with_for_update(skip_locked=True)
        )
        values = {"holder": holder, "lease_until": LEASE_END, "tries": batch_lines.c.tries + 1}
        async with self._dialect.writing() as connection:
            # One whose batch is cancelled in this moment waits until we are through, or we pass it over.
            drawn = (batches.c.id == batch_id) & (batches.c.status == "in_progress")
            if (await connection.execute(select(batches.c.id).where(drawn).with_for_update(read=True))).first() is None:
                return []
            places = (await connection.execute(first)).scalars().all()
            mine = (batch_lines.c.batch_id == batch_id) & batch_lines.c.place.in_(places)
            claimed = update(batch_lines).where(mine).values(values).returning(batch_lines)
            rows = (await connection.execute(claimed)).all() if places else []
        return sorted((line_of(row) for row in rows), key=lambda line: (line.tries, line.place))

    async def begun(self, hold: LineHold, holder: str, fingerprint: str) -> bool:
        async with self._dialect.writing() as connection:
            begun = update(batch_lines).where(_held(hold, holder)).values(began_with=fingerprint)
            return bool((await connection.execute(begun)).rowcount)

    async def renew(self, holder: str) -> Collection[LineHold]:
        mine = update(batch_lines).where(batch_lines.c.holder == holder).values(lease_until=LEASE_END)
        which = (batch_lines.c.batch_id, batch_lines.c.place, batch_lines.c.tries)
        async with self._dialect.writing() as connection:
            rows = (await connection.execute(mine.returning(*which))).all()
            reading = (batches.c.holder == holder) & (batches.c.status == "validating")
            await connection.execute(update(batches).where(reading).values(lease_until=LEASE_END))
        return {LineHold(row.batch_id, row.place, row.tries) for row in rows}

    async def take_back(self, holder: str) -> None:
        for_nobody = {"holder": None, "lease_until": None}
        async with self._dialect.writing() as connection:
            for table in (batch_lines, batches):
                theirs = table.c.holder.is_not(None) & (table.c.holder != holder)
                await connection.execute(update(table).where(theirs).values(for_nobody))

    async def put_back(self, holds: Collection[LineHold], holder: str) -> None:
        values = {"holder": None, "lease_until": None, "tries": batch_lines.c.tries - 1}
        async with self._dialect.writing() as connection:
            for hold in holds:
                await connection.execute(update(batch_lines).where(_held(hold, holder)).values(values))

    async def end(self, hold: LineHold, holder: str, ending: LineEnding) -> bool:
        async with self._dialect.writing() as connection:
            ended = update(batch_lines).where(_held(hold, holder)).values(ended_values(ending))
            return bool((await connection.execute(ended)).rowcount)

    async def waiting(self, batch_id: str) -> int:
        async with self._dialect.reading() as connection:
            query = select(func.count()).where(batch_lines.c.batch_id == batch_id, WAITS)
            return int((await connection.execute(query)).scalar_one())

    async def lines(self, batch_id: str, state: LineState, after: int, limit: int) -> Sequence[Line]:
        these = (batch_lines.c.batch_id == batch_id) & (batch_lines.c.state == state) & (batch_lines.c.place > after)
        async with self._dialect.reading() as connection:
            rows = await connection.execute(select(batch_lines).where(these).order_by(batch_lines.c.place).limit(limit))
            return [line_of(row) for row in rows]


def _held(hold: LineHold, holder: str) -> ColumnElement[bool]:
    it = (batch_lines.c.batch_id == hold.batch_id) & (batch_lines.c.place == hold.place) & WAITS
    return it & (batch_lines.c.holder == holder) & (batch_lines.c.tries == hold.tries)
