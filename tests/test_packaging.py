"""The wheel is whole: what it installs works away from the checkout, with weights and all, and stays small."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
LARGEST_BYTES = 60 * 1024 * 1024


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = ("pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT))
    subprocess.run([sys.executable, "-m", *build], check=True, timeout=500, cwd=folder)
    (built,) = folder.glob("safelight-*.whl")
    return built


def test_the_wheel_holds_weights_migrations_types_and_licences_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "safelight/py.typed" in names
    assert any(name.startswith("safelight/postcard/weights/transformer/") for name in names)
    assert any("migrations" in name and name.endswith(".py") for name in names)
    assert {Path(name).name for name in names if "/licenses/" in name} == {"LICENSE", "NOTICE"}
    assert not [name for name in names if name.startswith(("tests", "training", "benchmarks"))]


def test_the_wheel_stays_under_sixty_mebibytes(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST_BYTES


def test_what_the_wheel_installs_draws_a_picture_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = ("pip", "install", "--quiet", "--no-deps", "--target", str(site), str(wheel))
    subprocess.run([sys.executable, "-m", *install], check=True, timeout=300, cwd=tmp_path)
    environment = os.environ | {"PYTHONPATH": str(site), "SAFELIGHT_HOME": str(tmp_path / "home")}
    program = "import safelight, sys; sys.stdout.write(safelight.__file__)"
    where = subprocess.run(
        [sys.executable, "-c", program], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert Path(where.stdout).is_relative_to(site)
    drawn = subprocess.run(
        [sys.executable, "-P", "-m", "safelight", "generate", "a red fox in the snow", "-o", "fox.png", "--seed", "3"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert drawn.returncode == 0, drawn.stderr
    with Image.open(tmp_path / "fox.png") as picture:
        assert picture.size == (1024, 1024)
