"""Traces, where the setting asks for them."""

# Tested in tests/adapters/test_tracing.py.

from __future__ import annotations

from collections.abc import Awaitable, Callable

from safelight.contract.errors import ConfigurationError
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings

Closing = Callable[[], Awaitable[None]]


def open_tracing(
    settings: Settings, telemetry: Telemetry
) -> tuple[Telemetry, tuple[Callable[[], Awaitable[None]], ...]]:
    """Who is told of facts, and what is called at the end.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    if settings.tracing is None:
        return telemetry, ()
    try:
        from safelight.adapters.tracing import Tracing  # brings OpenTelemetry, which is an extra
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"The setting `tracing` is there, and {error.name} is not installed. Install Safelight with its extra "
            "`tracing`."
        ) from None
    tracing = Tracing(telemetry, settings.tracing)
    return tracing, (tracing.close,)
