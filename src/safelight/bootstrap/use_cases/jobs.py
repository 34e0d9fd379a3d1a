"""Durable jobs over a database and a place for pictures."""

# Tested in tests/e2e/test_jobs_survive.py.

from __future__ import annotations

from dataclasses import dataclass

from safelight.adapters.files.thumbnails import average_color, thumbnail
from safelight.adapters.in_process.feed import LocalFeed
from safelight.adapters.peers import HttpPeers
from safelight.adapters.sql import Database
from safelight.bootstrap.use_cases.drawing import Drawing
from safelight.bootstrap.use_cases.keeping import Keeping, WeightOf, open_keeping
from safelight.contract.catalogue import Catalogue
from safelight.service.access.keys import Keys
from safelight.service.jobs.accept import Acceptance
from safelight.service.jobs.jobs import Jobs
from safelight.service.jobs.library import Library
from safelight.service.jobs.once import DrawnOnce
from safelight.service.jobs.processes.elsewhere import Elsewhere
from safelight.service.jobs.processes.peers import Peers
from safelight.service.jobs.processes.steps import StepsElsewhere, StepsForPeers
from safelight.service.jobs.processes.under_way import UnderWayElsewhere
from safelight.service.jobs.running.job_drawing import JobDrawing
from safelight.service.jobs.running.line import JobLine
from safelight.service.jobs.running.runner import JobRunner
from safelight.service.jobs.tending import Tending
from safelight.service.ports.telemetry import Telemetry
from safelight.settings import Settings


@dataclass(frozen=True, kw_only=True)
class _Ground:
    """What all parts of jobs stand on."""

    settings: Settings
    database: Database
    drawing: Drawing
    feed: LocalFeed
    kept: Keeping
    peers: Peers
    weight_of: WeightOf


def open_jobs(
    settings: Settings,
    database: Database,
    drawing: Drawing,
    offered: Catalogue,
    telemetry: Telemetry,
    keys: Keys | None = None,
) -> Jobs:
    """Durable jobs over a store that is open; nothing is resumed yet."""
    feed, weight_of = LocalFeed(), keys.weight if keys else _as_any_other
    kept = open_keeping(settings, database, feed, telemetry, weight_of)
    peers = _open_peers(settings, database, drawing)
    ground = _Ground(
        settings=settings,
        database=database,
        drawing=drawing,
        feed=feed,
        kept=kept,
        peers=peers,
        weight_of=weight_of,
    )
    return _open_on(ground, _open_runner(ground, offered))


def _open_on(ground: _Ground, runner: JobRunner) -> Jobs:
    """What is done with jobs, whoever asks: accepting, giving, tending; and what other processes are told and asked."""
    feed, kept, peers = ground.feed, ground.kept, ground.peers
    acceptance, library = _open_acceptance(ground, runner), _open_library(ground, runner)
    once = DrawnOnce(
        acceptance=acceptance,
        library=library,
        generate=ground.drawing.generate,
        runner=runner,
        feed=feed,
        disks=kept.disks,
    )
    for_peers = StepsForPeers(feed, runner, peers.name)
    calls = HttpPeers(lambda: for_peers.secret)
    steps = StepsElsewhere(feed, peers, calls)
    return Jobs(
        acceptance=acceptance,
        once=once,
        library=library,
        tending=_open_tending(ground, runner, library, once, calls, steps),
        runner=runner,
        retention=kept.retention,
        feed=feed,
        steps=steps,
        steps_for_peers=for_peers,
        under_way_elsewhere=UnderWayElsewhere(peers, calls),
        peers=peers,
        disks=kept.disks,
    )


def _open_acceptance(ground: _Ground, runner: JobRunner) -> Acceptance:
    kept = ground.kept
    return Acceptance(
        store=ground.database.jobs,
        files=kept.files,
        generate=ground.drawing.generate,
        feed=ground.feed,
        runner=runner,
        disks=kept.disks,
        inputs=kept.inputs,
        color_of=average_color,
        new_id=kept.place.new_job_id,
        steady=kept.retention.clock,
        holder=ground.peers.name,
        clock=ground.database.clock,
    )


def _open_library(ground: _Ground, runner: JobRunner) -> Library:
    return Library(
        store=ground.database.jobs,
        files=ground.kept.files,
        feed=ground.feed,
        runner=runner,
        retention=ground.kept.retention,
        thumbnail_of=thumbnail,
        most_queued=ground.settings.jobs_waiting,
        clock=ground.database.clock,
    )


def _open_tending(
    ground: _Ground, runner: JobRunner, library: Library, once: DrawnOnce, calls: HttpPeers, steps: StepsElsewhere
) -> Tending:
    store, feed, peers = ground.database.jobs, ground.feed, ground.peers
    return Tending(
        store=store,
        generate=ground.drawing.generate,
        feed=feed,
        runner=runner,
        retention=ground.kept.retention,
        disks=ground.kept.disks,
        library=library,
        once=once,
        peers=peers,
        elsewhere=Elsewhere(store=store, runner=runner, feed=feed, holder=peers.name, progress_of=steps.progress),
        calls=calls,
        clock=ground.database.clock,
    )


def _open_peers(settings: Settings, database: Database, drawing: Drawing) -> Peers:
    generate = drawing.generate
    return Peers(
        database.processes,
        name=database.process,
        workers=lambda: generate.workers,
        seconds=lambda: generate.work_seconds * max(1, generate.workers),
        under_way=drawing.everywhere.settled_under_way,
        common_workers=settings.engine == "ray",
    )


def patience_for_fingerprints(settings: Settings, peers: Peers) -> float:
    """Seconds for which what was begun elsewhere is left to a process with its fingerprint. Over Ray the line has
    patience, and alone on a database nobody else comes."""
    return settings.load_wait_seconds if peers.shared and settings.engine != "ray" else 0.0


def _open_runner(ground: _Ground, offered: Catalogue) -> JobRunner:
    return JobRunner(
        drawing=_open_job_drawing(ground),
        generate=ground.drawing.generate,
        catalogue=offered,
        feed=ground.feed,
        line=_open_line(ground),
        disks=ground.kept.disks,
        weight_of=ground.weight_of,
        seconds_elsewhere=lambda: ground.peers.seconds_elsewhere,
    )


def _open_job_drawing(ground: _Ground) -> JobDrawing:
    return JobDrawing(
        store=ground.database.jobs,
        files=ground.kept.files,
        generate=ground.drawing.generate,
        entrance=ground.drawing.entrance,
        feed=ground.feed,
        disks=ground.kept.disks,
        inputs=ground.kept.inputs,
        color_of=average_color,
        weight_of=ground.weight_of,
        holder=ground.peers.name,
        clock=ground.database.clock,
    )


def _open_line(ground: _Ground) -> JobLine:
    settings, generate, peers = ground.settings, ground.drawing.generate, ground.peers
    return JobLine(
        most=settings.jobs_waiting,
        workers=lambda: peers.own_workers,
        is_here=generate.is_here,
        all_workers=lambda: peers.workers,
        has=lambda source, fingerprint: fingerprint in generate.fingerprints(source),
        patience_seconds=patience_for_fingerprints(settings, peers),
    )


async def _as_any_other(owner: str) -> float:
    return 1.0
