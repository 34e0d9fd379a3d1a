"""The trace behind a number, or the request, which OpenMetrics can say of counters and of what histograms count."""

# Tested in tests/api/test_state.py.

from __future__ import annotations

from safelight.contract.requests.trace import NO_TRACE, TraceContext

# OpenMetrics allows 128 characters, names and values together.
_LONGEST = 128 - len("request_id")


def exemplar_of(request_id: str, trace: TraceContext = NO_TRACE) -> dict[str, str] | None:
    """What is said of a request: its trace, by the name under which Grafana looks for one, where that is recorded; else
    its id in the log, None where that is too long.
    """
    if trace.sampled:
        return {"trace_id": trace.trace_id}
    return {"request_id": request_id} if 0 < len(request_id) <= _LONGEST else None
