"""`POST /v1/images/edits`: forms and JSON, what is drawn from, what is refused, and what the answer says."""

from __future__ import annotations

import asyncio
import base64
import gc
import io
import json
import socket
from typing import Any

import httpx
import msgspec
import pytest
from PIL import Image

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.states import TRAITS
from safelight.contract.models.traits import EditTraits
from safelight.contract.picture_files.embedding import scene_element
from safelight.contract.picture_files.provenance import description, packet
from safelight.contract.requests.order import InputPicture
from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.scene_file import written
from safelight.service.drawing.inputs import reception
from tests.api.conftest import PICTURES, Running, Serve, serve, until
from tests.sent_pictures import BLUE, RED, halves, one_colour

__all__ = ["serve"]  # a fixture

EDITS = "/v1/images/edits"


def url_of(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()


async def edit(
    running: Running, *images: bytes, mask: bytes | None = None, headers: dict[str, str] | None = None, **fields: Any
) -> httpx.Response:
    """As JSON."""
    body = {"model": "postcard", "prompt": "at night", "seed": 7} | fields
    body["images"] = [{"image_url": url_of(image)} for image in images]
    if mask is not None:
        body["mask"] = {"image_url": url_of(mask)}
    return await running.client.post(EDITS, json=body, headers=headers)


async def by_form(
    running: Running, *images: bytes, name: str = "image", mask: bytes | None = None, **fields: str
) -> httpx.Response:
    """As a form."""
    files = [(name, ("a.png", image, "image/png")) for image in images]
    files += [("mask", ("m.png", mask, "image/png"))] if mask is not None else []
    data = {"model": "postcard", "prompt": "at night", "seed": "7"} | fields
    return await running.client.post(EDITS, data=data, files=files or [("x", ("", b"", "text/plain"))])


def drawn_from(running: Running) -> tuple[InputPicture, ...]:
    return running.engine.submitted[-1].recipe.inputs


def refusal(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


async def test_json_and_forms_are_one_request(running: Running) -> None:
    picture, mask = halves(), one_colour(colour=255, mode="L")
    answers = [
        await edit(running, picture, mask=mask, strength=0.5),
        await by_form(running, picture, mask=mask, strength="0.5"),
        await by_form(running, picture, mask=mask, strength="0.5", name="image[]"),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    assert len({answer.json()["data"][0]["b64_json"] for answer in answers}) == 1
    recipe = running.engine.submitted[-1].recipe
    assert (recipe.width, recipe.height, recipe.options) == (96, 64, {"strength": 0.5})
    image, drawn_anew = recipe.inputs
    assert (image.role, image.width, image.height, image.pixels[:3], image.pixels[-3:]) == (
        "image",
        96,
        64,
        bytes(RED),
        bytes(BLUE),
    )
    assert (drawn_anew.role, drawn_anew.pixels) == ("mask", b"\xff" * 96 * 64)


async def test_the_answer_says_what_openais_does(running: Running) -> None:
    answer = await edit(running, halves(), output_format="jpeg", quality="low")
    said = answer.json()
    assert [*said] == ["created", "data", "size", "output_format", "background", "usage", "quality"]
    assert (said["size"], said["output_format"], said["quality"]) == ("96x64", "jpeg", "low")
    assert answer.headers["x-safelight-seed"] == "7"


async def test_several_pictures_come_in_their_order(running: Running) -> None:
    assert (await by_form(running, one_colour(), one_colour(colour=BLUE))).status_code == 200
    assert [picture.pixels[:3] for picture in drawn_from(running)] == [bytes(RED), bytes(BLUE)]
    assert (await by_form(running, one_colour(colour=BLUE), one_colour())).status_code == 200
    assert [picture.pixels[:3] for picture in drawn_from(running)] == [bytes(BLUE), bytes(RED)]


async def test_the_transparent_part_of_the_first_picture_is_drawn_anew(running: Running) -> None:
    clear = one_colour(colour=(*RED, 0), mode="RGBA")
    assert (await edit(running, clear, clear)).status_code == 200
    first, second, mask = drawn_from(running)
    assert (mask.role, mask.pixels, mask.sha256) == ("mask", b"\xff" * 96 * 64, first.sha256)
    assert second.pixels[:3] == b"\xff\xff\xff"
    assert (await edit(running, clear, mask=one_colour(colour=0, mode="L"))).status_code == 200
    first, mask = drawn_from(running)
    assert (first.pixels[:3], mask.pixels[:1]) == (b"\xff\xff\xff", b"\0")


async def test_a_model_without_masks_puts_transparent_parts_on_white(serve: Serve) -> None:
    traits = msgspec.structs.replace(TRAITS, edits=EditTraits())
    running = await serve(engine=FakeEngine(("postcard",), traits=traits))
    assert (await edit(running, one_colour(colour=(*RED, 0), mode="RGBA"))).status_code == 200
    (image,) = drawn_from(running)
    assert image.pixels[:3] == b"\xff\xff\xff"


async def test_a_model_that_edits_scenes_takes_pictures_that_carry_one_and_masks_without(serve: Serve) -> None:
    traits = msgspec.structs.replace(TRAITS, edits=EditTraits(scene=True, mask=True))
    running = await serve(engine=FakeEngine(("postcard",), traits=traits))
    mask, scene = one_colour(colour=255, mode="L"), written(Scene())
    refused = await edit(running, halves(), mask=mask)
    assert refusal(refused) == (400, "invalid_image", "images[0].image_url")
    assert "says nothing of its scene" in refused.json()["error"]["message"]
    own = halves(format_="WEBP", xmp=packet(description(scene_element(scene))))
    assert (await edit(running, own, mask=mask)).status_code == 200
    assert [(each.role, each.scene) for each in drawn_from(running)] == [("image", scene.encode()), ("mask", None)]


async def test_a_picture_gives_the_drawing_its_size(running: Running) -> None:
    for sides, size in (((300, 200), "304x208"), ((5000, 2500), "4096x2048"), ((10, 20), "64x128")):
        assert (await edit(running, one_colour(*sides))).json()["size"] == size
    assert (await edit(running, one_colour(), size="128x64")).json()["size"] == "128x64"
    assert refusal(await edit(running, one_colour(2000, 10))) == (400, "invalid_value", "size")


@pytest.mark.parametrize(
    ("images", "mask", "param"),
    [
        ([b"hello"], None, "image"),
        ([b""], None, "image"),
        ([halves(), b"hello"], None, "image[1]"),
        ([halves()], b"hello", "mask"),
        ([halves()], one_colour(95, 64), "mask"),
    ],
)
async def test_a_picture_that_cannot_be_read_is_named(
    running: Running, images: list[bytes], mask: bytes | None, param: str
) -> None:
    assert refusal(await by_form(running, *images, mask=mask)) == (400, "invalid_image", param)
    place, _, number = param.partition("[")
    in_json = "mask.image_url" if place == "mask" else f"images[{number or '0]'}.image_url"
    assert refusal(await edit(running, *images, mask=mask)) == (400, "invalid_image", in_json)
    assert running.engine.submitted == []


@pytest.mark.parametrize("url", ["data:image/png;base64,???", "data:image/png,abc", "data:;base64,QQ"])
async def test_an_address_without_base64_is_no_picture(running: Running, url: str) -> None:
    body = {"model": "postcard", "prompt": "a", "images": [{"image_url": url}]}
    answer = await running.client.post(EDITS, json=body)
    assert refusal(answer) == (400, "invalid_image", "images[0].image_url")


async def test_no_address_is_fetched(running: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/a.png"
        for url in (address, address.upper(), "//127.0.0.1/a.png", "file:///etc/passwd"):
            body = {"model": "postcard", "prompt": "a", "images": [{"image_url": url}], "mask": {"image_url": url}}
            answer = await running.client.post(EDITS, json=body)
            assert refusal(answer) == (400, "invalid_value", "images[0].image_url")
        with pytest.raises(BlockingIOError):
            listener.accept()


async def test_edits_of_a_model_that_draws_from_words_alone_name_another(running: Running) -> None:
    answer = await edit(running, halves(), model="stable-image-ultra")
    assert refusal(answer) == (400, "unsupported_operation", "model")
    assert "Models that take pictures: postcard." in answer.json()["error"]["message"]


async def test_words_alone_are_refused_by_a_model_that_works_from_pictures(serve: Serve) -> None:
    traits = msgspec.structs.replace(TRAITS, draws_from_words=False)
    running = await serve(engine=FakeEngine(("postcard",), traits=traits))
    assert refusal(await running.draw(model="postcard")) == (400, "unsupported_operation", "model")
    assert (await edit(running, halves())).status_code == 200


async def test_more_pictures_than_a_model_takes_with_a_mask_are_refused(serve: Serve) -> None:
    edits = EditTraits(maximum=4, maximum_with_mask=1, mask=True)
    running = await serve(engine=FakeEngine(("postcard",), traits=msgspec.structs.replace(TRAITS, edits=edits)))
    clear, mask = one_colour(colour=(*RED, 0), mode="RGBA"), one_colour(colour=0, mode="L")
    for answer in (
        await edit(running, halves(), halves(), mask=mask),
        await edit(running, clear, halves(), stream=True),
        await edit(running, clear, halves(), n=2, headers={"prefer": "respond-async"}),
    ):
        assert refusal(answer) == (400, "invalid_value", "images")
    assert refusal(await by_form(running, halves(), halves(), mask=mask)) == (400, "invalid_value", "image")
    assert not running.engine.submitted
    assert (await edit(running, halves(), mask=mask)).status_code == 200
    assert (await edit(running, halves(), halves())).status_code == 200


async def test_what_the_engine_refuses_is_the_callers_error_on_every_exit(running: Running) -> None:
    said = "This model draws from a picture only with a `mask`."
    running.engine.refuses = (said, "missing_required_parameter", "mask")
    for count in (1, 3):
        answer = await edit(running, halves(), n=count)
        assert refusal(answer) == (400, "missing_required_parameter", "mask")
        assert answer.json()["error"]["message"] == said
        assert "x-should-retry" not in answer.headers
    assert refusal(await by_form(running, halves())) == (400, "missing_required_parameter", "mask")
    streamed = (await edit(running, halves(), stream=True)).text
    told = json.loads(streamed.partition("data: ")[2].partition("\n")[0])
    assert (told["error"]["code"], told["error"]["param"]) == ("missing_required_parameter", "mask")
    for _ in range(2):
        answer = await edit(running, halves(), headers={"idempotency-key": "once"})
        assert refusal(answer)[:2] == (400, "missing_required_parameter")
    job = (await edit(running, halves(), headers={"prefer": "respond-async"})).json()
    assert "event: end" in (await running.client.get(f"/v1/jobs/{job['id']}/events")).text
    found = (await running.client.get(f"/v1/jobs/{job['id']}")).json()
    assert found["error"] == {"code": "missing_required_parameter", "message": said}


async def test_faults_are_told_in_the_contracts_order(running: Running) -> None:
    assert refusal(await edit(running, b"hello", model="none"))[1] == "model_not_found"
    assert refusal(await edit(running, b"hello", colour="red"))[2] == "colour"
    assert refusal(await edit(running, b"hello", prompt=None))[2] == "prompt"
    assert refusal(await edit(running, b"hello", seed="x"))[2] == "seed"
    assert refusal(await edit(running, b"hello", size="auto"))[2] == "images[0].image_url"
    async with httpx.AsyncClient(base_url=str(running.client.base_url)) as anonymous:
        answer = await anonymous.post(EDITS, files=[("image", ("a.png", b"hello"))])
    assert refusal(answer)[:2] == (401, "invalid_api_key")


async def test_a_body_beyond_its_bound_is_refused_while_it_is_read(serve: Serve) -> None:
    running = await serve(max_upload_bytes=20_000)
    assert refusal(await by_form(running, b"x" * 30_000))[:2] == (413, "request_too_large")
    assert refusal(await edit(running, b"x" * 30_000))[:2] == (413, "request_too_large")
    assert (await edit(running, halves())).status_code == 200


@pytest.mark.parametrize("kind", ["application/xml", "multipart/mixed; boundary=x", "image/png"])
async def test_other_media_types_are_refused(running: Running, kind: str) -> None:
    answer = await running.client.post(EDITS, content=b"{}", headers={"content-type": kind})
    assert refusal(answer)[:2] == (415, "unsupported_media_type")


async def test_a_form_is_no_request_for_words_alone(running: Running) -> None:
    answer = await running.client.post(PICTURES, files=[("image", ("a.png", halves()))])
    assert refusal(answer)[:2] == (415, "unsupported_media_type")


async def test_a_stream_tells_events_of_an_edit(running: Running) -> None:
    answer = await edit(running, halves(), stream=True, partial_images=1)
    events = [line.removeprefix("event: ") for line in answer.text.splitlines() if line.startswith("event: ")]
    assert events == ["image_edit.partial_image", "image_edit.completed"]
    told = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: ")]
    assert [event["type"] for event in told] == events
    assert told[-1]["b64_json"] == (await edit(running, halves())).json()["data"][0]["b64_json"]


@pytest.mark.one_process("plain requests are drawn once where they meet in one process")
async def test_the_same_edit_is_drawn_once_for_all_who_wait(running: Running) -> None:
    running.engine.gate.clear()
    files = (halves(), halves(), one_colour())
    asking = [asyncio.create_task(edit(running, file)) for file in files]
    await until(lambda: sorted(running.services.generate.pictures.waiting) == [1, 2])
    running.engine.gate.set()
    pictures = [(await answer).json()["data"][0]["b64_json"] for answer in asking]
    assert pictures[0] == pictures[1] != pictures[2]
    assert len(running.engine.submitted) == 2


async def test_variations_are_not_there(running: Running) -> None:
    assert refusal(await running.client.post("/v1/images/variations"))[:2] == (404, "not_found")


async def test_pictures_are_bounded_together_too(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reception, "MOST_PIXELS_TOGETHER", 2 * 96 * 64)
    assert (await by_form(running, halves(), halves())).status_code == 200
    assert refusal(await by_form(running, halves(), halves(), halves())) == (400, "invalid_image", "image[2]")


async def test_the_fake_draws_with_the_colour_of_what_it_begins_with(running: Running) -> None:
    answer = await edit(running, one_colour(colour=(255, 255, 255)), size="64x64")
    with Image.open(io.BytesIO(base64.b64decode(answer.json()["data"][0]["b64_json"]))) as drawn:
        assert min(drawn.convert("RGB").tobytes()) >= 127


@pytest.mark.one_process("decoded pictures are bounded in each process: its own memory is what they take")
async def test_decoded_pictures_that_wait_are_bounded_over_all_requests(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reception, "MOST_HELD_BYTES", 96 * 64 * 3 - 1)
    running.engine.gate.clear()
    waiting = asyncio.create_task(edit(running, halves()))
    await until(lambda: running.engine.submitted)
    refused = await edit(running, one_colour())
    assert refusal(refused) == (503, "engine_overloaded", None)
    assert refused.headers["retry-after"] == "5"
    running.engine.gate.set()
    assert (await waiting).status_code == 200
    del waiting
    running.engine.submitted.clear()
    held = running.services.entrance._reception
    gc.collect()
    assert held.held_bytes == 0
    assert (await edit(running, one_colour())).status_code == 200
