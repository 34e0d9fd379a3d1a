"""A server's beginning: what takes longest is started, then the rest is imported beside it."""

# Tested in tests/cli/test_starting.py.

from __future__ import annotations

import gc

from safelight.bootstrap.loaded import OnLoaded
from safelight.bootstrap.spared_imports import spared
from safelight.settings import Settings


def start_and_serve(settings: Settings, on_loaded: OnLoaded | None = None) -> int:
    """Serve until a signal; the process's exit status. It is 1 where `on_loaded` ended the server.

    Raises:
        ConfigurationError: something that the operator can mend, before anything was served.
    """
    with spared():
        from safelight.bootstrap.engines.engine import head_start

    with head_start(settings) as begun:
        gc.disable()  # what is imported stays: to look through it, again and again, takes a tenth of a start
        with spared():
            from safelight.bootstrap.serve import serve

        gc.freeze()
        gc.enable()
        return serve(settings, on_loaded, begun)
