"""Which models can draw, and waiting for those that load."""

# Tested in tests/api/test_failed_model.py.

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

from safelight.contract.catalogue import ModelEntry
from safelight.contract.errors import InternalError, Unavailable
from safelight.service.ports.engine import Engine, ModelState

# When to ask again for a model whose loading has not begun: its worker is just starting.
_LOADING_RETRY_SECONDS = 10.0
_AWAY_RETRY_SECONDS = 5.0


def shutting_down() -> Unavailable:
    """What whoever comes too late is told."""
    return Unavailable("The server is shutting down.", code="shutting_down", retry_after_seconds=5.0)


class Readiness:
    """Waits for models, at most `load_wait_seconds` where nothing else is said. Once the server drains nobody waits."""

    def __init__(self, engine: Engine, load_wait_seconds: float = 120.0) -> None:
        self._engine = engine
        self._load_wait_seconds = load_wait_seconds
        self._draining = asyncio.Event()
        self._is_leaving = False

    @property
    def leaving(self) -> bool:
        """True once `leave` or `drain` was called: whoever chooses among servers had better take another."""
        return self._is_leaving or self.draining

    @property
    def away(self) -> Unavailable | None:
        """Why nothing that draws can be reached just now; None while it can. Whoever can ask elsewhere had better."""
        reason = self._engine.state().away
        if not reason:
            return None
        return Unavailable(reason, code="engine_overloaded", retry_after_seconds=_AWAY_RETRY_SECONDS)

    def leave(self) -> None:
        """Say that nothing new will be taken soon."""
        self._is_leaving = True

    @property
    def draining(self) -> bool:
        """True once `drain` was called: nothing new is taken."""
        return self._draining.is_set()

    def drain(self) -> None:
        """Take nothing new; whoever waits for a model is told so."""
        self._draining.set()

    def state(self, model: ModelEntry) -> ModelState:
        """How a model stands now."""
        return self._engine.state().model(model.source)

    async def described(self, model: ModelEntry, wait_seconds: float | None = None) -> ModelState:
        """Returns once the engine has said what a model can do, or that it cannot be had.

        Raises:
            Unavailable: that took too long, the server shuts down, or what draws cannot be reached.
        """
        return await self._wait_for(
            model, lambda state: state.traits is not None or state.status != "loading", wait_seconds
        )

    async def loaded(self, model: ModelEntry, wait_seconds: float | None = None) -> ModelState:
        """Returns once a model does not load any more, however that went.

        Raises:
            Unavailable: that took too long, the server shuts down, or what draws cannot be reached.
        """
        return await self._wait_for(model, lambda state: state.status != "loading", wait_seconds)

    async def can_draw(self, model: ModelEntry, wait_seconds: float | None = None) -> ModelState:
        """A request that comes while its model loads waits for it.

        Raises:
            Unavailable: that took too long, the server shuts down, or what draws cannot be reached.
            InternalError: the model has failed.
        """
        state = await self.loaded(model, wait_seconds)
        if state.status == "failed":
            raise cannot_draw(model, state)
        return state

    async def _wait_for(
        self, model: ModelEntry, enough: Callable[[ModelState], bool], wait_seconds: float | None
    ) -> ModelState:
        wait = self._load_wait_seconds if wait_seconds is None else wait_seconds
        deadline = asyncio.get_running_loop().time() + wait if math.isfinite(wait) else None
        while not enough(state := self.state(model)):
            if self.draining:
                raise shutting_down()
            if (
                deadline is not None and (away := self.away) is not None
            ):  # a job waits; who asks had better ask elsewhere
                raise away
            try:
                async with asyncio.timeout_at(deadline):
                    await self._engine_changed_or_draining()
            except TimeoutError:
                expected = max(1.0, state.ready_in_seconds or _LOADING_RETRY_SECONDS)
                raise Unavailable(
                    f"The model {model.id} is still loading, for about {expected:.0f} s more.",
                    code="model_loading",
                    retry_after_seconds=expected,
                ) from None
        return state

    async def _engine_changed_or_draining(self) -> None:
        waits = [asyncio.ensure_future(w) for w in (self._engine.changed(), self._draining.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()


def cannot_draw(model: ModelEntry, state: ModelState) -> InternalError:
    """Why that model cannot draw, for callers."""
    reason = state.reason or "The reason is in the server's log."
    return InternalError(f"The model {model.id} cannot draw. {reason}", retry_helps=False)
