"""Signed pictures from every exit, and `POST /v1/content_provenance_checks`."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI

from safelight.adapters.credentials.certificates import new_certificate
from safelight.contract.errors import ConfigurationError
from safelight.contract.picture_files.unsigned import unsigned
from safelight.service.ports.credentials import CannotSign, Statement
from safelight.settings import read_settings
from tests.api.conftest import Running, Serve
from tests.api.test_jobs import finished

CHECKS = "/v1/content_provenance_checks"
SEED = {"seed": 7, "size": "64x64", "model": "postcard"}


@pytest.fixture
def c2pa(tmp_path: Path) -> dict[str, str]:
    """The settings of an operator with a certificate."""
    made = new_certificate("Northlight Press", 30)
    files = {"certificate": made.chain, "key": made.key, "trusted": made.authority}
    for name, content in files.items():
        (tmp_path / f"{name}.pem").write_text(content)
    return {name: str(tmp_path / f"{name}.pem") for name in files}


async def check(running: Running, content: bytes) -> dict[str, Any]:
    answer = await running.client.post(CHECKS, files={"file": ("a.png", content)})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def of_answer(answer: Any) -> bytes:
    return base64.b64decode(answer.json()["data"][0]["b64_json"])


async def test_every_exit_hands_out_a_signed_picture(serve: Serve, c2pa: dict[str, str]) -> None:
    running = await serve(signing=c2pa)
    plain = of_answer(await running.draw(**SEED))
    streamed = await running.draw(**SEED, stream=True)
    data = next(line for line in streamed.text.splitlines() if line.startswith("data:") and "completed" in line)
    job = await finished(running, **SEED, prompt="a boat")
    kept = await running.client.get(job["image"]["path"])
    pictures = [plain, base64.b64decode(json.loads(data[5:])["b64_json"]), kept.content]
    for picture in pictures:
        signed, mark = (await check(running, picture))["results"]
        assert signed["outcome"] == "detected"
        assert signed["validation_state"] == "trusted"
        assert (signed["issuer"], signed["model"]) == ("Northlight Press", "postcard")
        assert signed["prompt"] is None
        assert mark == {"type": "xmp", "outcome": "detected"}
    # The signature is outside the identity: what is signed are the same bytes each time.
    assert len({unsigned(picture) for picture in pictures}) == 1


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
async def test_a_file_that_is_told_its_settings_is_signed_anew(serve: Serve, c2pa: dict[str, str], kind: str) -> None:
    running = await serve(signing=c2pa)
    job = await finished(running, **SEED, prompt="an otter", output_format=kind)
    full = await running.client.get(job["image"]["path"], params={"metadata": "full"})
    assert b"an otter" in full.content
    signed, mark = (await check(running, full.content))["results"]
    assert (signed["validation_state"], mark["outcome"]) == ("trusted", "detected")
    assert signed["fingerprint"] == job["image"]["fingerprint"]


async def test_without_the_signature_the_bytes_are_those_of_a_server_that_does_not_sign(
    serve: Serve, c2pa: dict[str, str]
) -> None:
    signing, plain = await serve(signing=c2pa), await serve()
    for kind in ("png", "jpeg", "webp"):
        signed = await signing.draw(**SEED, output_format=kind)
        bare = await plain.draw(**SEED, output_format=kind)
        assert unsigned(of_answer(signed)) == of_answer(bare)
        assert of_answer(signed) != of_answer(bare)
        assert signed.headers["x-safelight-fingerprint"] == bare.headers["x-safelight-fingerprint"]


async def test_the_prompt_is_said_where_the_operator_wants_it(serve: Serve, c2pa: dict[str, Any]) -> None:
    running = await serve(signing=c2pa | {"prompt": True})
    found = await check(running, of_answer(await running.draw(**SEED, prompt="an otter")))
    assert found["results"][0]["prompt"] == "an otter"


async def test_openais_client_reads_the_answer(serve: Serve, c2pa: dict[str, str]) -> None:
    running = await serve(signing=c2pa)
    picture = of_answer(await running.draw(**SEED))
    async with AsyncOpenAI(base_url=f"http://127.0.0.1:{running.port}/v1", api_key=running.key) as client:
        found = await client.content_provenance_checks.create(file=("a.png", picture, "image/png"))
    assert found.object == "content_provenance_check"
    (signed,) = [result for result in found.results if result.type == "c2pa"]
    assert (signed.outcome, signed.validation_state, signed.model) == ("detected", "trusted", "postcard")


async def test_a_changed_picture_is_not_detected(serve: Serve, c2pa: dict[str, str]) -> None:
    running = await serve(signing=c2pa)
    picture = bytearray(of_answer(await running.draw(**SEED, output_format="jpeg")))
    picture[-30] ^= 1
    signed, _ = (await check(running, bytes(picture)))["results"]
    assert (signed["outcome"], signed["validation_state"]) == ("not_detected", "invalid")


async def test_an_unsigned_picture_has_the_mark_alone(serve: Serve) -> None:
    running = await serve()
    signed, mark = (await check(running, of_answer(await running.draw(**SEED))))["results"]
    assert (signed["outcome"], signed["validation_state"]) == ("not_detected", "not_present")
    assert mark["outcome"] == "detected"


@pytest.mark.parametrize(
    ("sent", "status", "code", "param"),
    [
        ({"files": {"file": ("a.png", b"GIF89a")}}, 400, "invalid_image", "file"),
        ({"files": {"image": ("a.png", b"GIF89a")}}, 400, "missing_required_parameter", "file"),
        ({"files": {"file": ("a.png", b"GIF89a")}, "data": {"colour": "red"}}, 400, "unknown_parameter", "colour"),
        ({"json": {"file": "x"}}, 415, "unsupported_media_type", None),
    ],
)
async def test_what_is_wrong_is_told(
    serve: Serve, sent: dict[str, Any], status: int, code: str, param: str | None
) -> None:
    running = await serve()
    answer = await running.client.post(CHECKS, **sent)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (status, code, param)


async def test_a_picture_that_cannot_be_signed_is_handed_to_nobody(
    serve: Serve, c2pa: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from safelight.adapters.credentials.signer import C2paSigner

    def refuse(self: C2paSigner, content: bytes, media_type: str, statement: Statement) -> bytes:
        raise CannotSign("the certificate has run out")

    running = await serve(signing=c2pa)
    monkeypatch.setattr(C2paSigner, "signed", refuse)
    answer = await running.draw(**SEED)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal_error")
    assert "could not be signed" in answer.json()["error"]["message"]
    assert "run out" not in answer.text


def test_half_a_pair_is_told() -> None:
    with pytest.raises(ConfigurationError, match="`certificate` and `key` together"):
        read_settings({"signing": {"certificate": "a.pem"}})


async def test_checks_at_once_are_all_answered(serve: Serve) -> None:
    running = await serve()
    picture = of_answer(await running.draw(**SEED))
    found = await asyncio.gather(*(check(running, picture) for _ in range(6)))
    assert all(each["results"][1]["outcome"] == "detected" for each in found)
