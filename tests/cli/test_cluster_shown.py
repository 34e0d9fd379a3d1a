"""`safelight ps` with a cluster: what it says of a line and its hosts, and who it says holds which jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.adapters.sql.held import holdings
from safelight.bootstrap.engines.cluster import Seen
from safelight.cli.serving.cluster_shown import Shown, lease_in_words, line_in_words, print_shown
from safelight.protocol.cluster.deploying import Application, KindStanding
from safelight.protocol.cluster.placing import HostStanding, LineStanding
from safelight.service.ports.processes.news import ProcessState
from safelight.service.ports.stores.jobs import LEASE_SECONDS
from tests.contracts.jobs import job
from tests.databases import Kept, kept_in

_HOST = HostStanding(
    host="l40s/abc", kind="l40s", room=2, taken=1, on_device=("sdxl",), fingerprints=("f" * 64,), silent_seconds=1.2
)
_LINE = LineStanding(
    age_seconds=90,
    waiting=3,
    waiting_seconds=12,
    oldest_seconds=4,
    drawing=2,
    placed=40,
    apis=("a", "b"),
    hosts=(_HOST,),
)


@pytest.fixture(params=["sqlite", "postgresql"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Kept:
    return kept_in(request, tmp_path)


async def test_who_holds_jobs_is_said_with_the_time_that_is_left(kept: Kept) -> None:
    database = await kept.open()
    try:
        for number in range(1, 5):
            await database.jobs.add(job(number))
        await database.jobs.claim(["job_1", "job_2"], 2, 1.0, "one")
        if database.processes is not None:
            await database.processes.renew(ProcessState(name="two", address="http://two:1", workers=1, seconds=0.0))
        await database.jobs.claim(["job_3"], 1, 1.0, "two")
        found = {each.process: each for each in await holdings(database.dialect)}
    finally:
        await database.close()
    assert {name: each.jobs for name, each in found.items()} == {"one": 2, "two": 1}
    assert found["two"].address == ("" if kept.url is None else "http://two:1")
    assert all(0 < each.seconds_left <= LEASE_SECONDS for each in found.values())


def test_a_cluster_is_shown_to_a_person(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = (KindStanding(kind="l40s", running=1, wanted=2, status="UPDATING", message="No GPU is free."),)
    seen = Seen(line=_LINE, hosts=Application(status="DEPLOYING", kinds=kinds))
    print_shown(Shown(seen=seen, leases=()))
    shown = capsys.readouterr().out
    assert shown.startswith(
        "The line of 2 api processes: 3 wait (12 s of work, the oldest for 4 s), 2 are drawn, 40 were"
    )
    assert "l40s: 1 of 2 hosts run: No GPU is free." in shown
    row = next(row for row in shown.splitlines() if row.startswith("l40s/abc"))
    assert row.split() == ["l40s/abc", "l40s", "1", "of", "2", "sdxl", "1", "s", "ago", "f" * 12]


def test_an_idle_line_and_a_lease_that_ran_out_are_said_in_words() -> None:
    assert line_in_words(LineStanding()).startswith("The line of 0 api processes: 0 wait, 0 are drawn, 0 were placed")
    assert (lease_in_words(3.4), lease_in_words(-7.0)) == ("3 s", "ended 7 s ago")
