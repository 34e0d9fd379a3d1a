"""What is written down of every picture: a line in the ledger, one in the log, and the metrics."""

# Tested in tests/api/test_images.py.

from __future__ import annotations

import time

import msgspec
import structlog

from safelight.contract.requests.request import ImageRequest
from safelight.protocol.messages import Finished
from safelight.protocol.times import Work
from safelight.service.drawing.caller import Caller
from safelight.service.ports.stores.ledger import Ledger, LedgerEntry
from safelight.service.ports.telemetry import Drawn, Telemetry

log = structlog.get_logger(__name__)


class Arrival(msgspec.Struct, frozen=True):
    """When a request came: Unix seconds, and seconds of the monotonic clock."""

    time: float
    clock: float

    @classmethod
    def now(cls) -> Arrival:
        return cls(time.time(), time.monotonic())


class Account:
    """Of one request. `write` notes each of its pictures, however that ended; `refuse` all of them at once, where none
    was begun. What was reserved for it is taken, and goes with them."""

    def __init__(self, request: ImageRequest, caller: Caller, ledger: Ledger, telemetry: Telemetry) -> None:
        self._request = request
        self._caller = caller
        self._ledger = ledger
        self._telemetry = telemetry
        self._arrival = Arrival.now()
        if caller.reservation is not None:
            caller.reservation.take()

    def refuse(self, seed: int, outcome: str) -> None:
        """None of the pictures was begun; `seed` is that of the first."""
        self.write(seed, outcome, pictures=self._request.n)

    def write(
        self,
        seed: int,
        outcome: str,
        queue_seconds: float | None = None,
        finished: Finished | None = None,
        *,
        pictures: int = 1,
    ) -> None:
        """A picture has ended. `queue_seconds` is None where it was never begun: then it waited to its end."""
        entry = self._entry(seed, outcome, queue_seconds, finished, pictures)
        self._ledger.write(entry)
        self._tell(entry, None if finished is None else finished.work)

    def _entry(
        self, seed: int, outcome: str, queue_seconds: float | None, finished: Finished | None, pictures: int
    ) -> LedgerEntry:
        reservation = self._caller.reservation
        request, total = self._request, Arrival.now().clock - self._arrival.clock
        return LedgerEntry(
            request_id=self._caller.request_id,
            time=self._arrival.time,
            key_id=self._caller.key_id,
            model=request.model.id,
            drawn_by=request.model.drawn_by,
            outcome=outcome,
            seed=seed,
            width=request.size.width,
            height=request.size.height,
            output_format=request.output_format,
            image_bytes=len(finished.image) if finished is not None else 0,
            total_seconds=total,
            queue_seconds=queue_seconds if queue_seconds is not None else total,
            timings=finished.timings if finished is not None else None,
            device_seconds=finished.timings.active if finished is not None else 0.0,
            reservation=None if reservation is None else reservation.id,
            reserved_pictures=0 if reservation is None else reservation.end(pictures, finished=finished is not None),
        )

    def _tell(self, entry: LedgerEntry, work: Work | None) -> None:
        log.info(
            "picture",
            request_id=entry.request_id,
            model=entry.model,
            size=f"{entry.width}x{entry.height}",
            seconds=round(entry.total_seconds, 2),
            outcome=entry.outcome,
            key_id=entry.key_id,
        )
        self._telemetry.note(
            Drawn(
                model=entry.model,
                outcome=entry.outcome,
                queue_seconds=entry.queue_seconds,
                timings=entry.timings,
                request_id=entry.request_id,
                seconds=entry.total_seconds,
                work=work,
                trace=self._caller.trace,
                of_many=self._caller.background,
            )
        )
