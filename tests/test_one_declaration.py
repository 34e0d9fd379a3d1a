"""A parameter is one declaration: one that is made up here is found wherever parameters are spoken of."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import msgspec
import numpy as np
import pytest
from benchmarks.checkpoints import tiny
from diffusers import StableDiffusionPipeline
from typer.testing import CliRunner

from safelight.adapters.fake.engine import FakeEngine
from safelight.adapters.fake.states import TRAITS
from safelight.adapters.home.state_folder import announce
from safelight.api.app import ROUTES
from safelight.api.openapi.document import openapi_document
from safelight.cli.app import app
from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import InvalidRequest
from safelight.contract.models.capabilities import Parameter
from safelight.contract.models.terms import Contract, OperatorTerms
from safelight.contract.parameters.declaration import Declaration
from safelight.contract.parameters.declared import declaring
from safelight.contract.requests.parsing import parse_image_request
from safelight.contract.values.kinds import Number
from safelight.engine.checkpoint.capabilities.traits import traits_of
from safelight.engine.checkpoint.loading import describe, load
from safelight.protocol.messages import Finished, ModelSpec
from tests.api.conftest import PICTURES, Running, Serve, serve
from tests.api.test_jobs import finished
from tests.engine.drawing import Drawing, job, pixels

__all__ = ["serve"]  # a fixture

WOBBLE = Declaration(
    parameter=Parameter(
        name="wobble", kind=Number(minimum=0, maximum=2), default=1.0, description="How much lines wobble."
    ),
    help="How much lines wobble, 0 to 2.",
)
TAKES_IT = msgspec.structs.replace(TRAITS, takes=("wobble",))
FIELDS: dict[str, Any] = {"model": "postcard", "prompt": "a boat", "size": "64x64", "seed": 7}


@pytest.fixture(autouse=True)
def declared() -> Iterator[None]:
    with declaring(WOBBLE):
        yield


@pytest.fixture
async def running(serve: Serve) -> Running:
    return await serve(engine=FakeEngine(("postcard",), traits=TAKES_IT))


def offering(takes: tuple[str, ...] = ("wobble",), contract: Contract = "open") -> Catalogue:
    traits = msgspec.structs.replace(TRAITS, takes=takes)
    terms = OperatorTerms(contract=contract)
    return Catalogue([ModelEntry(id="postcard", source="p", drawn_by="p", terms=terms, traits=traits)])


def test_the_parser_takes_it_within_its_bounds_where_the_pipeline_does() -> None:
    assert parse_image_request(FIELDS | {"wobble": 0.5}, offering()).options["wobble"] == 0.5
    assert parse_image_request(FIELDS, offering()).options["wobble"] == 1.0
    with pytest.raises(InvalidRequest, match=re.escape("`wobble` must be a number from 0 to 2; got 3.")):
        parse_image_request(FIELDS | {"wobble": 3}, offering())
    for without in (offering(takes=()), offering(contract="strict")):
        with pytest.raises(InvalidRequest, match="does not support the parameter `wobble`"):
            parse_image_request(FIELDS | {"size": None, "wobble": 0.5}, without)


def test_the_document_has_it() -> None:
    schema = openapi_document(offering(), ROUTES)["components"]["schemas"]["ImageRequest"]["anyOf"][0]
    described = {"type": ["number", "null"], "minimum": 0, "maximum": 2, "default": 1.0}
    assert schema["properties"]["wobble"] == described | {"description": "How much lines wobble."}
    assert "wobble" in schema["allOf"][0]["else"]["propertyNames"]["enum"]


async def test_the_model_list_of_which_the_studios_form_is_made_has_it(running: Running) -> None:
    listed = (await running.client.get("/v1/models/postcard")).json()["capabilities"]["parameters"]["wobble"]
    assert listed == {"type": "number", "required": False, "default": 1.0, "minimum": 0, "maximum": 2}
    assert listed.get("in_form", True)


async def test_the_command_line_shows_and_asks_for_it(
    running: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"http://127.0.0.1:{running.port}"
    monkeypatch.setenv("SAFELIGHT_API_KEY", running.key)
    monkeypatch.setenv("DIFFUSION_KEY", running.key)
    monkeypatch.setenv("SAFELIGHT_HOME", str(tmp_path))
    announce(tmp_path, url)

    async def ran(*words: str) -> str:
        result = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert result.exit_code == 0, result.output
        return result.output

    assert re.search(r"--wobble <float> +How much lines wobble, 0 to 2\.", await ran("generate", "--help"))
    assert re.search(r"^wobble +number from 0 to 2 +1\.0", await ran("models"), re.M)
    file = str(tmp_path / "boat.png")
    await ran(
        "generate", "a boat", "--model", "postcard", "--url", url, "--key", running.key, "--wobble", "0.5", "-o", file
    )
    assert running.engine.submitted[-1].recipe.options["wobble"] == 0.5


async def test_a_durable_job_keeps_it_and_is_drawn_again_the_same(running: Running) -> None:
    first = await finished(running, **FIELDS, wobble=0.5)
    assert first["request"]["wobble"] == 0.5
    again = await finished(running, **first["request"])
    other = await finished(running, **first["request"] | {"wobble": 0.25})
    files = [(await running.client.get(f"/v1/jobs/{made['id']}/image")).content for made in (first, again, other)]
    assert files[0] == files[1] != files[2]
    assert [order.recipe.options["wobble"] for order in running.engine.submitted] == [0.5, 0.5, 0.25]
    kept = await running.client.get(f"/v1/jobs/{first['id']}/image", params={"metadata": "full"})
    said = re.search(rb"<safelight:request[^>]*>(.*?)</safelight:request>", kept.content)
    assert said is not None
    assert json.loads(unescape(said[1].decode()))["wobble"] == 0.5


async def test_the_digest_of_an_idempotency_key_covers_it(running: Running) -> None:
    async def once(wobble: float) -> httpx.Response:
        headers = {"idempotency-key": "once"}
        return await running.client.post(PICTURES, json=FIELDS | {"wobble": wobble}, headers=headers)

    one, same, other = [await once(wobble) for wobble in (0.5, 0.5, 0.25)]
    assert one.content == same.content
    assert (other.status_code, other.json()["error"]["code"]) == (400, "idempotency_key_reused")


async def test_pictures_that_differ_by_it_are_not_shared(running: Running) -> None:
    running.engine.gate.clear()
    asking = [asyncio.create_task(running.draw(**FIELDS, wobble=wobble)) for wobble in (0.5, 0.5, 0.25)]
    while len(running.engine.submitted) < 2:  # noqa: ASYNC110 - two of three are one picture
        await asyncio.sleep(0.001)
    running.engine.gate.set()
    pictures = [base64.b64decode((await answer).json()["data"][0]["b64_json"]) for answer in asking]
    assert pictures[0] == pictures[1] != pictures[2]
    assert len(running.engine.submitted) == 2


class Wobbling(StableDiffusionPipeline):  # type: ignore[misc]
    """A pipeline with an argument of that name: it moves the guidance."""

    def __call__(self, *args: Any, guidance_scale: float = 7.5, wobble: float = 1.0, **more: Any) -> Any:
        return super().__call__(*args, guidance_scale=guidance_scale * wobble, **more)


def test_a_pipeline_with_an_argument_of_its_name_is_told_it_and_its_file_says_so(tmp_path: Path) -> None:
    spec = ModelSpec(source=str(tiny.save("stable-diffusion", tmp_path / "model")), dtype="float32")
    plain = load(spec, "cpu")
    parameters = plain.parameters | {"wobble": 1.0}
    assert "wobble" in traits_of(describe(spec)[0], "model", parameters).takes
    assert "wobble" not in plain.traits.takes
    pipeline = Wobbling(**plain.pipeline.components, requires_safety_checker=False)
    pipeline.set_progress_bar_config(disable=True)
    model = replace(plain, pipeline=pipeline, parameters=parameters)
    with Drawing(model) as drawing:
        half, usual, halved = drawing.draw(
            job(model, "half", wobble=0.5, guidance_scale=6.0, metadata="full"),
            job(model, "usual", wobble=1.0, guidance_scale=6.0),
            job(model, "halved", wobble=1.0, guidance_scale=3.0),
        )
    assert isinstance(half, Finished)
    assert np.array_equal(pixels(half), pixels(halved))
    assert not np.array_equal(pixels(half), pixels(usual))
    assert b'"guidance_scale": 6.0, ' in half.image
    assert b'"wobble": 0.5' in half.image
    assert b"Wobble: 0.5" in half.image
