"""What the processes weigh, and what happens when they or their files come to harm."""

from __future__ import annotations

import shutil
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil

import safelight
from tests.cli.conftest import CommandLine
from tests.clients.process import Served, serving
from tests.e2e.drawing import Order, ask, draw, metric, wait_until, wait_until_ready, workers

WEIGHTS = Path(safelight.__file__).parent / "postcard" / "weights"
ORDER = Order("1024x1024", "png", 7)
MIB = 1024 * 1024


def test_the_api_process_is_small_and_holds_no_torch(postcard: Served) -> None:
    draw(postcard, ORDER)
    api = psutil.Process(postcard.process.pid)
    assert api.memory_info().rss < 150 * MIB
    assert not [mapped.path for mapped in api.memory_maps() if "torch" in mapped.path]


def test_a_worker_with_postcard_stays_under_its_bound(postcard: Served) -> None:
    draw(postcard, ORDER)
    (worker,) = workers(postcard)
    assert worker.memory_info().rss < 1200 * MIB


def test_a_worker_killed_in_mid_picture_costs_the_caller_neither_picture_nor_byte(postcard: Served) -> None:
    with ThreadPoolExecutor(1) as caller:
        undisturbed = draw(postcard, ORDER)
        restarts = metric(postcard, "safelight_worker_restarts_total")
        disturbed = caller.submit(draw, postcard, ORDER)
        wait_until(lambda: metric(postcard, "safelight_jobs_running") == 1)
        workers(postcard)[0].send_signal(signal.SIGKILL)
        assert disturbed.result() == undisturbed
        # A picture may be sent in the moment in which its worker is killed.
        wait_until(lambda: metric(postcard, "safelight_worker_restarts_total") == restarts + 1)


def test_a_picture_under_way_is_finished_after_sigterm_and_the_exit_is_zero(tmp_path: Path) -> None:
    with serving(tmp_path, engine="local", threads="1") as served, ThreadPoolExecutor(1) as caller:
        wait_until_ready(served)
        drawing = caller.submit(draw, served, ORDER)
        wait_until(lambda: metric(served, "safelight_jobs_running") == 1)
        served.process.send_signal(signal.SIGTERM)
        assert drawing.result()
        assert served.process.wait(300) == 0


def test_a_server_that_is_to_end_takes_requests_until_balancers_have_heard_of_it(tmp_path: Path) -> None:
    with serving(tmp_path, leave_seconds="600", exit_status=1) as served:
        wait_until_ready(served)
        served.process.send_signal(signal.SIGTERM)
        wait_until(lambda: httpx.get(f"{served.url}/readyz").status_code == 503)
        assert draw(served, ORDER)
        served.process.send_signal(signal.SIGTERM)  # now at once
        served.process.wait(300)
    with serving(tmp_path, leave_seconds="0.1") as served:
        wait_until_ready(served)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(300) == 0


def test_no_process_outlives_a_killed_server(tmp_path: Path) -> None:
    with serving(tmp_path, engine="local", threads="1", exit_status=-signal.SIGKILL) as served:
        wait_until_ready(served)
        orphans = psutil.Process(served.process.pid).children(recursive=True)
        assert set(workers(served)) < set(orphans)  # the template is one of them
        served.process.kill()
        for orphan in orphans:
            orphan.wait(300)


def broken_copy(folder: Path) -> Path:
    """Postcard's weights in another place, to be harmed."""
    copy = folder / "postcard-copy"
    shutil.copytree(WEIGHTS, copy)
    return copy


def test_a_harmed_weight_file_is_said_to_callers_and_probes(tmp_path: Path) -> None:
    """What kinds of harm are told apart, `tests/engine/test_loading.py` holds."""
    weights = broken_copy(tmp_path)
    file = next((weights / "transformer").glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:10_000])
    (tmp_path / "safelight.toml").write_text(f'[models.stable-image-ultra]\nsource = "{weights}"\n')
    with serving(tmp_path, engine="local") as served:
        response = ask(served, ORDER)
        assert response.status_code == 500
        error = response.json()["error"]
        assert error["code"] == "internal_error"
        assert "weight" in error["message"].lower()
        assert str(tmp_path) not in error["message"]
        assert response.headers["x-should-retry"] == "false"
        ready = httpx.get(f"{served.url}/readyz", timeout=300)
        assert ready.status_code == 503
        assert metric(served, "safelight_worker_restarts_total") == 0


def test_a_second_server_on_the_same_port_says_so_and_disturbs_nobody(postcard: Served, tmp_path: Path) -> None:
    port = postcard.url.rpartition(":")[2]
    second = CommandLine(tmp_path)("serve", "--engine", "fake", "--port", port)
    assert second.returncode == 2
    assert port in second.stderr
    assert "--port" in second.stderr
    assert "Traceback" not in second.stderr
    assert draw(postcard, ORDER)
