"""Where batches are kept: their files' names, their lines, and what came of each."""

# Tested in tests/contracts/test_batch_port.py.

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from safelight.contract.records.batches import Batch, Line, LineEnding, LineState, Purpose, StoredFile
from safelight.contract.records.jobs import JobError


class LineHold(msgspec.Struct, frozen=True):
    """A claim on a line: the try's number is part of it, so whoever lost a claim changes nothing."""

    batch_id: str
    place: int
    tries: int

    @classmethod
    def of(cls, line: Line) -> LineHold:
        """The claim on a line that was claimed."""
        return cls(line.batch_id, line.place, line.tries)


@dataclass(frozen=True)
class LeftToOthers:
    """Lines that were begun with a fingerprint which is none of `own`, whose claim ran out less than `seconds` ago."""

    own: Collection[str]
    seconds: float


class FileWish(msgspec.Struct, frozen=True, kw_only=True):
    """Which of an owner's files are meant: at most `limit`, after the one with that id in their order."""

    owner: str
    limit: int
    after: str | None = None
    newest_first: bool = True
    purpose: Purpose | None = None


class BatchStore(Protocol):
    """Every change is on disk when a call returns. Several processes may draw from one store: as with jobs, what one
    has claimed is its own for `LEASE_SECONDS`, by the clock of the store, or until that is renewed."""

    async def add_file(self, file: StoredFile) -> None:
        """Keep a new file's row; its content is there already."""

    async def file(self, owner: str, file_id: str) -> StoredFile | None:
        """That file, if it is this owner's."""

    async def files(self, wish: FileWish) -> Sequence[StoredFile]:
        """Files in the order of their creation, one way or the other."""

    async def uploaded_bytes(self, owner: str) -> int:
        """What an owner's uploaded files weigh together."""

    async def remove_file(self, owner: str, file_id: str) -> StoredFile | None:
        """Take a file out; None where there is none of that owner's."""

    async def known_files(self, file_ids: Collection[str]) -> Collection[str]:
        """Those of these ids that there are, of files and of batches."""

    async def add(self, batch: Batch) -> None:
        """Keep a new batch."""

    async def get(self, owner: str, batch_id: str) -> Batch | None:
        """That batch with its counts, if it is this owner's."""

    async def page(self, owner: str, limit: int, after: str | None) -> Sequence[Batch]:
        """An owner's batches, newest first, after the one with that id."""

    async def unfinished(self) -> Sequence[Batch]:
        """Everybody's batches that have not ended, oldest first, without their counts."""

    async def hold(self, batch_id: str, holder: str) -> bool:
        """Whether this process reads that batch's input now: it is unread, and nobody else does."""

    async def put_lines(self, batch_id: str, holder: str, lines: Sequence[Line]) -> bool:
        """Add lines to a batch that this process holds, and prolong that; those that are there stay. False: it does not
        hold it any more."""

    async def begin(self, batch_id: str, holder: str, when: float, total: int) -> Batch | None:
        """All lines are there: it is drawn from now on, or if it was cancelled meanwhile, those that wait are failed as
        `batch_cancelled`. None: this process does not hold it any more."""

    async def fail(self, batch_id: str, holder: str, when: float, fault: JobError) -> Batch | None:
        """It cannot be read: it has failed as a whole, and its lines are gone."""

    async def cancel(self, owner: str, batch_id: str, when: float) -> Batch | None:
        """Draw it no further: lines that wait are failed as `batch_cancelled`. One that is read just now goes on being
        read, so that every line is answered; one that has ended stays as it is."""

    async def expire(self, batch_id: str) -> bool:
        """Its time is over: lines that wait are failed as `batch_expired`, and once it has finished it is `expired`.
        False: it is not drawn, or nothing of it waits."""

    async def claim(self, batch_id: str, holder: str, most: int, left: LeftToOthers | None = None) -> Sequence[Line]:
        """The next lines that wait, for this process alone: those that were begun least often first. `left` are none of
        them."""

    async def begun(self, hold: LineHold, holder: str, fingerprint: str) -> bool:
        """A model of that fingerprint has begun to draw the line; whether that claim holds still. Who claims it next is
        told so (`Line.began_with`)."""

    async def renew(self, holder: str) -> Collection[LineHold]:
        """Prolong every claim of that holder's; those that it has still."""

    async def take_back(self, holder: str) -> None:
        """All others are gone: what they had claimed is free."""

    async def put_back(self, holds: Collection[LineHold], holder: str) -> None:
        """Lines that were not drawn in vain, but cut short in order: they wait again."""

    async def end(self, hold: LineHold, holder: str, ending: LineEnding) -> bool:
        """End a line while that claim holds; whether it ended so."""

    async def waiting(self, batch_id: str) -> int:
        """How many of its lines have not ended."""

    async def finish(self, batch_id: str, when: float, files: Sequence[StoredFile]) -> Batch | None:
        """All lines have ended: so has the batch, and these files hold its answers. None: it had ended before, or a
        line waits."""

    async def lines(self, batch_id: str, state: LineState, after: int, limit: int) -> Sequence[Line]:
        """Lines of that state after that place, in their order."""

    async def expired(self, before: float, limit: int) -> tuple[Sequence[StoredFile], Sequence[Batch]]:
        """Uploaded files that were made, and batches that ended, before that."""

    async def forget(self, file_ids: Collection[str], batch_ids: Collection[str]) -> None:
        """Take these files and batches out; batches with their lines, and with the files of their answers."""
