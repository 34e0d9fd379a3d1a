"""Whose the place for pictures is: a mark in it names the database, and only its owner ever deletes there.

A file that this database does not know may belong to another: to a second server on the same place, to the database
that was moved away, to the newer one of which ours is a backup. So

- a job's id begins with its database's tag, and a file whose name does not bear ours is nobody's to touch;
- a place without a mark is taken, and what was in it is left alone for good;
- a place with another database's mark is used and nothing in it is deleted, until somebody takes it over (`adopt`);
- a place in the state folder itself is taken over by whatever database stands beside it: nobody else uses it;
- two copies of one database are told apart by the start that each wrote last. When they meet, neither deletes;
- a database that was restored answers for nothing that is there: what was made after its backup bears its tag too.

Several processes of one database share its place. The mark is the database's: each start writes it and notes it in the
database, so that every process finds there which mark is the right one.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

import msgspec
import structlog

from safelight.service.ports.stores.files import FileStore
from safelight.service.ports.stores.jobs import Notes

MARK = "safelight-owner.json"
# The name of the note which says that a database was filled from a backup and has not been served since.
RESTORED = "restored"
_OWNER, _START, _NEXT_START, _SEEN = "owner", "start", "next start", "seen"
# A round notes every minute that this database was at work; what was written later than this after it was not ours.
_UNSEEN_SECONDS = 300.0
# How long a look is believed by those who delete single files: as long as a round of forgetting is apart.
_FRESH_SECONDS = 60.0
_JOB = "job_"
# 32 bits: of 10,000 databases on one place, two have the same tag with a chance of 1 %, and delete nothing even then
# unless both own the place in turn.
_TAG_CHARACTERS = 8

log = structlog.get_logger(__name__)


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the place: the database's id, its last start, and since when (Unix seconds) it answers for files
    that no job knows. `disputed`: two copies of that database have both been here.
    """

    owner: str
    start: str
    since: float
    disputed: bool = False


class Place:
    """The place for pictures, seen from one process of a database. `own`: it lies in the state folder, which nobody
    else uses.
    """

    def __init__(
        self,
        files: FileStore,
        notes: Notes,
        *,
        own: bool = False,
        clock: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        self._files = files
        self._notes = notes
        self._own = own
        self._clock = clock
        self._elapsed = elapsed
        self._owner: str | None = None
        self._start = secrets.token_hex(8)
        self._mark: Mark | None = None
        self._is_lost = False
        self._looked_at = float("-inf")
        self._absent_from = 0.0
        self._claimed_at = 0.0

    @property
    def is_ours(self) -> bool:
        """Whether anything may be deleted here, as of the last look."""
        return self._mark is not None

    @property
    def since(self) -> float:
        """Files that no job knows and that are older than this are nobody's to touch."""
        return self._mark.since if self._mark is not None else float("inf")

    async def new_job_id(self) -> str:
        """An id for a job: the tag of this database, and 64 random bits."""
        return f"{await self._prefix()}{secrets.token_hex(8)}"

    async def is_named_by_us(self, name: str) -> bool:
        """Whether a file's name is one that this database gives; where nobody else writes, any job's."""
        return name.rpartition("/")[2].startswith(_JOB if self._own else await self._prefix())

    def was_away(self, written: float) -> bool:
        """Whether a file was written between this database's last round and this start, by somebody else then."""
        return bool(self._absent_from) and self._absent_from < written < self._claimed_at

    async def claim(self) -> bool:
        """Find out whose the place is, once a start, by one process of a database at a time; True where it is ours.

        Raises:
            OSError: the place cannot be read or written.
        """
        mark, owner = await self._read(), await self._identity()
        self._claimed_at = self._clock()
        seen = await self._notes.get(_SEEN)
        self._absent_from = float(seen) + _UNSEEN_SECONDS if seen else 0.0
        if mark is None:
            await self._write(owner, since=self._claimed_at)
            log.info(
                "files_taken",
                effect="these files are of this database from now on; what was here before is left alone",
            )
        elif await self._is_current(mark):
            restored = bool(await self._notes.get(RESTORED))
            await self._write(owner, since=self._claimed_at if restored else mark.since)
            await self._notes.put(RESTORED, "")
        elif self._own:
            log.warning("files_taken_over", reason=_why(mark, owner), effect="what was in this place is left alone")
            await self._write(owner, since=self._claimed_at)
        else:
            self._lose(_why(mark, owner))
        return self.is_ours

    async def look(self) -> bool:
        """Look whether the place is ours, before anything in it is deleted. It stays lost to a process that lost it.

        Raises:
            OSError: the mark cannot be read; then nothing is deleted.
        """
        if self._is_lost:
            return False
        mark = await self._read()
        while mark is not None:
            if await self._is_current(mark):
                self._mark, self._looked_at = mark, self._elapsed()
                return True
            # Another process of this database may have written a new mark, and noted it, since this one was read.
            before, mark = mark, await self._read()
            if mark == before:
                break
        if self._mark is not None:
            ours, self._mark = self._mark, None
            if mark is not None and mark.owner == ours.owner and not mark.disputed:
                await self._put(msgspec.structs.replace(mark, disputed=True))
            self._lose("its mark is gone" if mark is None else _why(mark, ours.owner))
        return False

    async def may_delete(self) -> bool:
        """Whether the place is ours, as of a look in the last minute.

        Raises:
            OSError: the mark cannot be read.
        """
        return self.is_ours if self._elapsed() - self._looked_at < _FRESH_SECONDS else await self.look()

    async def adopt(self) -> None:
        """Take the place over from whoever has it. Deletes nothing, and leaves alone what is there now.

        Raises:
            OSError: the place cannot be written.
        """
        await self._write(await self._identity(), since=self._clock())

    async def leave_alone_until_now(self) -> None:
        """Leave alone what was written up to now and belongs to no job."""
        if self._mark is not None:
            await self._write(self._mark.owner, since=self._clock())

    async def note(self, now: float) -> None:
        """Note that this database was at work at that time (Unix seconds)."""
        await self._notes.put(_SEEN, repr(now))

    async def seen(self) -> float:
        """When this database was last at work; 0 where that was never noted."""
        return float(await self._notes.get(_SEEN) or 0.0)

    async def _identity(self) -> str:
        if self._owner is None:
            self._owner = await self._notes.settle(_OWNER, secrets.token_hex(16))
        return self._owner

    async def _prefix(self) -> str:
        return f"{_JOB}{(await self._identity())[:_TAG_CHARACTERS]}"

    async def _is_current(self, mark: Mark) -> bool:
        """Whether that mark is the last that this database wrote, by whichever process."""
        starts = (await self._notes.get(_START), await self._notes.get(_NEXT_START))
        return mark.owner == await self._identity() and mark.start in starts and not mark.disputed

    async def _write(self, owner: str, since: float) -> None:
        """The database first notes which start it is about to write, so that a kill in between leaves it known."""
        await self._notes.put(_NEXT_START, self._start)
        mark = Mark(owner=owner, start=self._start, since=since)
        await self._put(mark)
        await self._notes.put(_START, self._start)
        self._mark, self._looked_at, self._is_lost = mark, self._elapsed(), False

    async def _put(self, mark: Mark) -> None:
        await self._files.put(MARK, msgspec.json.encode(mark))

    async def _read(self) -> Mark | None:
        content = await self._files.get(MARK)
        if content is None:
            return None
        try:
            return msgspec.json.decode(content, type=Mark)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Mark(owner="", start="", since=0.0, disputed=True)

    def _lose(self, why: str) -> None:
        self._mark, self._is_lost = None, True
        log.error(
            "files_not_ours",
            reason=why,
            effect="pictures are kept there, and none is deleted, however old or many they are",
            remedy="name another place with the setting `files`, or take this one over with `safelight adopt`",
        )


def _why(mark: Mark, owner: str) -> str:
    if mark.owner != owner:
        return "the place for pictures carries the mark of another database"
    if mark.disputed:
        return "two copies of this database have used the place for pictures"
    return "another copy of this database has used the place for pictures since: is this one a backup?"
