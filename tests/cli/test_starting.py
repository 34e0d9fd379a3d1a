"""What `serve` finds out before it says that it serves: models and devices that are not there."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from benchmarks.checkpoints import tiny

from safelight.adapters.preflight import check_device
from safelight.contract.errors import ConfigurationError
from tests.cli.conftest import CommandLine, InProcess, assert_sentence
from tests.clients.pictures import opened
from tests.clients.test_first_run import paste
from tests.e2e.drawing import wait_until

END_OF_GREETING = "b64_json"


def test_a_model_that_is_not_there_is_said_before_anything_is_served(quick: InProcess) -> None:
    gone = str(quick.folder / "gone")
    ran = quick("serve", "--port", "0", "--model", gone)
    assert_sentence(ran, 2, f"There is no folder and no file {gone}.")
    assert "serves" not in ran.stderr


def test_a_model_that_was_not_pulled_is_said_with_what_pulls_it(quick: InProcess) -> None:
    ran = quick("serve", "--port", "0", "--model", "acme/tiny", HF_HOME=str(quick.folder / "hf"))
    assert_sentence(ran, 2, "acme/tiny is not on this machine", "`safelight pull acme/tiny`")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("model/readme.txt", "", "holds no model_index.json"),
        ("model/model_index.json", "{", "cannot be read"),
        ("model/model_index.json", "[]", "is not a JSON object"),
        ("model.ckpt", "", "is a pickle"),
    ],
)
def test_what_is_no_checkpoint_is_said(quick: InProcess, file: str, content: str, said: str) -> None:
    path = quick.folder / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    model = path if path.suffix == ".ckpt" else path.parent
    assert_sentence(quick("serve", "--port", "0", "--model", str(model)), 2, said)


def test_a_device_that_is_not_there_is_said(quick: InProcess) -> None:
    assert_sentence(quick("serve", "--port", "0", "--device", "gpu"), 2, "`device` is auto, cpu, mps, cuda")
    asked = [sys.executable, "-c", "import torch; print(torch.cuda.is_available())"]
    if subprocess.run(asked, capture_output=True, text=True, check=True).stdout == "False\n":
        assert_sentence(quick("serve", "--port", "0", "--device", "cuda"), 2, "`device` is cuda", "cpu or auto")


@pytest.mark.parametrize("device", ["auto", "cpu", "mps"])
def test_other_devices_need_no_look(device: str) -> None:
    check_device(device)


def test_a_gpu_beyond_the_last_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the driver says stands in for two cards: this machine may have none."""
    monkeypatch.setattr("safelight.adapters.preflight._torch_is_built_for", lambda: "cuda")
    monkeypatch.setattr("safelight.adapters.preflight.gpu_count", lambda: 2)
    check_device("cuda:1")
    with pytest.raises(ConfigurationError, match="found: 2, so the last is cuda:1"):
        check_device("cuda:2")


def test_beside_a_good_model_a_bad_one_is_said_everywhere(tmp_path: Path) -> None:
    safelight = CommandLine(tmp_path, {"SAFELIGHT_WARM_UP_SECONDS": "0"})
    gone = str(tmp_path / "gone")
    arguments = ("--model", gone, "--as", "bad", "--model", "postcard", "--as", "good")
    with safelight.until(END_OF_GREETING, "serve", *arguments) as said:
        (logged,) = [json.loads(line) for line in said.splitlines() if "model_missing" in line]
        assert logged["level"] == "error"
        assert f"bad CANNOT DRAW. There is no folder and no file {gone}" in said
        environment = json.loads(safelight("env", "--json").stdout)
        ready = f"{environment['DIFFUSION_URL']}/readyz"
        wait_until(lambda: "loading" not in httpx.get(ready, timeout=300).text)
        answer = httpx.get(ready, timeout=300)
        assert (answer.status_code, answer.json()["models"]) == (200, {"bad": "failed", "good": "ready"})
        assert answer.json()["reasons"] == {"bad": "The model's folder is not there."}
        assert environment["DIFFUSION_MODEL_ID"] == "good"
        shown = safelight("ps")
        assert "failed" in shown.stdout
        assert "The model's folder is not there." in shown.stdout


def test_the_lines_draw_with_the_servers_model_and_with_a_key_from_the_environment(tmp_path: Path) -> None:
    """The server's first model is none of the settings', and its key is in no file."""
    safelight = CommandLine(tmp_path, {"SAFELIGHT_API_KEY": "a-key-from-outside"})
    with safelight.until(
        END_OF_GREETING, "serve", "--engine", "fake", "--model", "postcard", "--as", "another"
    ) as said:
        assert "in which SAFELIGHT_API_KEY has the value" in said
        assert "a-key-from-outside" not in said
        lines = said[said.index("eval ") :]
        paste("export SAFELIGHT_API_KEY=a-key-from-outside\n" + lines, tmp_path)
    assert opened((tmp_path / "picture.png").read_bytes()).format == "PNG"


def test_a_folder_of_weights_is_served_under_its_name(tmp_path: Path) -> None:
    safelight = CommandLine(tmp_path, {"SAFELIGHT_WARM_UP_SECONDS": "0"})
    folder = tiny.save("stable-diffusion", tmp_path / "Tiny-Model")
    with safelight.until(END_OF_GREETING, "serve", "--model", str(folder)):
        environment = json.loads(safelight("env", "--json").stdout)
        assert environment["DIFFUSION_MODEL_ID"] == "tiny-model"
