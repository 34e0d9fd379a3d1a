"""When the fake engine's orders take their steps: as a gate, a file, seconds and a scarce device let them."""

# Tested in tests/contracts/test_engine_port.py.

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

from safelight.adapters.fake.device import FakeDevice, first
from safelight.contract.requests.order import Order

LOOK_SECONDS = 0.02
_LEAST_STEP_SECONDS = 0.00025


class Steps:
    """Steps of all orders. `gate` must be set for a step, `hold` is a file with the number of the last step that is
    taken while it is there, and each takes `step_seconds`. With a `capacity` one order takes a step at a time.
    """

    def __init__(self, capacity: int | None, step_seconds: float, hold: Path | None) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.seconds = step_seconds or _LEAST_STEP_SECONDS
        self._pretended = step_seconds
        self._hold = hold
        self._device = None if capacity is None else FakeDevice(capacity, self.seconds, self.gate)
        self._serving: asyncio.Task[None] | None = None

    @property
    def parked(self) -> int:
        """How many orders stand before their next step on the device."""
        return 0 if self._device is None else self._device.parked

    async def turn(self) -> Order:
        """Have one step taken while the gate is closed; whose it was."""
        assert self._device is not None
        return await self._device.turn()

    def close(self) -> None:
        """No more steps are taken on the device."""
        if self._serving is not None:
            self._serving.cancel()

    async def of(self, order: Order, steps: int, left: asyncio.Event) -> AsyncGenerator[int, None]:
        """An order's steps by number: 0 once it has begun, the others once they are taken; none once it is `left`."""
        if self._device is None:
            async for step in self._side_by_side(steps, left):
                yield step
            return
        if self._serving is None:
            self._serving = asyncio.create_task(self._device.serve(), name="fake-device")
        seat = self._device.enter(order, steps, left)
        try:
            for step in range(1, steps + 1):
                await self._held(step, left)
                await self._device.park(seat)
                await self._pretend(left)
                if left.is_set():
                    return
                seat.step = step
                if step == 1:
                    yield 0
                yield step
        finally:
            self._device.leave(seat)

    async def _side_by_side(self, steps: int, left: asyncio.Event) -> AsyncGenerator[int, None]:
        for step in range(1, steps + 1):
            await self._held(step, left)
            if step == 1:
                yield 0
            await first(self.gate, left)
            await self._pretend(left)
            if left.is_set():
                return
            yield step

    async def _pretend(self, left: asyncio.Event) -> None:
        if self._pretended:
            await first(left, seconds=self._pretended)

    async def _held(self, step: int, left: asyncio.Event) -> None:
        while step > self._last() and not left.is_set():
            await first(left, seconds=LOOK_SECONDS)

    def _last(self) -> int:
        """How far orders may go just now."""
        try:
            return int(self._hold.read_text()) if self._hold is not None else sys.maxsize
        except FileNotFoundError:
            return sys.maxsize
        except ValueError:  # it is just being written
            return 0
