"""The line as it is spoken to."""

from __future__ import annotations

import asyncio
from time import monotonic

from safelight.adapters.ray.line.desk import LineDesk
from safelight.adapters.ray.names import LINE, host_name, kind_and_replica
from safelight.protocol.cluster.hosting import HOSTING_VERSION
from safelight.protocol.cluster.placing import (
    PLACING_VERSION,
    ApiBatch,
    Ask,
    HostModel,
    HostReport,
    LetInRequest,
    Placed,
    TellAll,
    Wanted,
)


async def test_a_stream_begins_with_a_question_and_ends_when_the_process_opens_another() -> None:
    desk = LineDesk()
    first, second = desk.placements("api"), desk.placements("api")
    async with asyncio.timeout(60):
        assert TellAll() in await anext(first)
        assert TellAll() in await anext(second)
        assert [batch async for batch in first] == []


async def test_a_line_that_just_began_waits_to_be_told_before_it_lets_in_or_places_anything() -> None:
    began, desk = monotonic(), LineDesk(settle_seconds=0.3)
    model = HostModel(source="m", status="ready", where="device")
    async with asyncio.timeout(60):
        stream = desk.placements("api")
        assert TellAll() in await anext(stream)
        await desk.report([HostReport(host="one", models=(model,))])
        await desk.tell(ApiBatch(api="api", messages=(Ask(job="job", source="m"),), whole=True))
        wanted = LetInRequest(api="api", wanted=(Wanted(owner="key", seconds=1.0),), bound_seconds=2.0)
        assert (await desk.let_in(wanted)).waits == (0.0,)
        assert monotonic() - began >= 0.3
        while Placed(job="job", host="one") not in await anext(stream):
            assert (await desk.standing()).drawing == 0


def test_names_tell_versions_and_places() -> None:
    assert f"line-{PLACING_VERSION}.{HOSTING_VERSION}" == LINE
    assert kind_and_replica(host_name("l40s", "a1b2")) == ("l40s", "a1b2")
