"""A host that a line knows: how it stands, what it has in hand, and what it takes."""

# Tested in tests/service/line/test_policy.py.

from __future__ import annotations

import math

from safelight.protocol.cluster.placing import Ask, HostModel, HostReport, HostStanding

# What bringing a model to the device takes where the host does not say: from its memory, and from files.
_FROM_MEMORY_SECONDS, _FROM_FILES_SECONDS = 2.0, 30.0


class Host:
    """One host. `placed` are jobs that the line gave it, and whether they are background; `foreign` are others that it
    says it has: of a line before, or given up and not stopped yet. `alone` is the job that it draws alone, if any."""

    def __init__(self, name: str, heard: float) -> None:
        self.name = name
        self.heard = heard
        self.report: HostReport | None = None
        self.models: dict[str, HostModel] = {}
        self.placed: dict[str, bool] = {}
        self.foreign: set[str] = set()
        self.alone: str | None = None
        self.told_at = -math.inf

    @property
    def taken(self) -> int:
        """How many jobs it has in hand."""
        return len(self.placed) + len(self.foreign)

    @property
    def load(self) -> float:
        """How many jobs a worker has in hand that one more would share it with. What is drawn in the background gives
        way."""
        return (self.taken - sum(self.placed.values())) / self.workers

    @property
    def workers(self) -> int:
        """How many draw there, at least one."""
        return max(1, self.report.workers) if self.report is not None else 1

    @property
    def kind(self) -> str:
        """The table of settings that it was made by."""
        return self.report.kind if self.report is not None else ""

    @property
    def able(self) -> bool:
        """Whether it takes jobs at all."""
        return self.report is not None and not self.report.draining

    @property
    def has_room(self) -> bool:
        """Whether it takes one more."""
        return self.able and self.taken < self._room and not self._draws_one_alone

    @property
    def has_place_beyond(self) -> bool:
        """Whether it has no room, and takes one more of a key of which no host draws anything."""
        if not self.able or self._draws_one_alone or self.report is None:
            return False
        return self._room <= self.taken < self._room + self.report.beyond

    @property
    def _draws_one_alone(self) -> bool:
        return self.alone is not None and (self.alone in self.placed or self.alone in self.foreign)

    @property
    def _room(self) -> int:
        return self.report.room if self.report is not None else 0

    def can_draw(self, source: str, fingerprint: str | None) -> bool:
        """Whether it has that model, be it put away, and the one with that fingerprint where one is meant."""
        model = self.models.get(source)
        return model is not None and model.status == "ready" and fingerprint in (None, model.fingerprint)

    def will_draw(self, source: str, fingerprint: str | None) -> bool:
        """The same of a host that may load the model still; which fingerprint that will have is not known before."""
        model = self.models.get(source)
        if model is None or model.status == "failed":
            return False
        return model.status == "loading" or fingerprint in (None, model.fingerprint)

    def bring_seconds(self, source: str) -> float:
        """How long it takes until a model that it can draw with is on its device."""
        model = self.models[source]
        if model.where == "device":
            return 0.0
        return model.bring_seconds or (_FROM_MEMORY_SECONDS if model.where == "host" else _FROM_FILES_SECONDS)

    def takes(self, ask: Ask, fingerprint: str | None) -> bool:
        """Whether it takes that job, where it has a place for it. The last one is not for what nobody waits for."""
        if not self.can_draw(ask.source, fingerprint):
            return False
        return not ask.background or self.taken < max(1, self._room - 1)

    def standing(self, now: float) -> HostStanding:
        """How it stands, for people."""
        said = self.report or HostReport(host=self.name)
        return HostStanding(
            host=self.name,
            kind=said.kind,
            room=self._room,
            taken=self.taken,
            workers=said.workers,
            draining=said.draining,
            silent_seconds=round(max(0.0, now - self.heard), 1),
            on_device=tuple(model.source for model in said.models if model.where == "device"),
            fingerprints=tuple(sorted({model.fingerprint for model in said.models if model.fingerprint})),
        )
