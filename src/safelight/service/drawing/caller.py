"""Who asks for a picture."""

from __future__ import annotations

import msgspec

from safelight.contract.requests.trace import NO_TRACE, TraceContext
from safelight.service.access.quotas import Reservation


class Caller(msgspec.Struct, frozen=True):
    """Who asks: for the ledger, and for the schedule, in which keys share a device by their weights. `alone`: nothing
    is drawn beside what is asked for. `reservation` is what was reserved of the key's quotas. `background`: nobody
    waits for it, so it comes after everything else. `trace` is the request's span; that of a batch for each of its
    lines. `began_with` is the fingerprint of the model that began to draw it before, None where none did."""

    request_id: str
    key_id: str
    weight: float = 1.0
    alone: bool = False
    reservation: Reservation | None = None
    background: bool = False
    trace: TraceContext = NO_TRACE
    began_with: str | None = None
