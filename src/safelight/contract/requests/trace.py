"""Which trace a request belongs to (W3C Trace Context, https://www.w3.org/TR/trace-context/)."""

# Tested in tests/contract/test_trace.py.

from __future__ import annotations

import re
import secrets

import msgspec

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?P<trace>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})(-.*)?"
)
_MEMBER = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{1,256}")
# What everybody has to hand on at least (3.3.1.5); a job keeps it for as long as it is kept.
_MOST_STATE = 512
_SAMPLED = 1


class TraceContext(msgspec.Struct, frozen=True):
    """A span, as `traceparent` names it, and what systems on the way to it noted for themselves (`tracestate`).

    Both are empty where nothing is traced.
    """

    traceparent: str = ""
    tracestate: str = ""

    @property
    def trace_id(self) -> str:
        """32 hexadecimal digits; empty where nothing is traced."""
        return self.traceparent.split("-")[1] if self.traceparent else ""

    @property
    def sampled(self) -> bool:
        """Whether it is recorded, so that its id leads anywhere."""
        return bool(self.traceparent) and bool(int(self.traceparent.split("-")[3], 16) & _SAMPLED)


NO_TRACE = TraceContext()


def below(traceparent: str, tracestate: str) -> TraceContext:
    """A new span for a request with these heads: in the caller's trace, and recorded if the caller records, where the
    first names a trace (3.2); else the first span of a trace."""
    theirs = _TRACEPARENT.fullmatch(traceparent)
    span = secrets.token_hex(8)
    if theirs is None:
        return TraceContext(f"00-{secrets.token_hex(16)}-{span}-01")
    sampled = int(theirs["flags"], 16) & _SAMPLED
    return TraceContext(f"00-{theirs['trace']}-{span}-0{sampled}", _kept(tracestate))


def _kept(tracestate: str) -> str:
    """The first members of a list, as many as fit; nothing of what is no such list."""
    members = [member.strip() for member in tracestate.split(",") if member.strip()]
    if not all(_MEMBER.fullmatch(member) for member in members):
        return ""
    while len(",".join(members)) > _MOST_STATE:
        members.pop()
    return ",".join(members)
