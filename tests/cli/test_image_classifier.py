"""An image classifier from the hub to a picture that is refused, on the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.checkpoints import classifiers

from safelight.cli.checkpoints.models import ensure
from safelight.cli.doctor.report import findings_of
from safelight.settings import read_settings
from tests.cli.conftest import CommandLine, InProcess, assert_sentence
from tests.cli.hub import Hub, serving

NAME = "acme/judge"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return classifiers.vit(tmp_path_factory.mktemp("judge"), {"normal": 0.0, "nsfw": 2.0})


@pytest.fixture
def hub(folder: Path) -> Iterator[Hub]:
    with serving({NAME: folder}) as hub:
        yield hub


def settings_of(command: CommandLine, source: str, label: str = "nsfw") -> None:
    text = f'filter_seconds = 60\n[image_classifier]\nsource = "{source}"\nrefuse = {{ {label} = 0.5 }}\n'
    (command.folder / "safelight.toml").write_text(text)


def test_one_is_pulled_and_listed_and_its_labels_are_said(here: InProcess) -> None:
    said = here("pull", NAME).stderr
    assert "It is an image classifier. It gives scores for normal, nsfw." in said
    assert f'[image_classifier]\nsource = "{NAME}"\nrefuse = {{ "nsfw" = 0.5 }}' in said
    settings_of(here, NAME)
    (row,) = json.loads(here("list", "--json").stdout)
    assert (row["model"], row["served_as"]) == (NAME, ["image_classifier"])
    refused = here("generate", "a boat", "--engine", "fake", "-o", "boat.png")
    assert_sentence(refused, 2, "The operator of this server does not allow this picture. Reason: nsfw")
    assert not (here.folder / "boat.png").exists()


def test_a_server_told_to_pulls_it(here: InProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_ENDPOINT", "HF_HOME"):
        monkeypatch.setenv(name, here.variables[name])
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    ensure(read_settings({"home": here.home, "image_classifier": {"source": NAME}}))
    settings_of(here, NAME)
    assert [row["model"] for row in json.loads(here("list", "--json").stdout)] == [NAME]


def test_a_label_that_it_does_not_have_is_said_before_anything_is_served(quick: InProcess, folder: Path) -> None:
    settings_of(quick, str(folder), "gore")
    ran = quick("serve", "--port", "0", "--engine", "fake")
    assert_sentence(ran, 2, "`image_classifier.refuse` names the label 'gore'", "'normal', 'nsfw'")


@pytest.mark.parametrize(("label", "state"), [("nsfw", "ok"), ("gore", "wrong")])
def test_the_doctor_looks_at_it(
    tmp_path: Path, folder: Path, label: str, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("safelight.cli.doctor.report.device", lambda settings: ())  # takes seconds
    said = {"home": tmp_path / "home", "image_classifier": {"source": str(folder), "refuse": {label: 0.5}}}
    (found,) = [finding for finding in findings_of(said) if finding.what == "classifier"]
    assert found.state == state
    assert label in found.detail
