"""How many workers a server begins with, by its settings and the GPUs that are counted."""

from __future__ import annotations

import pytest

from safelight.bootstrap.engine import worker_count
from safelight.settings import read_settings


@pytest.mark.parametrize(
    ("workers", "device", "gpus", "count"),
    [
        ("auto", "auto", 4, 4),
        ("auto", "auto", 1, None),
        ("auto", "auto", 0, None),
        ("auto", "auto", None, None),
        ("auto", "auto", 100, 64),
        ("auto", "cuda", 4, 4),
        ("auto", "cuda:1", 4, None),
        ("auto", "cpu", 4, None),
        (2, "auto", 4, 2),
    ],
)
def test_each_gpu_has_a_worker(workers: str | int, device: str, gpus: int | None, count: int | None) -> None:
    settings = read_settings({"workers": workers, "device": device})
    assert worker_count(settings, lambda: gpus) == count
