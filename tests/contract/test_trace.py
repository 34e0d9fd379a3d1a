"""A request's span is in the caller's trace, and what systems on the way noted goes with it."""

from __future__ import annotations

import re

import pytest

from safelight.contract.requests.trace import NO_TRACE, TraceContext, below

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
CALLER = f"00-{TRACE}-{SPAN}-01"


def test_a_request_is_a_new_span_of_the_callers_trace() -> None:
    one, another = below(CALLER, "vendor=a"), below(CALLER, "vendor=a")
    assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", one.traceparent)
    assert len({SPAN, one.traceparent.split("-")[2], another.traceparent.split("-")[2]}) == 3
    assert (one.trace_id, one.tracestate) == (TRACE, "vendor=a")


@pytest.mark.parametrize(("flags", "told"), [("00", "00"), ("01", "01"), ("02", "00"), ("ff", "01")])
def test_it_is_recorded_if_the_caller_records(flags: str, told: str) -> None:
    made = below(f"00-{TRACE}-{SPAN}-{flags}", "")
    assert made.traceparent.endswith(f"-{told}")
    assert made.sampled == (told == "01")


@pytest.mark.parametrize(
    "traceparent",
    ["", "nonsense", f"ff-{TRACE}-{SPAN}-01", f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", CALLER.upper()],
)
def test_where_no_trace_is_named_it_is_the_first_span_of_one(traceparent: str) -> None:
    made = below(traceparent, "vendor=a")
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", made.traceparent)
    assert made.trace_id not in (TRACE, "0" * 32)
    assert made.tracestate == "", "it belongs to a trace that is not there"


def test_a_later_version_may_say_more() -> None:
    assert below(f"cc-{TRACE}-{SPAN}-01-more", "").trace_id == TRACE


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("a=1, b=2 ,,c@d=x y", "a=1,b=2,c@d=x y"),
        ("a=1,nonsense", ""),
        ("a=\0", ""),
        ("a=é", ""),
        (f"a={'x' * 250},b={'y' * 250},c={'z' * 250}", f"a={'x' * 250},b={'y' * 250}"),
    ],
)
def test_of_what_others_noted_whole_members_are_kept_and_no_more_than_512_characters(said: str, kept: str) -> None:
    assert below(CALLER, said).tracestate == kept


def test_where_nothing_is_traced_there_is_no_id() -> None:
    assert TraceContext("", "") == NO_TRACE
    assert NO_TRACE.trace_id == ""
    assert not NO_TRACE.sampled
