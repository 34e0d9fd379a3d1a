"""The room that models have on a device, and who goes when it is too little."""

from __future__ import annotations

from collections.abc import Mapping

from safelight.engine.residency.slot import ModelSlot, State


class Room:
    """Of `slots`, which may grow, those that are here take no more than `budget` bytes together; None: no bound."""

    def __init__(self, slots: Mapping[str, ModelSlot], budget: int | None) -> None:
        self._slots, self.budget = slots, budget

    @property
    def used(self) -> int:
        """Bytes of the models that are here."""
        return sum(slot.known.bytes for slot in self._here)

    def fits(self, more: int) -> bool:
        """Whether so many bytes have room beside what is here."""
        return self.budget is None or self.used + more <= self.budget

    def may_take(self, wanted: ModelSlot) -> bool:
        """Whether it fits as far as its size is known; if nothing can go, loading says whether it fits all the same."""
        in_the_way = any(slot.in_use and not slot.spec.pinned for slot in self._here)
        return self.fits(wanted.known.bytes) or not in_the_way

    def make(self, more: int, *, keep: int) -> list[ModelSlot]:
        """Have the least recently used leave until `more` bytes have room, or `keep` are left, or all in use."""
        going = []
        while not self.fits(more) and len(self._here) > keep:
            idle = [slot for slot in self._here if slot.may_go]
            if not idle:
                break
            oldest = min(idle, key=lambda slot: slot.last_used)
            oldest.go_to(State.LEAVING)
            going.append(oldest)
        return going

    @property
    def _here(self) -> list[ModelSlot]:
        return [slot for slot in self._slots.values() if slot.state is State.HERE]
