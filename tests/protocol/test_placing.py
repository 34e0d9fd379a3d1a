"""What is said to the line and by it survives the wire, also between an older version and a newer one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.contract.errors import ProtocolError
from safelight.protocol.cluster.placing import (
    Amount,
    ApiBatch,
    Ask,
    Drawing,
    Ended,
    FromApi,
    FromHost,
    FromLine,
    HostGone,
    HostModel,
    HostReport,
    Hosts,
    HostStanding,
    Joined,
    Leave,
    LetInReply,
    LetInRequest,
    LineStanding,
    Placed,
    TellAll,
    UnderWay,
    Wanted,
)
from safelight.protocol.cluster.placing_bytes import (
    encode,
    encode_all,
    read_api_batch,
    read_from_host,
    read_from_line,
    read_let_in_reply,
    read_let_in_request,
    read_standing,
)

_ASK = Ask(
    job="job_1",
    group="key-a",
    weight=2.0,
    source="postcard",
    seconds=1.5,
    background=True,
    alone=True,
    waited_seconds=3.0,
    identity=b"\x00\xff",
    fingerprint="f-1",
    avoid=("host-1",),
)
_HOST = HostReport(
    host="host-2",
    kind="l40s",
    room=4,
    workers=2,
    in_hand=("job_2",),
    models=(HostModel(source="postcard", status="ready", where="device", fingerprint="f-1", state=b"\x81"),),
    work_seconds=2.5,
    draining=True,
)
_FROM_API: list[FromApi] = [
    _ASK,
    Ask(job="job_2"),
    Leave(job="job_1"),
    Drawing(ask=_ASK, host="host-2", leader="job_0"),
    Ended(job="job_1", seconds=2.0),
    UnderWay(amounts=(Amount(owner="key-a", seconds=4.0),)),
]
_FROM_HOST: list[FromHost] = [_HOST, HostReport(host="host-3"), HostGone(host="host-1")]
_FROM_LINE: list[FromLine] = [
    TellAll(),
    Placed(job="job_1", host="host-2"),
    Joined(job="job_3", leader="job_1", host="host-2"),
    Hosts(hosts=(_HOST,), gone=("host-1",), whole=True),
]


@given(api=st.text(), whole=st.booleans(), messages=st.lists(st.sampled_from(_FROM_API)))
def test_a_batch_of_an_api_process_arrives_as_it_was_sent(api: str, whole: bool, messages: list[FromApi]) -> None:
    sent = ApiBatch(api=api, messages=tuple(messages), whole=whole)
    assert read_api_batch(encode(sent)) == sent


@given(st.lists(st.sampled_from(_FROM_HOST)))
def test_what_hosts_say_arrives_as_it_was_sent(messages: list[FromHost]) -> None:
    assert read_from_host(encode_all(messages)) == tuple(messages)


@given(st.lists(st.sampled_from(_FROM_LINE)))
def test_what_the_line_says_arrives_as_it_was_sent(messages: list[FromLine]) -> None:
    assert read_from_line(encode_all(messages)) == tuple(messages)


def test_questions_and_answers_arrive_as_they_were_sent() -> None:
    amount = Amount(owner="key-a", weight=2.0, seconds=4.0)
    wanted = (Wanted(owner="key-a", seconds=2.0, here_seconds=1.0),)
    request = LetInRequest(api="api-1", wanted=wanted, own=(amount,), workers=1, bound_seconds=30.0)
    assert read_let_in_request(encode(request)) == request
    reply = LetInReply(waits=(0.0, 2.5))
    assert read_let_in_reply(encode(reply)) == reply
    standing = LineStanding(waiting=3, apis=("api-1",), hosts=(HostStanding(host="host-1", on_device=("postcard",)),))
    assert read_standing(encode(standing)) == standing


class _Newer(msgspec.Struct, tag="Prophecy"):
    """A message of a kind that is not known yet."""

    of: str = "rain"


def _with_more(message: msgspec.Struct) -> dict[str, Any]:
    """A message as a newer version says it: with a field that is not known yet."""
    return {**msgspec.to_builtins(message, builtin_types=(bytes,)), "mood": {"kind": "good"}}


def test_what_a_newer_version_says_more_is_passed_over() -> None:
    more = msgspec.msgpack.encode({"api": "a", "messages": [_with_more(m) for m in _FROM_API], "age": 3})
    assert read_api_batch(more) == ApiBatch(api="a", messages=tuple(_FROM_API))
    newer = msgspec.msgpack.encode({"api": "a", "messages": [_Newer(), *map(_with_more, _FROM_API)], "whole": True})
    assert read_api_batch(newer) == ApiBatch(api="a", messages=tuple(_FROM_API), whole=True)
    assert read_from_host(msgspec.msgpack.encode([_with_more(_HOST), _Newer()])) == (_HOST,)
    assert read_from_line(msgspec.msgpack.encode([_Newer(), *map(_with_more, _FROM_LINE)])) == tuple(_FROM_LINE)


@pytest.mark.parametrize(
    ("tag", "named"),
    [("Ask", {"job": "j"}), ("Leave", {"job": "j"}), ("Drawing", {"ask": {"type": "Ask", "job": "j"}, "host": "h"})],
)
def test_what_an_older_version_does_not_say_has_its_default(tag: str, named: dict[str, Any]) -> None:
    (read,) = read_api_batch(msgspec.msgpack.encode({"api": "a", "messages": [{"type": tag, **named}]})).messages
    by_default = {"Ask": Ask(job="j"), "Leave": Leave(job="j"), "Drawing": Drawing(ask=Ask(job="j"), host="h")}
    assert read == by_default[tag]


@pytest.mark.parametrize("read", [read_api_batch, read_from_host, read_from_line, read_let_in_request, read_standing])
@pytest.mark.parametrize("payload", [b"", b"\xc1", b"[]", msgspec.msgpack.encode([1, 2]), encode(_ASK)[:-1]])
def test_nonsense_is_refused(read: Callable[[bytes], object], payload: bytes) -> None:
    with pytest.raises(ProtocolError, match="No message of the line's protocol"):
        read(payload)


def test_a_known_message_with_a_wrong_field_is_refused() -> None:
    for messages in ([{"type": "Ask", "job": 3}], [{"type": "Prophecy"}, {"type": "Ask", "job": 3}]):
        with pytest.raises(ProtocolError, match="job"):
            read_api_batch(msgspec.msgpack.encode({"api": "a", "messages": messages}))
