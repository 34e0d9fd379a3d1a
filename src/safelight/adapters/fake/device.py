"""What the fake engine computes on, where that is scarce: one step at a time, of whoever the policy chooses."""

# Tested in tests/contracts/test_engine_port.py.

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from safelight.contract.models.stages import STEPS
from safelight.contract.requests.order import Order
from safelight.scheduling.policy import FairShare, Parked


@dataclass(eq=False)
class Seat:
    """A picture in the making. `left` is set once nobody wants it any more."""

    order: Order
    steps: int
    number: int
    came: float
    left: asyncio.Event
    step: int = 0
    begun: bool = False
    go: asyncio.Event = field(default_factory=asyncio.Event)
    back: asyncio.Event = field(default_factory=asyncio.Event)
    parked: bool = False


class FakeDevice:
    """Takes turns as a worker does: a picture parks before each of its steps, and is chosen for one.

    At most `capacity` pictures are in the making at once. A step is said to take `step_seconds`, whatever it takes, so
    that the same arrivals make the same schedule. Turns are taken while `gate` is set, and one for each call of `turn`.
    """

    def __init__(self, capacity: int, step_seconds: float, gate: asyncio.Event) -> None:
        self._capacity = capacity
        self._step_seconds = step_seconds
        self._gate = gate
        self._schedule = FairShare()
        self._seats: dict[str, Seat] = {}
        self._numbers = 0
        self._someone = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()
        self._turns = 0

    @property
    def parked(self) -> int:
        """How many pictures stand before their next step."""
        return sum(seat.parked for seat in self._seats.values())

    def enter(self, order: Order, steps: int, left: asyncio.Event) -> Seat:
        """A picture comes, to be drawn in so many steps."""
        self._numbers += 1
        seat = Seat(order, steps, self._numbers, self._turns * self._step_seconds, left)
        self._seats[order.id] = seat
        return seat

    async def park(self, seat: Seat) -> None:
        """Returns when it is that picture's turn, or nobody wants it any more."""
        seat.parked = True
        seat.back.set()
        self._someone.set()
        await first(seat.go, seat.left)
        seat.go.clear()
        seat.parked = False

    def leave(self, seat: Seat) -> None:
        """That picture is done, or given up."""
        del self._seats[seat.order.id]
        seat.back.set()

    async def serve(self) -> None:
        """Take turns while the gate is open; until cancelled."""
        while True:
            await self._gate.wait()
            await self.turn()

    async def turn(self) -> Order:
        """One step of whoever comes next, as soon as there is anybody; returns whose it was once it is taken."""
        async with self._one_at_a_time:
            while not (candidates := self._candidates()):
                self._someone.clear()
                await self._someone.wait()
            chosen = self._schedule.choose(candidates)
            seat = self._seats[chosen.run]
            seat.begun = True
            seat.back.clear()
            seat.go.set()
            await seat.back.wait()
            self._turns += 1
            self._schedule.served(chosen, self._step_seconds)
            return seat.order

    def _candidates(self) -> list[Parked]:
        """Those in the making alone when they are as many as there may be."""
        waiting = [seat for seat in self._seats.values() if seat.parked and not seat.left.is_set()]
        if sum(seat.begun for seat in self._seats.values()) >= self._capacity:
            waiting = [seat for seat in waiting if seat.begun]
        return [self._as_seen(seat) for seat in waiting]

    def _as_seen(self, seat: Seat) -> Parked:
        """As the policy sees it."""
        return Parked(
            run=seat.order.id,
            stage=STEPS,
            arrived=seat.number,
            parked=seat.number,
            step=seat.step,
            steps=seat.steps,
            group=seat.order.share.group,
            weight=seat.order.share.weight,
            background=seat.order.share.background,
            came=seat.came,
            remaining=(seat.steps - seat.step) * self._step_seconds,
            total=seat.steps * self._step_seconds,
            step_seconds=self._step_seconds,
            in_flight=seat.begun,
        )


async def first(*events: asyncio.Event, seconds: float | None = None) -> None:
    """Returns when any of the events is set, or after so many seconds."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
