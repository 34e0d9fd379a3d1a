"""Whoever counts what happens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from safelight.contract.messages import Timings


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How the server stands. `models` are statuses and `model_bytes` the weights of those that are loaded, by id."""

    models: Mapping[str, str]
    model_bytes: Mapping[str, int]
    workers: int
    draining: bool
    jobs_waiting: int
    jobs_running: int
    files_bytes: int
    files_budget_bytes: int


class Telemetry(Protocol):
    """Counts and durations. Labels are ids and codes, never text that a caller wrote."""

    def request(self, *, route: str, method: str, status: int, seconds: float) -> None: ...

    def rejected(self, *, code: str) -> None: ...

    def drawn(self, *, model: str, outcome: str, queue_seconds: float, timings: Timings | None) -> None: ...

    def estimated(self, *, model: str, expected_seconds: float, seconds: float) -> None: ...

    def queue(self, *, depth: int, running: int, oldest_seconds: float, work_seconds: float) -> None: ...

    def standing(self, now: Standing) -> None: ...

    def model_loaded(self, *, source: str, seconds: float) -> None: ...

    def worker_restarted(self) -> None: ...

    def ledger_lost(self, *, entries: int) -> None: ...

    def disk_free(self, *, disk: str, free: int) -> None: ...

    def removed_for_room(self, *, removed: int) -> None: ...
