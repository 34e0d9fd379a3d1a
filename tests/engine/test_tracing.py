"""Tracing gives memory back as it goes, and leaves nothing of that in the graph or behind."""

from __future__ import annotations

import pytest
import torch

from safelight.engine.runtimes import tracing
from safelight.engine.runtimes.writing import write


def test_memory_goes_back_between_modules_and_the_graph_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.SiLU(), torch.nn.Linear(64, 8)).eval()
    given = (torch.rand(2, 64),)
    kept, _ = write(module, module.forward, given, {})
    times: list[None] = []
    monkeypatch.setattr(tracing, "give_back", lambda: times.append(None))
    monkeypatch.setattr(tracing, "_OFTEN_BYTES", given[0].nbytes)
    written, _ = write(module, module.forward, given, {})
    # After the two that return as much as that. What the third and the whole return is less.
    assert len(times) == 2
    assert written.digest == kept.digest
    module(*given)
    assert len(times) == 2
