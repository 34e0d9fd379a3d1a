"""Telling once, when no model loads any more, how that went."""

# Tested in tests/cli/test_starting.py.

from __future__ import annotations

from collections.abc import Callable, Mapping

from safelight.contract.catalogue import Catalogue
from safelight.service.ports.engine import Engine

OnLoaded = Callable[[str, str | None, Mapping[str, str]], bool]
"""Called with the server's address, a link that signs in to the studio (None without a page), and of the models that
failed why, by id. False ends the server."""


async def loaded(engine: Engine, offered: Catalogue) -> dict[str, str]:
    """Waits until no model loads any more; of those that failed why, by id."""
    while True:
        states = {entry.id: engine.state().model(entry.source) for entry in offered}
        if all(state.status != "loading" for state in states.values()):
            return {name: state.reason or "" for name, state in states.items() if state.status == "failed"}
        await engine.changed()
