"""What they import to collect all tests: PyTorch and what makes tiny checkpoints with it, and clients, too."""

from __future__ import annotations

from tests.forking.suite import import_quietly

import_quietly(
    (
        "benchmarks.checkpoints.build",
        "benchmarks.checkpoints.tiny",
        "openai",
        "playwright.sync_api",
        "safelight.cli.app",
    )
)
