"""What a host says of itself to the line: every two seconds, and at once when something has changed."""

# Tested in tests/adapters/ray/hosts/test_host.py.

from __future__ import annotations

import asyncio
import contextlib

import msgspec
import structlog

from safelight.adapters.ray.hosts.host import Host
from safelight.contract.errors import SafelightError
from safelight.protocol.cluster.placing import HEARTBEAT_SECONDS, HostGone, HostModel, HostReport
from safelight.service.ports.engine import ModelState
from safelight.service.ports.processes.line import Line

# Each worker has one job that it draws and one that it goes on with.
IN_HAND = 2
# A key of which no host draws anything has a turn at once, as in a pool, since a worker's schedule is fair among keys.
# Else it would wait until one of two others has ended: beside a key that always wants more, 4 times its time alone.
BEYOND = 1

log = structlog.get_logger(__name__)


class Reports:
    """Tells `line` how `host` stands, under that name."""

    def __init__(self, name: str, kind: str, host: Host, line: Line) -> None:
        self._name, self._kind, self._host, self._line = name, kind, host, line
        self._changed = asyncio.Event()

    def changed(self) -> None:
        """Something has; it is told as soon as what was told last has been heard."""
        self._changed.set()

    async def run(self) -> None:
        """Until cancelled."""
        engine = self._host.engine
        change = asyncio.ensure_future(engine.changed())
        while True:
            self._changed.clear()
            with contextlib.suppress(SafelightError):  # there will be another line, which is told the same
                await self._line.report((self.report(),))
            woken = asyncio.ensure_future(self._changed.wait())
            await asyncio.wait((change, woken), timeout=HEARTBEAT_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            woken.cancel()
            if change.done():
                change = asyncio.ensure_future(engine.changed())
            self._host.sweep()

    async def goodbye(self) -> None:
        """The host ends."""
        with contextlib.suppress(SafelightError):
            await self._line.report((HostGone(host=self._name),))

    def report(self) -> HostReport:
        """How it stands now."""
        state = self._host.engine.state()
        return HostReport(
            host=self._name,
            kind=self._kind,
            room=IN_HAND * state.workers,
            beyond=BEYOND * state.workers,
            workers=state.workers,
            in_hand=self._host.in_hand,
            models=tuple(map(_model, state.models)),
            work_seconds=self._host.work_seconds,
            draining=self._host.draining,
            worker_states=msgspec.msgpack.encode(self._host.engine.worker_states()),
        )


def _model(state: ModelState) -> HostModel:
    return HostModel(
        source=state.source,
        status=state.status,
        where=state.where,
        fingerprint=state.fingerprint or "",
        bring_seconds=state.ready_in_seconds or 0.0,
        state=msgspec.msgpack.encode(state),
    )
