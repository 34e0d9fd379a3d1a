"""Free space on the disks that durable work needs. A reserve is kept, so that what was accepted can be recorded."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping

import structlog

from safelight.contract.errors import SafelightError, Unavailable
from safelight.service.ports.stores.files import Room
from safelight.service.ports.telemetry import DiskFree, RemovedForRoom, Telemetry

# What stays free: a pictures' worth of some hundreds and the database's log (4 MB between checkpoints), or on a small
# disk as much of it as a file system often keeps back for itself.
_RESERVE_BYTES = 1_000_000_000
_RESERVE_SHARE = 0.02
# So much more than the reserve must be free again before work is taken: else each picture would turn it over.
_ENOUGH = 1.1
_EVERY_SECONDS = 5.0
# A burst of requests measures once.
_FRESH_SECONDS = 0.5
_RETRY_SECONDS = 60.0

log = structlog.get_logger(__name__)

# What a disk has room for, asked in a thread; None where that is not known, as of an object store.
Measure = Callable[[], Room | None]
# Makes room: given the bytes that are missing, how many files or jobs it has removed.
MakeRoom = Callable[[int], Awaitable[int]]


def reserve(room: Room) -> int:
    """The bytes of a disk that durable work leaves free."""
    return min(_RESERVE_BYTES, int(room.total * _RESERVE_SHARE))


class DiskSpace:
    """Watches disks, each named by the setting whose folder lies on it."""

    def __init__(
        self, disks: Mapping[str, Measure], telemetry: Telemetry, elapsed: Callable[[], float] = time.monotonic
    ) -> None:
        self._disks = dict(disks)
        self._telemetry = telemetry
        self._elapsed = elapsed
        self._short: dict[str, Room] = {}
        self._looked_at = float("-inf")
        self._on_room: list[Callable[[], None]] = []
        self._make_room: dict[str, MakeRoom] = {}

    @property
    def is_short(self) -> bool:
        """Whether a disk had less than its reserve when it was last looked at."""
        return bool(self._short)

    def on_room(self, tell: Callable[[], None]) -> None:
        """Have it told when there is room again."""
        self._on_room.append(tell)

    def on_short(self, setting: str, make_room: MakeRoom) -> None:
        """Have it make room while the disk of that setting is short."""
        self._make_room[setting] = make_room

    async def check(self) -> None:
        """Raises:
        Unavailable: `engine_overloaded`: a disk has less than its reserve left.
        """
        if self._elapsed() - self._looked_at >= _FRESH_SECONDS:
            await self.look()
        for setting, room in self._short.items():
            raise Unavailable(
                f"The disk of the server's setting `{setting}` is nearly full: {_megabytes(room.free)} are free, and "
                f"{_megabytes(reserve(room))} stay free to finish what was accepted. Delete jobs, or have the server's "
                "operator make room. A request that keeps nothing needs no disk: send it without `Prefer: "
                "respond-async` and `Idempotency-Key`.",
                code="engine_overloaded",
                retry_after_seconds=_RETRY_SECONDS,
            )

    async def look(self) -> bool:
        """Measure every disk; whether one is short."""
        self._looked_at = self._elapsed()
        was_short = self.is_short
        for setting, measure in self._disks.items():
            try:
                room = await asyncio.to_thread(measure)
            except OSError as error:
                log.warning("disk_not_measured", disk=setting, reason=str(error))
                continue
            if room is not None:
                self._telemetry.note(DiskFree(disk=setting, free=room.free))
                self._judge(setting, room)
        if was_short and not self.is_short:
            for tell in self._on_room:
                tell()
        return self.is_short

    async def watch(self) -> None:
        """Look every few seconds and have room made where there is too little, until cancelled."""
        while True:
            if await self.look() and await self.make_room():
                await self.look()
            await asyncio.sleep(_EVERY_SECONDS)

    async def make_room(self) -> int:
        """Have room made on the disks that are short; how many files or jobs went."""
        removed = 0
        for setting, room in list(self._short.items()):
            if (make := self._make_room.get(setting)) is not None:
                try:
                    removed += await make(int(reserve(room) * _ENOUGH) - room.free + 1)
                except (OSError, SafelightError) as error:
                    log.error("no_room_made", disk=setting, reason=str(error))
        self._telemetry.note(RemovedForRoom(removed=removed))
        return removed

    def _judge(self, setting: str, room: Room) -> None:
        was_short = setting in self._short
        if room.free < reserve(room) * (_ENOUGH if was_short else 1.0):
            self._short[setting] = room
            if not was_short:
                log.error(
                    "disk_short",
                    disk=setting,
                    free_bytes=room.free,
                    reserve_bytes=reserve(room),
                    effect="no new jobs and no kept pictures; requests that keep nothing are answered",
                    remedy="make room, or let `keep_gigabytes` or `keep_days` be less",
                )
        elif was_short:
            del self._short[setting]
            log.info("disk_has_room", disk=setting, free_bytes=room.free)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
