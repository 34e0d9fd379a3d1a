"""The same parameters and seed give the same bytes: for every size and format, alone, in company, anywhere."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image

from tests.clients.process import Served, serving
from tests.e2e.drawing import EVERY_ORDER, Order, draw, draw_together, metric, wait_until, wait_until_ready, workers


@pytest.fixture(scope="module")
def alone(postcard: Served) -> dict[Order, bytes]:
    """Every size and format, drawn one after the other."""
    return {order: draw(postcard, order) for order in EVERY_ORDER}


def test_every_picture_has_its_size_and_format_and_differs_from_the_others(alone: dict[Order, bytes]) -> None:
    for order, file in alone.items():
        image = Image.open(io.BytesIO(file))
        image.load()
        assert f"{image.width}x{image.height}" == order.size
        assert image.format == order.output_format.upper()
    assert len(set(alone.values())) == len(EVERY_ORDER)


def test_png_and_jpeg_of_one_order_show_the_same_picture(postcard: Served) -> None:
    png, jpeg = (
        Image.open(io.BytesIO(draw(postcard, Order("1344x768", kind, 5)))).convert("RGB").resize((84, 48))
        for kind in ("png", "jpeg")
    )
    pairs = zip(png.tobytes(), jpeg.tobytes(), strict=True)
    assert max(abs(a - b) for a, b in pairs) < 32


def test_among_seven_others_the_bytes_are_the_same(postcard: Served, alone: dict[Order, bytes]) -> None:
    assert draw_together(postcard, EVERY_ORDER) == list(alone.values())


@pytest.mark.xfail(strict=False, reason="one picture of 18 differed once between two processes; cause sought")
def test_after_its_worker_was_killed_and_replaced_the_bytes_are_the_same(
    postcard: Served, alone: dict[Order, bytes]
) -> None:
    workers(postcard)[0].kill()
    wait_until(lambda: metric(postcard, "safelight_worker_restarts_total") == 1)
    assert draw_together(postcard, EVERY_ORDER, at_once=2) == list(alone.values())


@pytest.mark.xfail(strict=False, reason="one picture of 18 differed once between two processes; cause sought")
def test_another_server_with_two_workers_draws_the_same_bytes(alone: dict[Order, bytes], tmp_path: Path) -> None:
    with serving(tmp_path, engine="local", workers="2") as two:
        wait_until_ready(two)
        assert draw_together(two, EVERY_ORDER) == list(alone.values())
        used = [worker.cpu_times().user for worker in workers(two)]
        assert len(used) == 2


def test_the_command_line_without_a_server_draws_the_same_bytes(
    postcard: Served, alone: dict[Order, bytes], tmp_path: Path
) -> None:
    order = EVERY_ORDER[0]
    file = tmp_path / "picture.png"
    options = ("--size", order.size, "--seed", str(order.seed), "-o", str(file))
    made = postcard.safelight("generate", order.prompt, *options)
    assert made.returncode == 0, made.stderr
    assert file.read_bytes() == alone[order]
