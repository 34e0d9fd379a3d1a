"""curl, the documented commands pasted into bash first of all."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients.pictures import PROMPT, drawn, file_of, opened
from tests.clients.process import MODEL, Served

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="this machine has no curl")
needs_jq = pytest.mark.skipif(
    shutil.which("jq") is None, reason="this machine has no jq, which the documented command pipes into"
)

WITH_CONTENT_TYPE = r"""
curl --request POST --url $DIFFUSION_URL/v1/images/generations \
  --header "Authorization: Bearer $DIFFUSION_KEY" --header 'Content-Type: application/json' \
  --data '{"model": "stable-image-ultra", "prompt": "A serene mountain landscape at sunset with vibrant colors", "aspect_ratio": "16:9", "output_format": "png"}'
"""  # noqa: E501 - as it is pasted
WITHOUT_CONTENT_TYPE = r"""
curl $DIFFUSION_URL/v1/images/generations -H "Authorization: Bearer $DIFFUSION_KEY" \
  -d '{"model": "stable-image-ultra", "prompt": "A surreal landscape with glowing mushrooms under a night sky.", "aspect_ratio": "16:9", "output_format": "png", "seed": 12345, "negative_prompt": "crowded, noisy, chaotic", "size": "1344x768"}' \
  | jq -r '.data[0].b64_json' | base64 --decode > x.png
"""  # noqa: E501 - as it is pasted


def paste(server: Served, folder: Path, command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in bash, with the variables that `safelight env` exports."""
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=folder,
        env=server.safelight.environment(**server.environment()),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )


@dataclass(frozen=True)
class Answer:
    """What curl got: the status, the JSON, and how many bytes of the body it sent for it."""

    status: int
    json: Any
    uploaded: int


class Curl:
    """curl with the key, to the images endpoint."""

    def __init__(self, server: Served, folder: Path) -> None:
        self._server = server
        self._folder = folder

    def __call__(self, *options: str, stdin: bytes = b"") -> Answer:
        """Run it with these options; `stdin` is what `@-` reads."""
        ran = subprocess.run(
            ["curl", "-sS", "-H", f"Authorization: Bearer {self._server.key}", "-w", "\n%{http_code} %{size_upload}",
             *options, f"{self._server.url}/v1/images/generations"],
            cwd=self._folder, input=stdin, capture_output=True, timeout=300, check=True,
        )  # fmt: skip
        body, _, numbers = ran.stdout.rpartition(b"\n")
        status, uploaded = numbers.split()
        return Answer(int(status), json.loads(body), int(uploaded))


@pytest.fixture
def curl(server: Served, tmp_path: Path) -> Curl:
    return Curl(server, tmp_path)


def request(**fields: Any) -> str:
    """A small request as indented JSON."""
    return json.dumps({"model": MODEL, "prompt": PROMPT, "seed": 4} | fields, indent=2)


def assert_drawn(answer: Answer) -> None:
    """The answer is the picture of `request()`."""
    assert answer.status == 200, answer.json
    assert file_of(answer.json["data"][0]["b64_json"]) == drawn(seed=4)


def test_the_documented_command_with_a_content_type(server: Served, tmp_path: Path) -> None:
    answer = json.loads(paste(server, tmp_path, WITH_CONTENT_TYPE).stdout)
    assert set(answer) == {"created", "data"}
    picture = opened(answer["data"][0]["b64_json"])
    assert (picture.format, picture.size) == ("PNG", (1344, 768))


@needs_jq
def test_the_documented_command_without_one_writes_the_file(server: Served, tmp_path: Path) -> None:
    paste(server, tmp_path, WITHOUT_CONTENT_TYPE)
    expected = drawn(
        seed=12345,
        prompt="A surreal landscape with glowing mushrooms under a night sky.",
        negative_prompt="crowded, noisy, chaotic",
        size=(1344, 768),
    )
    assert (tmp_path / "x.png").read_bytes() == expected


@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8", "text/plain", ""])
def test_any_of_these_content_types_is_read_as_json(curl: Curl, media_type: str) -> None:
    assert_drawn(curl("-H", f"Content-Type:{media_type}", "--data", request()))


def test_the_switch_for_json(curl: Curl) -> None:
    assert_drawn(curl("--json", request()))


def test_line_ends_of_windows_in_a_file_that_is_sent_as_it_is(curl: Curl, tmp_path: Path) -> None:
    (tmp_path / "request.json").write_bytes(b"\xef\xbb\xbf" + request().replace("\n", "\r\n").encode())
    assert_drawn(curl("--data-binary", "@request.json"))


def test_the_old_http(curl: Curl) -> None:
    assert_drawn(curl("--http1.0", "--data", request()))


def test_an_upload_in_chunks(curl: Curl) -> None:
    options = ("-X", "POST", "-H", "Transfer-Encoding: chunked", "-H", "Content-Type: application/json", "-T", "-")
    assert_drawn(curl(*options, stdin=request().encode()))


def test_a_large_body_that_waits_to_be_expected(curl: Curl) -> None:
    body = request().encode().ljust(1024 * 1024)
    assert_drawn(curl("-H", "Expect: 100-continue", "--expect100-timeout", "50", "--data-binary", "@-", stdin=body))


def test_a_body_over_the_limit_is_refused_before_any_of_it_is_sent(curl: Curl) -> None:
    body = request().encode().ljust(1024 * 1024 + 1)
    answer = curl("-H", "Expect: 100-continue", "--expect100-timeout", "50", "--data-binary", "@-", stdin=body)
    assert (answer.status, answer.json["error"]["code"]) == (413, "request_too_large")
    assert answer.uploaded == 0


def test_a_get_says_what_is_allowed(curl: Curl) -> None:
    answer = curl()
    assert (answer.status, answer.json["error"]["code"]) == (405, "method_not_allowed")
