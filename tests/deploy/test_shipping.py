"""What others run Safelight with: the service of systemd, Heroku's files, the workflows."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from safelight.cli.app import app
from safelight.settings import Settings, read_settings
from safelight.settings.sources import PREFIX

ROOT = Path(__file__).parent.parent.parent
UNIT = ROOT / "deploy" / "systemd" / "safelight.service"
PROCFILE = ROOT / "Procfile"
# Of 100: what systemd says of a service that could do less harm only by losing the network or a GPU.
_EXPOSED = 25
_VARIABLE = re.compile(rf"\b{PREFIX}([A-Z_]+)")


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The service as systemd reads it here, where nothing is installed in /opt."""
    copy = tmp_path / UNIT.name
    text, changed = re.subn(r"^ExecStart=\S+", f"ExecStart={shutil.which('true')}", UNIT.read_text(), flags=re.M)
    assert changed == 1
    copy.write_text(text)
    return copy


@pytest.mark.parametrize(
    "asked", [("verify",), ("security", "--offline=true", f"--threshold={_EXPOSED}")], ids=["verify", "security"]
)
def test_systemd_accepts_the_service_and_finds_it_hardened(unit: Path, asked: tuple[str, ...]) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is missing: Debian's package systemd has it")
    said = subprocess.run([analyze, *asked, str(unit)], capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stderr == ""


def test_the_service_is_given_longer_to_stop_than_the_server_drains() -> None:
    found = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.M)
    assert found is not None
    assert int(found[1]) > Settings.model_fields["drain_seconds"].default


@pytest.mark.parametrize("file", [UNIT, ROOT / "app.json"], ids=lambda path: path.name)
def test_every_variable_is_a_setting(file: Path) -> None:
    named = {name.lower() for name in _VARIABLE.findall(file.read_text())} - {"home"}
    assert named
    assert named - set(Settings.model_fields) == set()


def test_heroku_starts_a_command_that_exists() -> None:
    found = re.fullmatch(r'web: (?:[A-Z_]+="[^"]*" )?safelight (\w+) (.*)\n', PROCFILE.read_text())
    assert found is not None
    described = CliRunner().invoke(app, [found[1], "--help"])
    assert described.exit_code == 0
    assert [option for option in re.findall(r"--[a-z-]+", found[2]) if option not in described.output] == []


def test_herokus_settings_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, entry in json.loads((ROOT / "app.json").read_text())["env"].items():
        monkeypatch.setenv(name, entry.get("value", "made-by-heroku"))
    settings = read_settings()
    assert settings.trusted_proxies == ("10.0.0.0/8",)
    assert settings.drain_seconds < 30  # Heroku kills what is left after that


@pytest.mark.parametrize("file", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.name)
def test_workflows_are_what_github_reads(file: Path) -> None:
    check = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(file))
    said = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert said.returncode == 0, said.stdout


def test_a_release_runs_what_the_repository_has() -> None:
    """Files that a workflow names exist, and its Python packages are not left to whichever version is newest."""
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text()
    for path in re.findall(r"\b(?:requirements|scripts)/[\w./-]+", text):
        assert (ROOT / path).exists(), path
    assert re.search(r"cyclonedx-bom==[\d.]+ ", text)
