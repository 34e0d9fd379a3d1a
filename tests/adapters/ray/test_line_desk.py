"""The line as it is spoken to."""

from __future__ import annotations

import asyncio

from safelight.adapters.ray.line_desk import LineDesk
from safelight.adapters.ray.names import LINE, host_name, kind_and_replica
from safelight.protocol.hosting import HOSTING_VERSION
from safelight.protocol.placing import PLACING_VERSION, TellAll


async def test_a_stream_begins_with_a_question_and_ends_when_the_process_opens_another() -> None:
    desk = LineDesk()
    first, second = desk.placements("api"), desk.placements("api")
    async with asyncio.timeout(10):
        assert TellAll() in await anext(first)
        assert TellAll() in await anext(second)
        assert [batch async for batch in first] == []


def test_names_tell_versions_and_places() -> None:
    assert f"line-{PLACING_VERSION}.{HOSTING_VERSION}" == LINE
    assert kind_and_replica(host_name("l40s", "a1b2")) == ("l40s", "a1b2")
