"""openai-python against a server process: pictures, models, raw responses, and errors as its own classes."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types import ImageGenCompletedEvent, ImageGenPartialImageEvent

from tests.clients.pictures import PROMPT, drawn, file_of, opened
from tests.clients.process import MODEL, Served, serving
from tests.clients.wire import Wire


@pytest.fixture
def client(server: Served) -> Iterator[OpenAI]:
    with OpenAI(base_url=server.base_url, api_key=server.key) as client:
        yield client


@pytest.fixture
async def async_client(server: Served) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=server.base_url, api_key=server.key) as client:
        yield client


def b64(answer: Any) -> str:
    """The one picture of an answer, as it came."""
    assert len(answer.data) == 1
    return str(answer.data[0].b64_json)


def test_a_picture_comes_back_with_the_bytes_that_were_drawn(client: OpenAI) -> None:
    before = int(time.time())
    answer = client.images.generate(model=MODEL, prompt=PROMPT, extra_body={"seed": 12345})
    assert before <= answer.created <= time.time()
    assert b64(answer) == b64(client.images.generate(model=MODEL, prompt=PROMPT, extra_body={"seed": 12345}))
    picture = opened(b64(answer))
    assert (picture.format, picture.size) == ("PNG", (1024, 1024))
    assert file_of(b64(answer)) == drawn(seed=12345)


def test_the_parameters_openai_does_not_know_go_in_extra_body(client: OpenAI, wire: Wire) -> None:
    extra = {"seed": 7, "negative_prompt": "crowded", "aspect_ratio": "16:9"}
    answer = client.with_options(base_url=wire.base_url).images.generate(
        model=MODEL, prompt=PROMPT, n=1, size="1344x768", response_format="b64_json", output_format="jpeg",
        user="somebody", extra_body=extra,
    )  # fmt: skip
    assert wire.last.fields == extra | {
        "model": MODEL, "prompt": PROMPT, "n": 1, "size": "1344x768", "response_format": "b64_json",
        "output_format": "jpeg", "user": "somebody",
    }  # fmt: skip
    expected = drawn(seed=7, negative_prompt="crowded", size=(1344, 768), output_format="jpeg")
    assert file_of(b64(answer)) == expected


def test_none_for_every_optional_parameter_means_absent(client: OpenAI, wire: Wire) -> None:
    answer = client.with_options(base_url=wire.base_url).images.generate(
        model=MODEL, prompt=PROMPT, n=None, size=None, quality=None, response_format=None, style=None,
        background=None, moderation=None, output_format=None, output_compression=None, partial_images=None,
        stream=None, extra_body={"seed": None, "negative_prompt": None, "aspect_ratio": None},
    )  # fmt: skip
    sent = wire.last.fields
    assert sent["quality"] is None
    assert sent["seed"] is None
    assert opened(b64(answer)).size == (1024, 1024)


async def test_the_async_client_draws_eight_pictures_at_once(async_client: AsyncOpenAI) -> None:
    seeds = range(1, 9)
    answers = await asyncio.gather(
        *(async_client.images.generate(model=MODEL, prompt=PROMPT, extra_body={"seed": seed}) for seed in seeds)
    )
    for seed, answer in zip(seeds, answers, strict=True):
        assert file_of(b64(answer)) == drawn(seed=seed)


def test_the_raw_response_has_the_seed_and_what_drew_it(client: OpenAI) -> None:
    raw = client.images.with_raw_response.generate(model=MODEL, prompt=PROMPT)
    assert raw.http_response.status_code == 200
    assert raw.headers["x-safelight-model"] == "fake"
    assert raw.headers["x-safelight-fingerprint"] == "fake3"
    assert str(raw.request_id).startswith("req_")
    assert int(raw.headers["openai-processing-ms"]) >= 0
    seed = int(raw.headers["x-safelight-seed"])
    assert file_of(b64(raw.parse())) == drawn(seed=seed)


async def test_the_async_raw_response_has_them_too(async_client: AsyncOpenAI) -> None:
    raw = await async_client.images.with_raw_response.generate(model=MODEL, prompt=PROMPT, extra_body={"seed": 9})
    assert raw.headers["x-safelight-seed"] == "9"
    assert opened(b64(raw.parse())).size == (1024, 1024)


def test_the_models_are_listed_with_what_they_support(client: OpenAI) -> None:
    page = client.models.list()
    assert [model.id for model in page] == [MODEL, "postcard", "all-minilm-l6-v2"]
    assert {model.object for model in page.data} == {"model"}
    assert all(model.created > 0 for model in page.data)
    capabilities = page.data[0].model_dump()["capabilities"]["parameters"]
    assert capabilities["seed"] == {
        "type": "integer", "required": False, "default": 0, "minimum": 0, "maximum": 4294967295,
    }  # fmt: skip


def test_one_model_is_found_by_its_id_and_by_its_alias(client: OpenAI) -> None:
    assert client.models.retrieve(MODEL).owned_by == "safelight"
    assert client.models.retrieve("stability-image-ultra").id == MODEL


@pytest.mark.parametrize(
    ("sent", "param", "code"),
    [
        ({"model": "no-such-model"}, "model", "model_not_found"),
        ({"prompt": " "}, "prompt", "invalid_value"),
        ({"size": "10x10"}, "size", "invalid_value"),
        ({"n": 2}, "n", "unknown_parameter"),
        ({"response_format": "url"}, "response_format", "unknown_parameter"),
        ({"quality": "hd"}, "quality", "unknown_parameter"),
        ({"extra_body": {"seed": -1}}, "seed", "invalid_value"),
        ({"extra_body": {"size": "1344x768", "aspect_ratio": "1:1"}}, "size", "invalid_value"),
    ],
)
def test_what_is_wrong_is_a_bad_request_error_that_names_it(
    client: OpenAI, sent: dict[str, Any], param: str, code: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(**{"model": MODEL, "prompt": PROMPT} | sent)
    assert (caught.value.param, caught.value.code, caught.value.type) == (param, code, "invalid_request_error")
    assert str(caught.value.request_id).startswith("req_")


def test_a_stream_is_refused_by_name(client: OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.images.generate(model=MODEL, prompt=PROMPT, stream=True)
    assert (caught.value.param, caught.value.code) == ("stream", "unknown_parameter")


def check_stream(events: list[Any]) -> None:
    """What two partial pictures and the picture of seed 7 must be."""
    *partial, last = events
    assert [type(event) for event in events] == [ImageGenPartialImageEvent] * 2 + [ImageGenCompletedEvent]
    assert [event.partial_image_index for event in partial] == [0, 1]
    assert [opened(event.b64_json).size for event in partial] == [(512, 293)] * 2
    assert {(event.size, event.output_format, event.quality) for event in events} == {("1344x768", "png", "auto")}
    assert last.usage.total_tokens == 0
    assert file_of(last.b64_json) == drawn(seed=7, size=(1344, 768), model="postcard")


STREAM: dict[str, Any] = {"model": "postcard", "prompt": PROMPT, "size": "1344x768", "extra_body": {"seed": 7}}


def test_a_stream_shows_the_picture_while_it_is_drawn(client: OpenAI) -> None:
    check_stream(list(client.images.generate(**STREAM, stream=True, partial_images=2)))


async def test_the_async_client_streams_too(async_client: AsyncOpenAI) -> None:
    stream = await async_client.images.generate(**STREAM, stream=True, partial_images=2)
    check_stream([event async for event in stream])


def test_what_goes_wrong_in_a_stream_is_an_api_error(tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.write_text("1")
    with (
        serving(tmp_path, fake_hold=str(hold), drain_seconds="0") as served,
        OpenAI(base_url=served.base_url, api_key=served.key) as client,
    ):
        stream = client.images.generate(**STREAM, stream=True, partial_images=3)
        assert isinstance(next(stream), ImageGenPartialImageEvent)
        served.process.terminate()
        with pytest.raises(openai.APIError) as caught:
            list(stream)
        served.process.wait(60)  # a second signal, sent before it has ended, would stop it at once
    assert (caught.value.code, caught.value.type) == ("shutting_down", "server_error")


def test_several_pictures_in_webp_with_few_steps(client: OpenAI) -> None:
    answer = client.images.generate(
        model="postcard", prompt=PROMPT, n=3, size="512x768", quality="low", output_format="webp",
        output_compression=50, background="auto", moderation="auto",
    )  # fmt: skip
    assert answer.data is not None
    assert len({picture.b64_json for picture in answer.data}) == 3
    for picture in answer.data:
        assert (opened(picture.b64_json).format, opened(picture.b64_json).size) == ("WEBP", (512, 768))


def test_a_link_in_place_of_the_picture_needs_no_key(client: OpenAI) -> None:
    answer = client.images.generate(
        model="postcard", prompt=PROMPT, response_format="url", size="1344x768", extra_body={"seed": 7}
    )
    assert answer.data is not None
    (item,) = answer.data
    assert item.b64_json is None
    linked = httpx.get(str(item.url), timeout=300)
    assert (linked.status_code, linked.headers["content-type"]) == (200, "image/png")
    assert linked.content == drawn(seed=7, size=(1344, 768), model="postcard")


def test_size_auto_is_the_models_own(client: OpenAI) -> None:
    assert opened(b64(client.images.generate(model="postcard", prompt=PROMPT, size="auto"))).size == (1024, 1024)


def test_an_unsupported_parameter_is_ignored_on_request(client: OpenAI) -> None:
    answer = client.images.generate(
        model=MODEL, prompt=PROMPT, quality="hd", style="vivid", n=2, extra_body={"allow_ignored_params": True}
    )
    assert opened(b64(answer)).size == (1024, 1024)


async def test_a_wrong_key_is_an_authentication_error(async_client: AsyncOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as caught:
        await async_client.with_options(api_key="sl-wrong").images.generate(model=MODEL, prompt=PROMPT)
    assert (caught.value.status_code, caught.value.code) == (401, "invalid_api_key")
    assert "sl-wrong" not in str(caught.value)


def test_a_key_that_is_bound_to_another_model_is_a_permission_denied_error(client: OpenAI, server: Served) -> None:
    bound = client.with_options(api_key=server.new_key("--model", "postcard"))
    assert opened(b64(bound.images.generate(model="postcard", prompt=PROMPT))).size == (1024, 1024)
    with pytest.raises(openai.PermissionDeniedError) as caught:
        bound.images.generate(model=MODEL, prompt=PROMPT)
    assert (caught.value.code, caught.value.param) == ("model_not_allowed", "model")


def test_an_unknown_model_or_path_is_a_not_found_error(client: OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("no-such-model")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    with pytest.raises(openai.NotFoundError) as caught:
        client.post("/images/variations", cast_to=object, body={"model": MODEL})
    assert caught.value.code == "not_found"


def test_a_body_that_is_too_large_is_an_api_status_error(client: OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        client.images.generate(model=MODEL, prompt="x" * 1_100_000)
    assert (caught.value.status_code, caught.value.code) == (413, "request_too_large")


def test_a_batch_is_uploaded_drawn_and_read(client: OpenAI) -> None:
    def line(custom_id: str, **body: Any) -> bytes:
        asked = {"model": "postcard", "prompt": PROMPT, "size": "1344x768", "seed": 7} | body
        return json.dumps(
            {"custom_id": custom_id, "method": "POST", "url": "/v1/images/generations", "body": asked}
        ).encode()

    lines = b"\n".join((line("a"), line("b", size="10x10")))
    file = client.files.create(file=("requests.jsonl", lines), purpose="batch")
    assert (file.bytes, file.filename, file.purpose) == (len(lines), "requests.jsonl", "batch")
    batch = client.batches.create(
        input_file_id=file.id, endpoint="/v1/images/generations", completion_window="24h", metadata={"of": "a test"}
    )
    while batch.status in ("validating", "in_progress"):
        batch = client.batches.retrieve(batch.id)
    assert batch.status == "completed"
    assert batch.request_counts is not None
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (2, 1, 1)
    answer = json.loads(client.files.content(str(batch.output_file_id)).text)
    assert answer["custom_id"] == "a"
    picture = answer["response"]["body"]["data"][0]["b64_json"]
    assert file_of(picture) == drawn(seed=7, size=(1344, 768), model="postcard")
    refused = json.loads(client.files.content(str(batch.error_file_id)).text)
    assert (refused["custom_id"], refused["response"]["status_code"]) == ("b", 400)
    assert batch.id in [each.id for each in client.batches.list(limit=1)]
    assert {file.id, batch.output_file_id} <= {each.id for each in client.files.list()}
    assert client.batches.cancel(batch.id).status == "completed"
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)
