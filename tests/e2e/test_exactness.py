"""The same parameters and seed give the same bytes: for every size and format, alone, in company, anywhere."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
from openai import OpenAI
from PIL import Image

from tests.clients.process import Served, serving
from tests.e2e.drawing import EVERY_ORDER, Order, draw, draw_together, metric, wait_until, wait_until_ready, workers

# Each size once, in either format by turns: what is asked of a picture in company is the same for both.
IN_COMPANY = [order for number, order in enumerate(EVERY_ORDER) if number % 4 in (0, 3)]


@pytest.fixture(scope="module")
def alone(postcard: Served) -> dict[Order, bytes]:
    """Every size and format, drawn one after the other."""
    return {order: draw(postcard, order) for order in EVERY_ORDER}


def assert_same(orders: list[Order], files: list[bytes], alone: dict[Order, bytes]) -> None:
    """Fails with the names of the pictures that differ, and not with their bytes."""
    assert [order for order, file in zip(orders, files, strict=True) if file != alone[order]] == []


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


def test_a_stream_shows_the_picture_in_the_making_and_ends_with_its_bytes(postcard: Served) -> None:
    order = Order("1344x768", "jpeg", 5)
    with OpenAI(base_url=postcard.base_url, api_key=postcard.key) as client:
        *partial, last = client.images.generate(
            model="postcard", prompt=order.prompt, size=order.size, output_format="jpeg",
            stream=True, partial_images=3, extra_body={"seed": order.seed, "steps": 40},
        )  # fmt: skip
    # Up to three: a picture that is finished sooner than its previews are made shows fewer, so it has many steps.
    assert 1 <= len(partial) <= 3
    assert {type(event).__name__ for event in partial} == {"ImageGenPartialImageEvent"}
    assert len({event.b64_json for event in partial}) == len(partial)
    assert base64.b64decode(last.b64_json) == draw(postcard, order, model="postcard", steps=40)


def test_among_seven_others_and_by_a_worker_that_took_a_killed_ones_place_the_bytes_are_the_same(
    postcard: Served, alone: dict[Order, bytes]
) -> None:
    restarts = metric(postcard, "safelight_worker_restarts_total")
    workers(postcard)[0].kill()
    wait_until(lambda: metric(postcard, "safelight_worker_restarts_total") == restarts + 1)
    assert_same(IN_COMPANY, draw_together(postcard, IN_COMPANY, at_once=8), alone)


def test_after_a_restart_and_by_two_workers_the_bytes_are_the_same(alone: dict[Order, bytes], tmp_path: Path) -> None:
    with serving(tmp_path, engine="local", workers="2") as two:
        wait_until_ready(two)
        assert_same(IN_COMPANY, draw_together(two, IN_COMPANY, at_once=4), alone)
        assert len(workers(two)) == 2


def test_the_command_line_without_a_server_draws_the_same_bytes(
    postcard: Served, alone: dict[Order, bytes], tmp_path: Path
) -> None:
    order = EVERY_ORDER[0]
    file = tmp_path / "picture.png"
    options = ("--size", order.size, "--seed", str(order.seed), "-o", str(file))
    made = postcard.safelight("generate", order.prompt, *options)
    assert made.returncode == 0, made.stderr
    assert_same([order], [file.read_bytes()], alone)
