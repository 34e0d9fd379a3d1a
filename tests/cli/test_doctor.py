"""`safelight doctor`: what is wrong is found, and every wrong thing comes with a way to mend it."""

from __future__ import annotations

import json
import socket
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from benchmarks.checkpoints import tiny
from safetensors.numpy import save_file

from safelight.bootstrap.engines.cluster import Seen
from safelight.cli.checkpoints.looking import look_at
from safelight.cli.checkpoints.weights import fault_in, safetensors_fault
from safelight.cli.doctor.cluster import hosts
from safelight.cli.doctor.findings import Finding
from safelight.cli.doctor.report import findings_of
from safelight.contract.errors import SafelightError
from safelight.protocol.cluster.deploying import Application, KindStanding
from safelight.protocol.cluster.placing import LineStanding
from safelight.protocol.messages import ModelSpec
from safelight.settings import read_settings
from tests.cli.conftest import CommandLine
from tests.engine.test_loading import change_index
from tests.object_store import Bucket
from tests.relay import Conduct, relay_to


def test_everything_is_looked_at_and_what_is_wrong_is_found(safelight: CommandLine) -> None:
    safelight.home.mkdir(mode=0o755)
    (safelight.home / "safelight.db").write_bytes(b"no database " * 1000)
    models = json.dumps({"mine": {"source": str(safelight.folder / "missing")}})
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ran = safelight(
            "doctor",
            "--json",
            SAFELIGHT_MODELS=models,
            SAFELIGHT_THREADS="1000",
            SAFELIGHT_DEVICE="cuda:99",
            PORT=str(taken.getsockname()[1]),
        )
    report = json.loads(ran.stdout)
    assert (ran.returncode, report["ok"]) == (1, False)
    found = {finding["what"]: finding for finding in report["findings"]}
    wrong = {what for what, finding in found.items() if finding["state"] == "wrong"}
    assert {"database", "server", "device", "weights"} <= wrong
    assert all(found[what]["mend"] for what in wrong)
    assert found["threads"]["state"] == found["state folder"]["state"] == "note"
    assert found["state folder"]["mend"] == f"chmod 700 {safelight.home}"
    assert found["disk"]["state"] == "ok"
    assert "torch" in found["packages"]["detail"]
    assert "bfloat16" in found["arithmetic"]["detail"]


def test_the_place_for_pictures_is_tried_and_what_it_refuses_is_said(
    tmp_path: Path, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found(**variables: str) -> Finding:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            findings = islice(findings_of({"home": tmp_path}), 6)
            return next(finding for finding in findings if finding.what == "pictures")

    assert found().state == "ok"
    assert str(tmp_path / "files") in found().detail
    assert found(SAFELIGHT_FILES=bucket.url).state == "ok"
    missing = found(SAFELIGHT_FILES="s3://no-such-bucket-here/x")
    assert (missing.state, "no such bucket" in missing.detail) == ("wrong", True)
    assert "AWS_ENDPOINT_URL" in (missing.mend or "")
    with relay_to(bucket.port) as relay:
        for conduct, said in ((403, "access was denied (403)"), (503, "503"), ("refuse", "s3://"), ("silent", "4 s")):
            relay.let(cast(Conduct, conduct))
            wrong = found(SAFELIGHT_FILES=bucket.url, AWS_ENDPOINT_URL=relay.url)
            assert (wrong.state, said in wrong.detail) == ("wrong", True), wrong.detail
    (tmp_path / "file").write_text("")
    assert found(SAFELIGHT_FILES=str(tmp_path / "file" / "below")).state == "wrong"
    assert found(SAFELIGHT_FILES="nothing://known").state == "wrong"


def test_wrong_settings_are_a_finding_and_not_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAFELIGHT_PROT", "1")
    monkeypatch.setenv("SAFELIGHT_HOME", str(tmp_path))
    findings = list(islice(findings_of({}), 4))
    assert [(finding.what, finding.state) for finding in findings] == [
        ("versions", "ok"),
        ("settings", "wrong"),
        ("settings", "note"),
        ("state folder", "ok"),
    ]
    assert "Did you mean SAFELIGHT_PORT?" in findings[1].detail
    assert str(tmp_path) in findings[3].detail


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    (tmp_path / "model_index.json").write_text("{}")
    (tmp_path / "unet").mkdir()
    save_file({"a": np.ones((2, 3)), "b": np.zeros(5)}, tmp_path / "unet" / "model.safetensors")
    return tmp_path


def test_a_whole_checkpoint_has_no_fault(checkpoint: Path) -> None:
    assert fault_in(checkpoint) is None


def test_a_checkpoint_that_was_cut_off_is_found(checkpoint: Path) -> None:
    weights = checkpoint / "unet" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    fault = fault_in(checkpoint)
    assert fault is not None
    assert fault.what.startswith("unet/model.safetensors has ")


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 7, b"version https://git-lfs.github.com/spec/v1\n", (5).to_bytes(8, "little") + b"{{{{{"],
)
def test_what_is_no_safetensors_file_is_found(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert safetensors_fault(path) is not None


def test_pickles_are_named_as_what_they_are(checkpoint: Path) -> None:
    (checkpoint / "unet" / "model.safetensors").rename(checkpoint / "unet" / "model.bin")
    fault = fault_in(checkpoint)
    assert fault is not None
    assert "pickles" in fault.what
    assert "safe_serialization=True" in fault.mend


def test_a_folder_that_is_no_checkpoint_is_said(tmp_path: Path) -> None:
    missing, empty = fault_in(tmp_path / "missing"), fault_in(tmp_path)
    assert missing is not None
    assert "no such folder" in missing.what
    assert empty is not None
    assert "model_index.json" in empty.what


def test_models_of_the_hub_and_single_files_are_looked_at_where_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safelight.cli.doctor import report

    monkeypatch.setattr(report, "device", lambda settings: ())
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    snapshot = tmp_path / "hub" / "models--acme--tiny" / "snapshots" / ("a" * 40)
    (snapshot / "unet").mkdir(parents=True)
    (snapshot / "model_index.json").write_text("{}")
    header = b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
    whole = len(header).to_bytes(8, "little") + header + bytes(4)
    for file in (snapshot / "unet" / "model.safetensors", tmp_path / "one.safetensors"):
        file.write_bytes(whole)
    refs = snapshot.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text("a" * 40)
    (tmp_path / "cut.safetensors").write_bytes(whole[:-1])
    (tmp_path / "flux.sft").write_bytes(whole)
    (tmp_path / "cut.sft").write_bytes(whole[:-1])
    names = ("one.safetensors", "cut.safetensors", "flux.sft", "cut.sft")
    sources = ["acme/tiny", "acme/other", *(str(tmp_path / name) for name in names)]
    models = {f"m{number}": {"source": source} for number, source in enumerate(sources)}
    monkeypatch.setattr("safelight.cli.doctor.models._model", lambda spec: ())
    found = [f for f in findings_of({"home": tmp_path / "home", "models": models}) if f.what == "weights"]
    assert [finding.state for finding in found] == ["ok", "wrong", "ok", "wrong", "ok", "wrong"]
    assert found[1].mend == "safelight pull acme/other"
    assert all("has 65 bytes where 66 belong" in finding.detail for finding in found[3::2])


@pytest.mark.parametrize("kind", ["StableDiffusionInpaintPipeline", "StableDiffusionPipeline"])
def test_what_a_model_is_for_is_looked_at_as_show_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from safelight.cli.doctor import report

    monkeypatch.setattr(report, "device", lambda settings: ())
    folder = tiny.save("stable-diffusion", tmp_path / "model")
    change_index(folder, _class_name=kind)
    models = {"mine": {"source": str(folder)}}
    (found,) = [f for f in findings_of({"home": tmp_path / "home", "models": models}) if f.what == "model"]
    assert found.state == "ok"
    assert ("from pictures" if "Inpaint" in kind else "draws from a prompt") in found.detail


def test_a_controlnet_that_is_not_there_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from safelight.cli.doctor import report

    monkeypatch.setattr(report, "device", lambda settings: ())
    base = tiny.save("stable-diffusion", tmp_path / "model")
    options = {"controlnets": {"canny": str(tmp_path / "gone")}}
    models = {"sd": {"source": str(base), "options": options}}
    (found,) = [f for f in findings_of({"home": tmp_path / "home", "models": models}) if f.what == "model"]
    assert found.state == "wrong"
    assert "The ControlNet `canny` cannot be used. Its folder is not there" in found.detail


def test_a_look_that_does_not_end_is_given_up(tmp_path: Path) -> None:
    with pytest.raises(SafelightError, match=r"did not end within 0\.01 s, and was given up"):
        look_at(ModelSpec(source=str(tmp_path)), seconds=0.01)


def test_without_the_token_a_cluster_is_looked_at_no_further(safelight: CommandLine) -> None:
    variables = {"SAFELIGHT_ENGINE": "ray", "SAFELIGHT_HOSTS": '{"cpu": {"gpus": 0}}', "RAY_AUTH_MODE": "disabled"}
    ran = safelight("doctor", "--json", **variables)
    found = {finding["what"]: finding for finding in json.loads(ran.stdout)["findings"]}
    assert (ran.returncode, found["ray"]["state"], found["token"]["state"]) == (1, "ok", "wrong")
    assert "RAY_AUTH_MODE=token" in found["token"]["detail"]
    assert not {"cluster", "device", "weights"} & set(found)  # models and devices are the hosts'


def test_kinds_of_hosts_that_do_not_run_are_found() -> None:
    kinds = (
        KindStanding(kind="a", running=2, wanted=2, status="HEALTHY"),
        KindStanding(kind="b", running=1, wanted=3, status="UPDATING", message="No GPU is free."),
    )
    settings = read_settings({"hosts": {"a": {"least": 1}, "b": {"least": 2}, "c": {}}})
    seen = Seen(line=LineStanding(), hosts=Application(status="RUNNING", kinds=kinds))
    found = list(hosts(settings, seen))
    assert [finding.state for finding in found] == ["ok", "wrong", "wrong"]
    assert found[1].detail == "b: 1 of 2 hosts run. No GPU is free."
    assert found[2].mend == "`safelight deploy` sends them."
