"""The request behind a number, which OpenMetrics can say of counters and of what histograms count."""

# Tested in tests/api/test_state.py.

from __future__ import annotations

# OpenMetrics allows 128 characters, names and values together.
_LONGEST = 128 - len("request_id")


def exemplar_of(request_id: str) -> dict[str, str] | None:
    """What is said of a request with that id; None where it is too long."""
    return {"request_id": request_id} if 0 < len(request_id) <= _LONGEST else None
