"""Hands a pool's orders to its workers, in turns that are fair among keys, and ends each of them once."""

# Tested in tests/adapters/workers/test_pool.py.

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from safelight.adapters.workers.member import Member
from safelight.adapters.workers.pending import MAX_ATTEMPTS, PendingOrder, acquit, blame
from safelight.adapters.workers.team import Team
from safelight.contract.requests.order import Order
from safelight.contract.requests.sentences import EmbedOrder
from safelight.protocol.messages import (
    Cancel,
    Cancelled,
    Draw,
    Embed,
    Embedded,
    End,
    Failed,
    Finished,
    JobEvent,
    Preview,
    Started,
    Stepped,
    Watch,
)
from safelight.scheduling.line import FairLine, Verdict

Orphaned = Callable[[str, bool], None]
"""Told the id of an order whose worker died, and whether that was drawing it, or was given it alone."""


class Dispatch:
    """Every order that the pool holds: in the line, among the suspects, or in a member's hands.

    `submitted` counts them all, so that who measures sees whether one came meanwhile. With `orphaned` an order whose
    worker died does not wait here for another: that is told its id, and whether it may have been the cause.
    """

    def __init__(self, team: Team, orphaned: Orphaned | None = None) -> None:
        self._team = team
        self._orphaned = orphaned
        self._pending: dict[str, PendingOrder] = {}
        self._line: FairLine[PendingOrder] = FairLine()
        self._suspects: dict[str, PendingOrder] = {}
        self._closed = False
        self.submitted = 0

    @property
    def idle(self) -> bool:
        """It holds no order."""
        return not self._pending

    @property
    def running(self) -> int:
        """Orders that have had their first turn."""
        return sum(entry.started for member in self._team.members for entry in member.pending.values())

    @property
    def queued(self) -> int:
        """Orders that have not."""
        return len(self._pending) - self.running

    def submit(self, order: Order | EmbedOrder) -> AsyncIterator[JobEvent]:
        """Queue an order; when it is its key's turn, it goes to the least busy worker that has its model."""
        self.submitted += 1
        entry = self._pending[order.id] = PendingOrder(order)
        if self._closed:
            self._end(entry, Cancelled(job_id=order.id))
        else:
            self._wait(entry)
            self.hand_out()
        return entry.events()

    def cancel(self, job_id: str) -> None:
        """End a waiting order now, a running one at its next step."""
        waiting = self._suspects.get(job_id) or self._line.get(job_id)
        if waiting is not None:
            self._end(waiting, Cancelled(job_id=job_id))
            self.hand_out()
        elif (member := self._team.with_order(job_id)) is not None and member.worker is not None:
            member.pending[job_id].cancelled = True
            member.worker.send(Cancel(job_id=job_id))

    def watch(self, job_id: str, longest: int) -> None:
        """Have previews of an order told, by whichever worker draws it."""
        if job_id in self._pending:
            self._pending[job_id].longest_preview = longest
        member = self._team.with_order(job_id)
        if member is not None and member.worker is not None:
            member.worker.send(Watch(job_id=job_id, longest=longest))

    def close(self) -> None:
        """Whatever comes from now on ends as cancelled."""
        self._closed = True

    def end_all(self) -> None:
        """End what is still there as cancelled: there are no workers any more."""
        for member in self._team.members:
            member.on_worker_exit()
        for entry in list(self._pending.values()):
            self._end(entry, Cancelled(job_id=entry.order.id))

    def told(self, member: Member, event: Started | Stepped | Preview) -> None:
        """A worker says how an order goes; it may have ended just now, when it was cancelled."""
        if event.job_id in member.pending:
            member.pending[event.job_id].tell(event)

    def done(self, member: Member, event: End) -> None:
        """A worker is done with an order; its key's account holds what it took instead of what was expected."""
        entry = member.release(event.job_id)
        if entry is not None:
            if isinstance(event, Finished):
                member.throughput.add(entry.order.source)
            self._correct(entry, _taken(event))
            self._end(entry, event)
        self.hand_out()

    def take_back(self, member: Member) -> None:
        """A worker died: its orders wait again, as if they had never left."""
        for entry in self._blame(member):
            self._correct(entry, 0.0)
            if entry.cancelled:
                self._end(entry, Cancelled(job_id=entry.order.id))
            elif self._orphaned is not None:
                self._leave_line(entry)
                del self._pending[entry.order.id]
                self._orphaned(entry.order.id, entry.attempts > 0)
            elif entry.attempts >= MAX_ATTEMPTS:
                reason = f"The drawing process died {entry.attempts} times while it drew this picture."
                self._end(entry, Failed(job_id=entry.order.id, reason=reason, retry_helps=False))
            else:
                self._wait(entry)

    def _blame(self, member: Member) -> list[PendingOrder]:
        """Whom its end falls on: what it was drawing, or the model that it was loading. Returns what it had in hand."""
        loading = member.loading
        hung = loading is not None and member.stuck is not None and member.stuck.loading
        orphans = member.on_worker_exit()
        if hung:
            acquit(orphans)
        else:
            blame(orphans)
        if loading is not None and self._team.loads.ended(loading, certain=hung or not orphans):
            member.failed_starts = 0  # the next worker is not told to load it
        return orphans

    def reconsider(self) -> None:
        """Models stand otherwise than before: end what cannot be drawn any more, and hand out what can be now."""
        failed = {state.source for state in self._team.model_states() if state.status == "failed"}
        for entry in [*self._suspects.values(), *self._line] if failed else ():
            if entry.order.source in failed:
                self._leave_line(entry)
                self._wait(entry)
        self.hand_out()

    def hand_out(self) -> None:
        """Give waiting orders to workers with room, as their keys' turns come; orders whose model nobody has yet stay.

        Suspects come first, each alone with a worker. One worker gets nothing else until it is free for the next.
        """
        kept_free: Member | None = None
        for entry in self._suspects.values():
            if able := [member for member in self._team.able if member.can_draw(entry.order.source)]:
                kept_free = min(able, key=lambda m: len(m.pending))
                if not kept_free.pending:
                    self._leave_line(entry)
                    self.give([(entry, kept_free)])
                break
        members = [member for member in self._team.able if member is not kept_free]
        while (waiting := self._line.take(lambda w: _verdict(members, w.item))) is not None:
            able = [member for member in members if member.judge(waiting.item) == "now"]
            self.give([(waiting.item, min(able, key=lambda m: len(m.pending)))])
        self._team.share_cores()

    def give(self, entries: Sequence[tuple[PendingOrder, Member]]) -> None:
        """Have orders drawn by members that can draw them, past the line."""
        for entry, member in entries:
            self._pending[entry.order.id] = entry
            member.take(entry)
        self._team.share_cores()
        for entry, member in entries:
            assert member.worker is not None  # can_draw
            member.worker.send(_told(entry.order))
            if entry.longest_preview:
                member.worker.send(Watch(job_id=entry.order.id, longest=entry.longest_preview))

    def _wait(self, entry: PendingOrder) -> None:
        """Put an order into the line, or end it if its model cannot be had."""
        state = self._team.model_state(entry.order.source)
        if state.status == "failed":
            self._end(entry, Failed(job_id=entry.order.id, reason=state.reason or "", retry_helps=False))
        elif entry.suspect:
            self._suspects[entry.order.id] = entry
        else:
            self._line.add(entry.waiting())

    def _end(self, entry: PendingOrder, event: End) -> None:
        """Say how an order ended, unless that was said, and forget it."""
        self._leave_line(entry)
        self._pending.pop(entry.order.id, None)
        entry.tell(event)

    def _leave_line(self, entry: PendingOrder) -> None:
        self._line.remove(entry.order.id)
        self._suspects.pop(entry.order.id, None)

    def _correct(self, entry: PendingOrder, took_seconds: float) -> None:
        share = entry.order.share
        self._line.correct(share.group, share.weight, took_seconds - share.seconds)


def _taken(event: End) -> float:
    """Seconds in which a device worked for an order."""
    match event:
        case Finished():
            return event.timings.active
        case Embedded():
            return event.seconds
    return 0.0


def _told(order: Order | EmbedOrder) -> Draw | Embed:
    return Embed(order=order) if isinstance(order, EmbedOrder) else Draw(order=order)


def _verdict(members: Sequence[Member], entry: PendingOrder) -> Verdict:
    """Whether any of them takes that order now."""
    verdicts = {member.judge(entry) for member in members}
    return "now" if "now" in verdicts else "full" if "full" in verdicts else "not yet"
