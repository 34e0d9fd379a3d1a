"""How many workers a server begins with, by its settings and the GPUs that are counted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from safelight.adapters.workers.team import Team
from safelight.bootstrap.engines.engine import head_start, worker_count
from safelight.bootstrap.engines.specs import configure_of
from safelight.engine.machine.device import choose_device
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


def test_of_several_gpus_each_worker_computes_on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the settings to what a worker makes its device; four GPUs are said to be here, of which torch has none."""
    import torch

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    settings = read_settings({"device": "auto"})
    count = worker_count(settings, torch.cuda.device_count)
    assert count == 4
    team = Team(configure_of(settings), count)
    told = [team.configure(member) for member in team.members]
    assert [choose_device(each.device, each.number) for each in told] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]
    assert {each.workers for each in told} == {4}  # among which they share the host's memory and cores


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux: workers are forked there alone")
def test_a_template_begins_before_the_server_is_imported_and_ends_unless_it_is_taken() -> None:
    code = """if True:
        import sys
        from safelight.bootstrap.engines.engine import head_start
        from safelight.settings import read_settings
        with head_start(read_settings({"device": "cpu"})) as begun:
            assert not {"safelight.bootstrap.serve", "sqlalchemy", "starlette"} & set(sys.modules)
            assert not begun.has_ended
        assert begun.has_ended
    """
    subprocess.run([sys.executable, "-P", "-c", code], check=True)


@pytest.mark.parametrize("said", [{"engine": "fake"}, {"device": "cuda"}])
def test_where_nothing_is_forked_nothing_begins_early(said: dict[str, object], tmp_path: Path) -> None:
    with head_start(read_settings({"home": tmp_path, **said})) as begun:
        assert begun is None
