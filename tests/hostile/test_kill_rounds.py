"""A few rounds of killing and stopping under load; `kill_rounds` says what holds at the end, and does hundreds."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.hostile.kill_rounds.run import run

ROUNDS = int(os.environ.get("SAFELIGHT_KILL_ROUNDS", "10"))


@pytest.mark.timeout(60 * 60)
def test_every_accepted_job_ends_once_whatever_dies(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not request.config.getoption("--several"):
        pytest.skip("it takes a minute: `make test-several` runs it")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    print(run(tmp_path, ROUNDS, random.randrange(10**6)))
