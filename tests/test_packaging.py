"""The wheel is whole: what it installs works away from the checkout, with weights and all, and stays small."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from safetensors import safe_open

from safelight.contract.checkpoints.split_weights import blocks_of, is_split
from tests.cli.conftest import CommandLine

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "safelight"
LARGEST_BYTES = 60_000_000
SPLIT = {
    "postcard/weights/text_encoder/model.safetensors",
    "postcard/weights/transformer/diffusion_pytorch_model.safetensors",
}
_OFFLINE = ("--quiet", "--no-deps", "--no-build-isolation")
# Python that runs this at its start packs archives without shortening what is in them: three seconds for the weights.
_UNSHORTENED = """
import zlib
_plain = zlib.compressobj
zlib.compressobj = lambda level=-1, *more, **named: _plain(0, *more, **named)
"""


def run(*command: str, cwd: Path, **variables: str) -> str:
    env = os.environ | variables
    ran = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=500, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_of(ROOT, tmp_path_factory.mktemp("wheel"))


def wheel_of(project: Path, folder: Path, **variables: str) -> Path:
    """What `pip install` makes of a folder or an sdist."""
    run(sys.executable, "-m", "pip", "wheel", *_OFFLINE, "-w", str(folder), str(project), cwd=folder, **variables)
    (built,) = folder.glob("safelight-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the wheel is installed, away from the checkout."""
    site = tmp_path_factory.mktemp("site")
    run(sys.executable, "-m", "pip", "install", *_OFFLINE, "--target", str(site), str(wheel), cwd=site)
    return site


def test_the_wheel_holds_weights_migrations_types_and_licences_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "safelight/py.typed" in names
    assert any(name.startswith("safelight/postcard/weights/transformer/") for name in names)
    assert any("migrations" in name and name.endswith(".py") for name in names)
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}
    assert not [name for name in names if name.startswith(("tests", "training", "benchmarks", "hatch_build"))]


def test_the_wheel_stays_under_sixty_megabytes(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST_BYTES


def test_the_wheels_weights_are_those_of_the_repository_with_their_bytes_apart(installed: Path) -> None:
    weights = {path.relative_to(SOURCE).as_posix(): path for path in SOURCE.rglob("*.safetensors")}
    split = {name for name in weights if is_split(installed / "safelight" / name)}
    assert split == SPLIT
    assert not any(is_split(path) for path in weights.values())
    for name, path in weights.items():
        assert digest(installed / "safelight" / name) == hashlib.sha256(path.read_bytes()).hexdigest()
    with safe_open(installed / "safelight" / min(SPLIT), framework="np") as file:  # whoever looks finds no damage
        assert sorted(file.keys()) == ["high", "low"]


def digest(path: Path) -> str:
    found = hashlib.sha256()
    for block in blocks_of(path):
        found.update(block)
    return found.hexdigest()


def test_an_sdist_holds_whole_weights_and_makes_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(_UNSHORTENED)
    quickly = {"PYTHONPATH": str(tmp_path)}
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path), cwd=ROOT, **quickly)
    (sdist,) = tmp_path.glob("safelight-*.tar.gz")
    assert sums(wheel_of(sdist, tmp_path, **quickly)) == sums(wheel)


def sums(wheel: Path) -> dict[str, int]:
    """The check sum of each file."""
    return {file.filename: file.CRC for file in zipfile.ZipFile(wheel).infolist()}


def test_an_editable_install_points_to_whole_weights(tmp_path: Path) -> None:
    program = "import sys; from hatchling.build import build_editable; print(build_editable(sys.argv[1]))"
    name = run(sys.executable, "-c", program, str(tmp_path), cwd=ROOT).split()[-1]
    assert not [each for each in zipfile.ZipFile(tmp_path / name).namelist() if each.endswith(".safetensors")]


def test_what_the_wheel_installs_answers_with_the_bytes_of_the_checkout(installed: Path, tmp_path: Path) -> None:
    """A picture, its fingerprint and an embedding, from a real server of each."""
    answers = [
        answered(CommandLine(tmp_path / name, {"PYTHONPATH": str(path), "SAFELIGHT_WARM_UP_SECONDS": "0"}))
        for name, path in (("wheel", installed), ("checkout", SOURCE.parent))
    ]
    assert [each.pop("from") for each in answers] == [str(installed / "safelight"), str(SOURCE)]
    assert answers[0] == answers[1]


def test_what_the_wheel_installs_says_of_its_model_what_the_checkout_says(installed: Path, tmp_path: Path) -> None:
    """Where the checkout is, every process finds it, so one that has imported it is forked."""
    lines = CommandLine(tmp_path / "wheel", {"PYTHONPATH": str(installed)}), CommandLine(tmp_path / "checkout")
    assert [imported_from(each) for each in lines] == [str(installed / "safelight"), str(SOURCE)]
    said = []
    for each in lines:
        each.folder.mkdir()
        said.append(json.loads(each("show", "postcard", "--json").stdout))
    assert said[0] == said[1]


def answered(safelight: CommandLine) -> dict[str, Any]:
    safelight.folder.mkdir()
    said: dict[str, Any] = {"from": imported_from(safelight)}
    (safelight.folder / "temporary").mkdir()
    safelight.variables.update({"SAFELIGHT_API_KEY": "sl-key", "TMPDIR": str(safelight.folder / "temporary")})
    with safelight.until("Safelight serves ", "serve") as lines:
        url = lines.split("Safelight serves ")[1].split()[0]
        with httpx.Client(base_url=url, headers={"authorization": "Bearer sl-key"}, timeout=300) as client:
            asked = {"model": "postcard", "prompt": "a red fox in the snow", "seed": 3, "response_format": "b64_json"}
            picture = client.post("/v1/images/generations", json=asked)
            assert picture.status_code == 200, picture.text
            image = base64.b64decode(picture.json()["data"][0]["b64_json"])
            (safelight.folder / "fox.png").write_bytes(image)
            said["picture"] = hashlib.sha256(image).hexdigest()
            said["fingerprint"] = picture.headers["x-safelight-fingerprint"]
            vector = client.post("/v1/embeddings", json={"model": "all-minilm-l6-v2", "input": "a red fox"})
            assert vector.status_code == 200, vector.text
            said["vector"] = vector.json()["data"][0]["embedding"]
    with Image.open(safelight.folder / "fox.png") as opened:
        assert opened.size == (1024, 1024)
    assert list((safelight.folder / "temporary").iterdir()) == [], "what was joined for loading is gone"
    return said


def imported_from(safelight: CommandLine) -> str:
    """Where a process with that environment finds the package."""
    command = (sys.executable, "-P", "-c", "import safelight; print(safelight.__path__[0])")
    env = safelight.environment()
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=300).stdout.strip()


def test_where_weights_cannot_be_joined_the_worker_says_what_it_needs(installed: Path, tmp_path: Path) -> None:
    """A bound on files' lengths stands for a full disk. The checkout's weights, which are whole, would need no file."""
    safelight = CommandLine(tmp_path, {"PYTHONPATH": str(installed)}, limits="ulimit -f 20000")
    drawn = safelight("generate", "a red fox", "-o", "fox.png")
    assert drawn.returncode != 0
    assert re.search(r"45 MB of them are put together in the folder for temporary files, .* TMPDIR", drawn.stderr)
