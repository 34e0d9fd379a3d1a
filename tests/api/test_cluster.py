"""What the processes of one database ask each other, and what nobody else is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.in_process.feed import LocalFeed
from safelight.adapters.peers import HttpPeers
from safelight.contract.records.jobs import Course, JobRecord, JobUpdate, Origin, Progress, Wanted
from safelight.protocol.cluster.placing import LetInReply, LetInRequest
from safelight.protocol.peers.claims import LostClaim
from safelight.protocol.peers.steps import STEPS_PATH, Interest, StepNews, frame, read_frames
from safelight.protocol.peers.under_way import WorkAsked, WorkTold
from safelight.service.jobs.processes.leases import Leases
from safelight.service.jobs.processes.peers import Peers
from safelight.service.jobs.processes.steps import StepsElsewhere
from safelight.service.ports.processes.news import ProcessState, UnderWay
from tests.api.conftest import PICTURES, Running, Serve, until

ORIGIN = Origin(owner="key-a", request_id="r", created=0.0)
WANTED = Wanted(model="", drawn_by="", request={}, seed=0, width=0, height=0, output_format="png")
STEP = StepNews("job_1", "key-a", True, Progress(1, 4, 0.5), b"a preview")


async def _pieces(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
async def test_frames_are_read_however_they_are_cut(size: int) -> None:
    sent = frame(STEP) + frame(None) + frame(STEP)
    pieces = [sent[start : start + size] for start in range(0, len(sent), size)]
    assert [news async for news in read_frames(_pieces(*pieces))] == [STEP, STEP]


async def test_what_is_no_frame_ends_the_stream() -> None:
    for nonsense in (b"HTTP/1.1 200 OK", (5).to_bytes(4, "big") + b"\xff" * 5):
        with pytest.raises((ValueError, msgspec.DecodeError), match=r"frame|trunc|MessagePack|Expected|utf"):
            assert [news async for news in read_frames(_pieces(nonsense))] == []


@pytest.mark.parametrize("secret", ["-", "wrong", "the secret"])
@pytest.mark.parametrize("ours", ["", "the secret!"])
async def test_to_whoever_does_not_know_the_secret_it_is_not_there(running: Running, ours: str, secret: str) -> None:
    running.services.jobs.steps_for_peers.secret = ours
    nothing = await running.client.post("/cluster/nothing", json=[])
    for headers in ({"authorization": f"Bearer {secret}"}, {}, {"authorization": f"Bearer {running.key}"}):
        answer = await running.client.post(STEPS_PATH, json=[["key-a", None]], headers=headers)
        assert answer.status_code == nothing.status_code == 404
        assert answer.json()["error"]["code"] == nothing.json()["error"]["code"] == "not_found"


async def test_steps_and_previews_are_told_at_another_process_while_somebody_looks_there(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    running.services.jobs.steps_for_peers.secret = "the secret"
    body = {"model": "stable-image-ultra", "prompt": "a boat"}
    answer = await running.client.post(PICTURES, json=body, headers={"prefer": "respond-async"})
    job_id = answer.json()["id"]
    runner = running.services.jobs.runner
    await until(lambda: runner.running.holds)
    (owner,) = runner.owners
    feed, peers = LocalFeed(), Peers(None, name="there", workers=lambda: 1, seconds=lambda: 0.0)
    peers.others = [ProcessState(name="here", address=f"http://127.0.0.1:{running.port}", workers=1, seconds=0.0)]
    steps = StepsElsewhere(feed, peers, HttpPeers(lambda: "the secret"))
    asking = asyncio.create_task(steps.go_on())
    (drawn,) = [job for job, _, _ in runner.running.under_way()]
    assert not running.services.jobs.feed.wants_previews(drawn)
    with feed.watch(owner, job_id, previews=True) as watcher:
        await until(lambda: running.services.jobs.feed.wants_previews(drawn))
        assert running.services.jobs.feed.lookers == set()  # it does not ask back
        engine.gate.set()
        told: list[JobUpdate] = []
        while {update.kind for update in told} != {"progress", "preview"}:
            update = await watcher.next()
            assert update is not None
            told.append(update)
        assert {update.job.id for update in told} == {job_id}
        assert steps.progress(job_id) is not None
        assert steps.preview(job_id)
    await until(lambda: not running.services.jobs.feed.owners)  # nobody looks there any more, and so nobody here
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)


@pytest.mark.parametrize("address", ["http://127.0.0.1:{port}", "http://127.0.0.1:1", "http://[no address"])
async def test_a_process_that_cannot_be_reached_or_does_not_know_us_is_an_oserror(
    running: Running, address: str
) -> None:
    with pytest.raises(OSError, match=r"404|Connect|Invalid"):
        async for _ in HttpPeers(lambda: "another").told(address.format(port=running.port), [Interest("key-a")]):
            pass


async def test_interests_that_cannot_be_read_are_refused(running: Running) -> None:
    running.services.jobs.steps_for_peers.secret = "the secret"
    answer = await running.client.post(STEPS_PATH, content=b"{", headers={"authorization": "Bearer the secret"})
    assert answer.status_code == 400


async def test_what_another_has_taken_back_is_drawn_no_further(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine)
    running.services.jobs.steps_for_peers.secret = "the secret"
    calls, address = HttpPeers(lambda: "the secret"), f"http://127.0.0.1:{running.port}"
    body = {"model": "stable-image-ultra", "prompt": "a boat"}
    await running.client.post(PICTURES, json=body, headers={"prefer": "respond-async"})
    drawn = running.services.jobs.runner.running
    await until(lambda: drawn.holds)
    (hold,) = drawn.holds
    await calls.lost(address, [LostClaim(hold.job_id, hold.tries + 1), LostClaim("job_another", hold.tries)])
    assert drawn.holds == {hold}
    await calls.lost(address, [LostClaim(hold.job_id, hold.tries)])
    await until(lambda: hold not in drawn.holds)
    with pytest.raises(OSError, match="404"):
        await HttpPeers(lambda: "another").lost(address, [])


class Calls:
    """Notes what is said to whom; one cannot be reached."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Sequence[LostClaim]]] = []

    async def lost(self, address: str, claims: Sequence[LostClaim]) -> None:
        self.told.append((address, claims))
        if address == "http://gone":
            raise ConnectionError("there is nobody")


class Alive:
    """Processes that are alive, as the test says."""

    def __init__(self) -> None:
        self.names = ["one", "gone", "two"]

    async def renew(self, mine: ProcessState, under_way: UnderWay = tuple) -> Sequence[ProcessState]:
        return [ProcessState(name=name, address=f"http://{name}", workers=1, seconds=0.0) for name in self.names]

    async def leave(self, name: str) -> None:
        raise NotImplementedError

    async def let_in(self, request: LetInRequest) -> LetInReply:
        raise NotImplementedError


@pytest.mark.parametrize(("common", "all_workers", "own"), [(False, 5 + 3, 5), (True, 5, 2)])
async def test_workers_that_are_everybodys_count_once_and_each_process_finds_work_for_its_part(
    common: bool, all_workers: int, own: int
) -> None:
    peers = Peers(Alive(), name="here", workers=lambda: 5, seconds=lambda: 0.0, common_workers=common)
    await peers.renew()
    assert len(peers.others) == 3
    assert (peers.workers, peers.own_workers) == (all_workers, own)


async def test_others_are_told_what_was_taken_back_and_so_are_those_that_were_alive(running: Running) -> None:
    alive, calls = Alive(), Calls()
    peers = Peers(alive, name="here", workers=lambda: 1, seconds=lambda: 0.0)
    jobs = running.services.jobs
    leases = Leases(jobs.library._store, jobs.runner, peers, calls)
    await peers.renew()
    alive.names = ["two"]
    await peers.renew()
    await leases.tell([])
    assert calls.told == []
    await leases.tell([JobRecord(id="job_1", origin=ORIGIN, wanted=WANTED, course=Course(tries=2))])
    claims = [LostClaim("job_1", 2)]
    assert sorted(calls.told) == [("http://gone", claims), ("http://one", claims), ("http://two", claims)]
    alive.names = ["one", "two"]  # it is back
    await peers.renew()
    assert sorted(peers.addresses) == ["http://gone", "http://one", "http://two"]


@pytest.mark.one_process("its two servers are its own, and know each other by name")
async def test_a_request_that_another_process_draws_is_told_and_ended_by_its_key_alone(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    drawing, asked = await serve(engine=engine, sdapi=True), await serve(sdapi=True)
    drawing.services.jobs.steps_for_peers.secret = asked.services.jobs.steps_for_peers.secret = "the secret"
    gone = ProcessState(name="gone", address="http://127.0.0.1:1", workers=1, seconds=0.0)
    there = ProcessState(name="there", address=f"http://127.0.0.1:{drawing.port}", workers=1, seconds=0.0)
    elsewhere = asked.services.jobs.under_way_elsewhere
    elsewhere._peers.others = [gone, there]
    asking = asyncio.create_task(drawing.client.post("/sdapi/v1/txt2img", json={"prompt": "a boat"}))
    await until(lambda: engine.submitted)
    (key,) = await drawing.services.keys.all()
    assert await elsewhere.of("key-another", stop=True) == []
    assert await elsewhere.of(key.id) == [WorkTold(0, 0)]
    own = await asked.client.get("/sdapi/v1/progress")
    assert own.json()["state"]["job_count"] == 0, "its key is another"
    assert await elsewhere.of(key.id, stop=True) == [WorkTold(0, 0)]
    assert (await asking).json()["images"] == []
    assert await elsewhere.of(key.id) == []


async def test_what_a_process_says_of_its_requests_that_is_none_of_it_is_an_oserror(running: Running) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\nconnection: close\r\n\r\n{")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        address = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(OSError, match="cannot be read"):
            await HttpPeers(lambda: "the secret").under_way(address, WorkAsked("key-a"))
