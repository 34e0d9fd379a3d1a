"""Pictures that ControlNets follow: sent with words and with pictures, refused by name, kept with jobs."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import httpx
import pytest

from safelight.adapters.fake.engine import FakeEngine
from safelight.contract.requests.order import InputPicture
from tests.api.conftest import Running, Serve, serve
from tests.api.test_edit_jobs import ASYNC, ended, image, kept
from tests.api.test_edits import EDITS, refusal, url_of
from tests.sent_pictures import BLUE, RED, halves, one_colour

__all__ = ["serve"]  # a fixture

FOLLOWED = {"canny": "/nets/canny", "depth": "/nets/depth"}


@pytest.fixture
async def following(serve: Serve) -> Running:
    """A server with a model that has two ControlNets, and one that has none."""
    engine = FakeEngine(("postcard",), controls={"postcard": ("canny", "depth")})
    models = {
        "postcard": {"source": "postcard", "options": {"controlnets": FOLLOWED}},
        "strict": {"source": "postcard", "contract": "strict", "options": {"controlnets": FOLLOWED}},
    }
    return await serve(engine=engine, models=models)


async def draw(running: Running, headers: dict[str, str] | None = None, **fields: Any) -> httpx.Response:
    body = {"model": "postcard", "prompt": "a boat", "seed": 7} | fields
    return await running.client.post("/v1/images/generations", json=body, headers=headers)


def given(content: bytes) -> dict[str, str]:
    return {"image_url": url_of(content)}


def drawn_from(running: Running) -> tuple[InputPicture, ...]:
    return running.engine.submitted[-1].recipe.inputs


async def test_words_may_bring_pictures_to_follow(following: Running) -> None:
    plain = (await draw(following)).json()["data"]
    one, same, other = [
        await draw(following, control={"canny": given(picture)}) for picture in (halves(), halves(), one_colour())
    ]
    assert [answer.status_code for answer in (one, same, other)] == [200, 200, 200]
    assert one.json()["data"] == same.json()["data"]
    assert len({str(each) for each in (plain, one.json()["data"], other.json()["data"])}) == 3
    (control,) = drawn_from(following)
    assert (control.role, control.name, control.pixels[:3]) == ("control", "canny", bytes(RED))
    recipe = following.engine.submitted[-1].recipe
    assert (recipe.width, recipe.height, recipe.options) == (1024, 1024, {})


async def test_which_follows_it_counts_and_the_order_of_the_names_does_not(following: Running) -> None:
    picture, another = given(halves()), given(one_colour(colour=BLUE))
    answers = [
        await draw(following, control={"canny": picture, "depth": another}),
        await draw(following, control={"depth": another, "canny": picture}),
        await draw(following, control={"depth": picture, "canny": another}),
        await draw(following, control={"canny": picture, "depth": another}, control_strength=0.5),
    ]
    one, same, swapped, weak = (answer.json()["data"][0]["b64_json"] for answer in answers)
    assert one == same
    assert len({one, swapped, weak}) == 3
    assert following.engine.submitted[-1].recipe.options == {"control_strength": 0.5}
    assert [control.name for control in drawn_from(following)] == ["canny", "depth"]


async def test_an_edit_may_bring_them_too_as_json_and_as_a_form(following: Running) -> None:
    body = {"model": "postcard", "prompt": "a boat", "seed": 7, "control_strength": 0.5}
    said = {
        "images": [given(halves())],
        "control": {"depth": given(one_colour())},
        "mask": given(one_colour(colour=0, mode="L")),
    }
    by_json = await following.client.post(EDITS, json=body | said)
    assert [(p.role, p.name) for p in drawn_from(following)] == [("image", ""), ("control", "depth"), ("mask", "")]
    files = {"image": halves(), "control[depth]": one_colour(), "mask": one_colour(colour=0, mode="L")}
    by_form = await following.client.post(EDITS, data={k: str(v) for k, v in body.items()}, files=files)
    assert by_json.status_code == by_form.status_code == 200
    assert by_json.json()["data"] == by_form.json()["data"]
    alone = await following.client.post(
        EDITS, data={"model": "postcard", "prompt": "a"}, files={"control[depth]": halves()}
    )
    assert refusal(alone) == (400, "missing_required_parameter", "image")


async def test_the_model_list_names_them(following: Running) -> None:
    found = {m["id"]: m["capabilities"] for m in (await following.client.get("/v1/models")).json()["data"]}
    assert found["postcard"]["controls"] == ["canny", "depth"]
    described = {"type": "named pictures", "required": False, "default": None, "names": ["canny", "depth"], "most": 2}
    assert found["postcard"]["parameters"]["control"] == described | {"in_form": False}
    assert found["strict"]["controls"] == []
    assert not {"control", "control_strength"} & set(found["strict"]["parameters"])


@pytest.mark.parametrize(
    ("fields", "code", "param"),
    [
        ({"control": {"pose": given(halves())}}, "invalid_value", "control"),
        ({"control": {"canny": url_of(halves())}}, "invalid_value", "control.canny"),
        ({"control": [given(halves())]}, "invalid_value", "control"),
        ({"control": "canny"}, "invalid_value", "control"),
        (
            {"control": {"canny": {"image_url": "https://example.org/a.png"}}},
            "invalid_value",
            "control.canny.image_url",
        ),
        ({"control": {"canny": {"file_id": "file-1"}}}, "invalid_value", "control.canny.file_id"),
        ({"control": {"canny": given(b"hello")}}, "invalid_image", "control.canny.image_url"),
        (
            {"control": {"canny": given(halves()), "depth": given(halves()[:90])}},
            "invalid_image",
            "control.depth.image_url",
        ),
        ({"control_strength": 0.5}, "invalid_value", "control_strength"),
        ({"control": {}, "control_strength": 0.5}, "invalid_value", "control_strength"),
        ({"control": {"canny": given(halves())}, "control_strength": 2.5}, "invalid_value", "control_strength"),
        ({"control": {"canny": given(halves())}, "model": "strict"}, "unknown_parameter", "control"),
    ],
)
async def test_what_cannot_be_followed_is_refused(
    following: Running, fields: dict[str, Any], code: str, param: str
) -> None:
    answer = await draw(following, **fields)
    assert refusal(answer) == (400, code, param)
    assert not following.engine.submitted
    if fields.get("control", {}) and "pose" in fields["control"]:
        assert "It has: canny, depth." in answer.json()["error"]["message"]


async def test_files_of_a_form_are_refused_by_their_names(following: Running) -> None:
    sent = {"model": "postcard", "prompt": "a"}
    for name, content, code, param in (
        ("control[pose]", halves(), "invalid_value", "control"),
        ("control[canny]", b"hello", "invalid_image", "control[canny]"),
        ("control[]", halves(), "invalid_value", "control"),
        ("control", halves(), "invalid_value", "control"),
    ):
        answer = await following.client.post(EDITS, data=sent, files={"image": halves(), name: content})
        code = code if name != "control[]" else "unknown_parameter"
        assert refusal(answer)[:2] == (400, code), name
        assert refusal(answer)[2] == (param if name != "control[]" else "control[]"), name


async def test_a_body_with_pictures_may_be_as_large_as_uploads_where_any_are_followed(
    serve: Serve, following: Running
) -> None:
    large = {"image_url": "data:image/png;base64," + base64.b64encode(bytes(1_200_000)).decode()}
    assert refusal(await draw(following, control={"canny": large}))[:2] == (400, "invalid_image")
    plain = await serve()
    assert refusal(await draw(plain, control={"canny": large}))[:2] == (413, "request_too_large")


async def test_the_same_key_with_another_picture_is_refused(following: Running) -> None:
    key = {"idempotency-key": "once"}
    first = await draw(following, key, control={"canny": given(halves())})
    assert (await draw(following, key, control={"canny": given(halves())})).json() == first.json()
    another = await draw(following, key, control={"canny": given(one_colour())})
    assert refusal(another)[:2] == (400, "idempotency_key_reused")


async def test_a_job_keeps_what_it_follows_and_draws_from_it(following: Running) -> None:
    picture, another = halves(), one_colour()
    control = {"depth": given(another), "canny": given(picture)}
    accepted = await draw(following, ASYNC, control=control, control_strength=0.5)
    assert accepted.status_code == 202
    job = await ended(following, accepted.json())
    assert job["state"] == "finished"
    told = {"bytes": len(picture), "width": 96, "height": 64, "sha256": hashlib.sha256(picture).hexdigest()}
    assert job["request"]["control"]["canny"] == told
    assert (job["request"]["control_strength"], "images" in job["request"]) == (0.5, False)
    assert await kept(following) == {f"{job['id']}.in0": picture, f"{job['id']}.in1": another}
    plain = (await draw(following, control=control, control_strength=0.5)).json()["data"][0]["b64_json"]
    assert url_of(await image(following, job)).endswith(plain)
    await following.client.delete(f"/v1/jobs/{job['id']}")
    assert await kept(following) == {}


async def test_the_document_says_what_may_be_sent(following: Running) -> None:
    schemas = (await following.client.get("/openapi.json")).json()["components"]["schemas"]
    words = {each["title"]: each for each in schemas["ImageRequest"]["anyOf"]}
    control = words["postcard"]["properties"]["control"]
    assert (set(control["properties"]), control["maxProperties"]) == ({"canny", "depth"}, 2)
    assert "control" not in words["strict"]["properties"]
    (form,) = schemas["ImageEditForm"]["anyOf"]
    assert {"control[canny]", "control[depth]"} <= set(form["properties"])
