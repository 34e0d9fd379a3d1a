"""`/sdapi/v1`, called as Open WebUI's and SillyTavern's second engine call it, with what they send."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from typing import Any

import httpx
import pytest
from PIL import Image

from safelight.adapters.fake.engine import FakeEngine
from tests.api.conftest import PICTURES, Running, Serve, until
from tests.sent_pictures import halves, one_colour

API = "/sdapi/v1"
# What Open WebUI posts (routers/images.py): its size, how many, and of its own parameters what an operator set.
OPEN_WEBUI = {
    "prompt": "a boat",
    "batch_size": 1,
    "width": 512,
    "height": 768,
    "steps": 3,
    "negative_prompt": "people",
    "cfg_scale": 2.5,
    "sampler_name": "Euler a",
    "scheduler": "Karras",
}
# What SillyTavern posts (endpoints/stable-diffusion.js passes on what its page sends, address and password included).
SILLYTAVERN = {
    "url": "http://127.0.0.1:8484",
    "auth": "user:sl-x",
    "prompt": "a boat",
    "negative_prompt": "people",
    "sampler_name": "Automatic",
    "scheduler": "automatic",
    "steps": 3,
    "cfg_scale": 7,
    "width": 500,
    "height": 512,
    "restore_faces": False,
    "enable_hr": False,
    "hr_upscaler": "Latent",
    "hr_scale": 2,
    "hr_additional_modules": [],
    "denoising_strength": 0.7,
    "hr_second_pass_steps": 0,
    "seed": 77,
    "override_settings": {"CLIP_stop_at_last_layers": 1},
    "override_settings_restore_afterwards": True,
    "clip_skip": 1,
    "save_images": True,
    "send_images": True,
    "do_not_save_grid": False,
    "do_not_save_samples": False,
}


def basic(text: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.fixture
async def served(serve: Serve) -> Running:
    """A server that speaks it; the client sends its key as a password."""
    running = await serve(sdapi=True)
    running.client.headers.update(basic(f"somebody:{running.key}"))
    return running


async def asked(running: Running, path: str, **body: Any) -> Any:
    """What a successful POST answers, or a GET where nothing is sent."""
    method = "POST" if body else "GET"
    answer = await running.client.request(method, f"{API}/{path}", json=body or None)
    assert answer.status_code == 200, answer.text
    return answer.json()


def picture(image: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(image, validate=True)))


async def test_open_webui_chooses_a_model_and_draws_with_it(served: Running) -> None:
    options = await asked(served, "options")
    assert options["sd_model_checkpoint"] == "postcard"
    models = await asked(served, "sd-models")
    assert [(each["title"], each["model_name"]) for each in models] == [
        ("stable-image-ultra", "stable-image-ultra"),
        ("postcard", "postcard"),
    ]
    assert await asked(served, "options", **options | {"sd_model_checkpoint": "stability-image-ultra"}) is None
    assert (await asked(served, "options"))["sd_model_checkpoint"] == "stable-image-ultra"
    drawn = await asked(served, "txt2img", **OPEN_WEBUI)
    (image,) = drawn["images"]
    assert (picture(image).format, picture(image).size) == ("PNG", (832, 1216))
    info = json.loads(drawn["info"])
    assert (info["sd_model_name"], info["prompt"], info["negative_prompt"]) == (
        "stable-image-ultra",
        "a boat",
        "people",
    )
    assert drawn["parameters"]["width"] == 512


async def test_what_it_draws_is_what_our_own_interface_draws(served: Running) -> None:
    drawn = await asked(served, "txt2img", **OPEN_WEBUI | {"seed": 5, "batch_size": 2})
    body = {"model": "postcard", "prompt": "a boat", "size": "512x768", "steps": 3, "guidance_scale": 2.5, "seed": 5}
    own = await served.client.post(
        PICTURES,
        json=body | {"negative_prompt": "people", "n": 2},
        headers={"authorization": f"Bearer {served.key}"},
    )
    assert drawn["images"] == [item["b64_json"] for item in own.json()["data"]]
    assert json.loads(drawn["info"])["all_seeds"] == [5, 6]


async def test_sillytavern_asks_for_its_lists_and_draws_with_all_that_its_form_holds(served: Running) -> None:
    served.client.headers.update(basic(served.key))  # it sends what was typed, with a name before it or without
    for name in ("samplers", "schedulers", "upscalers"):
        assert [each["name"] for each in await asked(served, name)], name
    assert [await asked(served, name) for name in ("latent-upscale-modes", "sd-vae", "loras")] == [[], [], []]
    assert await asked(served, "options", sd_model_checkpoint="postcard") is None
    progress = await asked(served, "progress")
    assert (progress["progress"], progress["state"]["job_count"]) == (0.0, 0)
    drawn = await asked(served, "txt2img", **SILLYTAVERN)
    assert picture(drawn["images"][0]).size == (496, 512)
    assert json.loads(drawn["info"])["seed"] == 77
    assert not {"auth", "url"} & drawn["parameters"].keys()
    named = SILLYTAVERN | {"override_settings": {"sd_model_checkpoint": "stable-image-ultra"}, "send_images": False}
    unsent = await asked(served, "txt2img", **named)
    assert (unsent["images"], json.loads(unsent["info"])["sd_model_name"]) == ([], "stable-image-ultra")


async def test_a_picture_is_drawn_from_a_picture_and_a_mask(served: Running) -> None:
    image, mask = (base64.b64encode(each).decode() for each in (halves(64, 64), one_colour(64, 64, 255, "L")))
    body = {"prompt": "at night", "init_images": [f"data:image/png;base64,{image}"], "width": 64, "height": 64}
    drawn = await asked(served, "img2img", **body | {"mask": mask, "denoising_strength": 0.5, "seed": 5})
    assert picture(drawn["images"][0]).size == (64, 64)
    assert "init_images" not in drawn["parameters"]
    order = served.engine.submitted[-1]
    assert [each.role for each in order.recipe.inputs] == ["image", "mask"]
    assert order.recipe.options["strength"] == 0.5
    without = await served.client.post(f"{API}/img2img", json={"prompt": "at night"})
    assert (without.status_code, without.json()["error"]["param"]) == (400, "init_images")


async def test_progress_is_of_the_keys_own_drawing_and_an_interrupt_ends_it(serve: Serve) -> None:
    engine = FakeEngine(("postcard",))
    engine.gate.clear()
    running = await serve(engine=engine, sdapi=True)
    other = {"authorization": f"Bearer {(await running.services.keys.create('other')).text}"}
    drawing = asyncio.create_task(running.client.post(f"{API}/txt2img", json={"prompt": "a boat"}))
    await until(lambda: engine.submitted)
    assert (await asked(running, "progress"))["state"]["job_count"] == 1
    theirs = await running.client.get(f"{API}/progress", headers=other)
    assert theirs.json()["state"]["job_count"] == 0
    await running.client.post(f"{API}/interrupt", headers=other)
    assert not drawing.done()
    assert (await running.client.post(f"{API}/interrupt")).status_code == 200
    assert (await drawing).json()["images"] == []
    await until(lambda: engine.cancelled)
    assert (await asked(running, "progress"))["state"]["job_count"] == 0


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "prompt"),
        ({"prompt": "a", "steps": 500}, "steps"),
        ({"prompt": "a", "width": 0}, "width"),
        ({"prompt": "a", "batch_size": 11}, "n"),
        ({"prompt": "a", "seed": 2**40}, "seed"),
        ({"prompt": "a", "override_settings": {"sd_model_checkpoint": "none"}}, "model"),
    ],
)
async def test_what_is_wrong_is_said_as_everywhere(served: Running, body: dict[str, Any], param: str) -> None:
    answer = await served.client.post(f"{API}/txt2img", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_a_key_sees_and_draws_with_its_own_models_alone(served: Running) -> None:
    bound = basic("a:" + (await served.services.keys.create("bound", ("stable-image-ultra",))).text)
    models = await served.client.get(f"{API}/sd-models", headers=bound)
    assert [each["title"] for each in models.json()] == ["stable-image-ultra"]
    drawn = await served.client.post(f"{API}/txt2img", json={"prompt": "a boat"}, headers=bound)
    assert json.loads(drawn.json()["info"])["sd_model_name"] == "stable-image-ultra"
    named = {"prompt": "a boat", "override_settings": {"sd_model_checkpoint": "postcard"}}
    refused = await served.client.post(f"{API}/txt2img", json=named, headers=bound)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "model_not_allowed")


@pytest.mark.parametrize("header", ["Basic", "Basic !", "Basic " + base64.b64encode(b"a:sl-x").decode(), "Bearer sl-x"])
async def test_a_wrong_password_is_refused(served: Running, header: str) -> None:
    async with httpx.AsyncClient(base_url=served.client.base_url, timeout=300) as stranger:
        answer = await stranger.get(f"{API}/options", headers={"authorization": header})
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


async def test_it_is_not_there_unless_the_operator_wants_it(running: Running) -> None:
    for path in ("options", "sd-models", "progress"):
        assert (await running.client.get(f"{API}/{path}")).status_code == 404
    assert (await running.client.post(f"{API}/txt2img", json={"prompt": "a boat"})).status_code == 404
    assert running.engine.submitted == []
    plain = await running.client.get("/v1/models", headers=basic(f"a:{running.key}"))
    assert plain.status_code == 401
