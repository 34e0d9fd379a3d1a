"""Batches over a database and the place for pictures."""

# Tested in tests/api/test_batches.py.

from __future__ import annotations

from safelight.adapters.files import open_files
from safelight.adapters.sql import Database
from safelight.bootstrap.use_cases.drawing import Drawing
from safelight.bootstrap.use_cases.jobs import patience_for_fingerprints
from safelight.service.access.keys import Keys
from safelight.service.batches.batches import Batches
from safelight.service.batches.files import BatchFiles
from safelight.service.batches.line_claims import LineClaims
from safelight.service.batches.line_drawing import LineDrawing
from safelight.service.batches.runner import BatchRunner
from safelight.service.jobs.jobs import Jobs
from safelight.service.ports.stores.files import FileStore
from safelight.settings import Settings


def open_batches(settings: Settings, database: Database, drawing: Drawing, jobs: Jobs, keys: Keys) -> Batches:
    """The use cases over stores that are open; nothing is drawn yet."""
    store, files = database.batches, open_files(settings.files, settings.home)
    kept = BatchFiles(
        store=store, files=files, disks=jobs.disks, may_delete=jobs.retention.may_delete, clock=database.clock
    )
    patience = patience_for_fingerprints(settings, jobs.peers)
    runner = BatchRunner(
        store=store,
        claims=LineClaims(store, jobs.peers, drawing.generate.all_fingerprints, patience),
        drawing=_open_line_drawing(database, drawing, jobs, files),
        generate=drawing.generate,
        disks=jobs.disks,
        content=kept.content,
        principal_of=keys.by_id,
        peers=jobs.peers,
        most_line_bytes=settings.max_body_bytes,
        clock=database.clock,
    )
    return Batches(store=store, files=kept, runner=runner, clock=database.clock)


def _open_line_drawing(database: Database, drawing: Drawing, jobs: Jobs, files: FileStore) -> LineDrawing:
    return LineDrawing(
        store=database.batches,
        entrance=drawing.entrance,
        generate=drawing.generate,
        files=files,
        disks=jobs.disks,
        holder=jobs.peers.name,
    )
