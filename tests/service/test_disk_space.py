"""When a disk counts as short, and that it recovers."""

from __future__ import annotations

import asyncio

import pytest

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.contract.errors import Unavailable
from safelight.service.keeping.disk_space import DiskSpace, reserve
from safelight.service.ports.stores.files import Room
from tests.api.conftest import until

GB = 1_000_000_000


class Disk:
    """A disk whose free space is said."""

    def __init__(self, total: int, free: int) -> None:
        self.total, self.free = total, free
        self.fails = False

    def __call__(self) -> Room:
        if self.fails:
            raise OSError("the disk does not answer")
        return Room(self.total, self.free)


def test_a_large_disk_keeps_a_gigabyte_free_and_a_small_one_a_fiftieth() -> None:
    assert reserve(Room(1000 * GB, 0)) == GB
    assert reserve(Room(10 * GB, 0)) == GB // 5


async def test_a_disk_below_its_reserve_is_named_and_above_it_everything_goes_on() -> None:
    files, home, times = Disk(100 * GB, 50 * GB), Disk(100 * GB, 50 * GB), iter(range(100))
    telemetry, told = PrometheusTelemetry(), list[bool]()
    space = DiskSpace({"files": files, "home": home}, telemetry, lambda: float(next(times)))
    space.on_room(lambda: told.append(space.is_short))
    await space.check()
    home.free = GB - 1
    with pytest.raises(Unavailable, match="`home` is nearly full"):
        await space.check()
    assert 'safelight_disk_free_bytes{disk="home"} 9.99999999e+08' in telemetry.render().decode()
    home.free = GB + 1  # a little above: one picture would bring it below again
    assert await space.look()
    home.free = 2 * GB
    await space.check()
    assert told == [False]


async def test_a_disk_that_does_not_answer_stays_as_it_was_last_seen() -> None:
    disk = Disk(100 * GB, 0)
    space = DiskSpace({"files": disk}, PrometheusTelemetry())
    assert await space.look()
    disk.fails = True
    assert await space.look()


async def test_room_is_made_on_the_disk_that_is_short_and_what_went_is_counted() -> None:
    files, home, asked = Disk(100 * GB, GB // 2), Disk(100 * GB, 0), list[int]()
    telemetry = PrometheusTelemetry()
    space = DiskSpace({"files": files, "home": home}, telemetry)

    async def make_room(missing: int) -> int:
        asked.append(missing)
        if len(asked) > 1:
            raise OSError("the place does not answer")
        return 3

    space.on_short("files", make_room)
    assert await space.make_room() == 0  # nobody has looked yet
    await space.look()
    assert await space.make_room() == 3
    assert GB // 2 < asked[0] <= GB
    assert await space.make_room() == 0
    assert "safelight_removed_for_room_total 3.0" in telemetry.render().decode()


async def test_a_store_that_tells_of_no_end_has_none() -> None:
    assert not await DiskSpace({"files": lambda: None}, PrometheusTelemetry()).look()


async def test_a_watch_has_room_made_and_looks_again_at_once() -> None:
    disk, made = Disk(100 * GB, 0), asyncio.Event()
    space = DiskSpace({"files": disk}, PrometheusTelemetry())

    async def make_room(missing: int) -> int:
        disk.free = 50 * GB
        made.set()
        return 1

    space.on_short("files", make_room)
    watching = asyncio.create_task(space.watch())
    await made.wait()
    await until(lambda: not space.is_short)
    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
