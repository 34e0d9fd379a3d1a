"""Tracing gives memory back as it goes, and leaves nothing of that in the graph or behind."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
from torch.nn.modules import module as hooks

from safelight.engine.runtimes import tracing
from safelight.engine.runtimes.writing import write

# In a process that keeps what it frees, as a worker's does: some megabytes of its peak, and of what its modules made.
# Each makes more than the one before, so that no hole is long enough for the next.
_TRACED = """
import torch

from safelight.engine.machine.cpu.allocator import give_back, keep_freed_memory
from safelight.engine.runtimes import tracing

keep_freed_memory()
torch.set_num_threads(1)
tracing._OFTEN_BYTES = 16 * 1024**2
widths, rows = range(256, 1024, 32), 16384


def resident(name):
    return next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith(name))


def traced(widths, rows):
    linear, chain = torch.nn.Linear, torch.nn.Sequential
    net = chain(*(chain(linear(8, wide), torch.nn.SiLU(), linear(wide, 8)) for wide in widths)).eval()
    given = torch.rand(rows, 8)
    tracing.converted(tracing.Flat(net, net.forward, ((given,), {})), [given])


traced([8], 2)  # what is imported and made once
give_back()
before = resident("VmRSS")
open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew: proc_pid_clear_refs(5)
traced(widths, rows)
print(resident("VmHWM") - before, 2 * 4 * rows * sum(widths) / 1024**2)
"""


def test_a_tracer_holds_little_of_all_that_modules_make() -> None:
    ended = subprocess.run([sys.executable, "-c", _TRACED], capture_output=True, text=True, check=True)
    peak, made = map(float, ended.stdout.split())
    assert peak < made / 3, ended.stderr


def test_the_graph_is_the_same_and_no_hook_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    module = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.SiLU(), torch.nn.Linear(64, 8)).eval()
    given = (torch.rand(2, 64),)
    kept, _ = write(module, module.forward, given, {})
    before = dict(hooks._global_forward_hooks)
    monkeypatch.setattr(tracing, "_OFTEN_BYTES", given[0].nbytes)
    written, _ = write(module, module.forward, given, {})
    assert written.digest == kept.digest
    assert hooks._global_forward_hooks == before
