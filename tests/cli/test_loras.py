"""LoRAs that an operator names: in settings, in what the engine is told, in requests, and in `safelight loras`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from safelight.adapters.metrics import PrometheusTelemetry
from safelight.bootstrap.engines.catalogue import catalogue
from safelight.bootstrap.engines.engine import open_engine
from safelight.bootstrap.engines.specs import model_specs
from safelight.cli.app import app
from safelight.contract.errors import ConfigurationError
from safelight.contract.requests.parsing import parse_image_request
from safelight.protocol.messages import LoraSpec
from safelight.settings import read_settings

MODELS: dict[str, Any] = {
    "sdxl": {"source": "/models/sdxl", "dtype": "float16"},
    "sdxl-ink": {"base": "sdxl", "loras": {"ink": 0.8}, "steps": 9},
    "other": {"source": "/models/other"},
}
LORAS: dict[str, Any] = {
    "ink": {"file": "/models/ink.safetensors", "base": ["sdxl"], "weight": 0.5},
    "wash": {"file": "/models/wash.safetensors", "base": ["sdxl", "other"]},
}


def test_an_id_with_a_base_shares_its_weights_and_is_loaded_once() -> None:
    specs = model_specs(read_settings({"models": MODELS, "loras": LORAS}))
    assert [*specs] == ["/models/sdxl", "/models/other"]
    ink = LoraSpec(name="ink", file="/models/ink.safetensors")
    wash = LoraSpec(name="wash", file="/models/wash.safetensors")
    assert specs["/models/sdxl"].loras == (ink, wash)
    assert specs["/models/sdxl"].dtype == "float16"
    assert specs["/models/other"].loras == (wash,)


def test_an_id_with_loras_draws_with_them() -> None:
    settings = read_settings({"models": MODELS, "loras": LORAS, "engine": "fake"})
    offered = catalogue(settings, open_engine(settings, PrometheusTelemetry()))
    assert offered.find("sdxl-ink").capabilities.loras == ("ink", "wash")
    assert offered.find("other").capabilities.loras == ("wash",)
    asked = {"model": "sdxl-ink", "prompt": "a boat"}
    assert parse_image_request(asked, offered).options == {"loras": {"ink": 0.8}, "steps": 9}
    assert parse_image_request(asked | {"model": "sdxl"}, offered).options == {}


def test_a_lora_counts_as_its_table_says_where_neither_request_nor_id_does() -> None:
    models = MODELS | {"sdxl-named": {"base": "sdxl", "loras": ["ink", "wash"]}}
    settings = read_settings({"models": models, "loras": LORAS, "engine": "fake"})
    offered = catalogue(settings, open_engine(settings, PrometheusTelemetry()))

    def weights(model: str, **fields: Any) -> Any:
        asked = {"model": model, "prompt": "a boat"} | fields
        return parse_image_request(asked, offered).options.get("loras")

    assert weights("sdxl", loras={"ink": None, "wash": None}) == {"ink": 0.5, "wash": 1.0}
    assert weights("sdxl", loras={"ink": -1}) == {"ink": -1.0}
    assert weights("sdxl-ink", loras={"ink": None}) == {"ink": 0.8}  # the id's own counts before the LoRA's
    assert weights("sdxl-named") == {"ink": 0.5, "wash": 1.0}
    assert offered.find("sdxl-ink").capabilities["loras"].as_json()["weights"] == {"ink": 0.8, "wash": 1.0}


@pytest.mark.parametrize(
    ("models", "loras", "says"),
    [
        ({"a": {"base": "b"}}, {}, "no model 'b' with a source"),
        ({"a": {"base": "b"}, "b": {"base": "c"}, "c": {"source": "postcard"}}, {}, "there are: c"),
        ({"a": {"source": "postcard", "base": "b"}}, {}, "one of the two"),
        ({"a": {}}, {}, "one of the two"),
        ({"a": {"base": "b", "dtype": "float16"}, "b": {"source": "postcard"}}, {}, "`dtype` is that of its `base`"),
        (
            {"a": {"source": "postcard", "loras": {"ink": 1}}},
            {},
            "no 'ink', which `models.a.loras` names",
        ),
        ({"a": {"source": "postcard", "loras": ["ink"]}}, {}, "no 'ink', which `models.a.loras` names"),
        ({"a": {"source": "postcard", "loras": [1]}}, {}, "models.a.loras"),
        ({"a": {"source": "postcard"}}, {"ink": {"file": "x", "base": ["b"]}}, "'b' as a base of ink, which is no id"),
        ({"a": {"source": "postcard"}}, {"in k": {"file": "x", "base": ["a"]}}, "is no name of a LoRA"),
        ({"a": {"source": "postcard"}}, {"ink": {"file": "x", "base": []}}, "loras.ink.base"),
        ({"a": {"source": "postcard"}}, {"ink": {"file": "x", "base": ["a"], "weight": 5}}, "loras.ink.weight"),
    ],
)
def test_what_does_not_fit_together_is_said(models: Any, loras: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        read_settings({"models": models, "loras": loras})


def test_the_command_lists_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "ink.safetensors"
    file.write_bytes(bytes(2_000_000))
    monkeypatch.setenv("SAFELIGHT_HOME", str(tmp_path))
    monkeypatch.setenv("SAFELIGHT_MODELS", json.dumps(MODELS))
    monkeypatch.setenv("SAFELIGHT_LORAS", json.dumps(LORAS | {"ink": LORAS["ink"] | {"file": str(file)}}))
    told = json.loads(CliRunner().invoke(app, ["loras", "--json"]).output)
    assert told[0] == {
        "name": "ink",
        "file": str(file),
        "bytes": 2_000_000,
        "base": ["sdxl"],
        "weight": 0.5,
        "ids": ["sdxl-ink"],
    }
    assert told[1]["bytes"] is None
    shown = CliRunner().invoke(app, ["loras"]).output
    assert "ink " in shown
    assert "missing" in shown
    monkeypatch.setenv("SAFELIGHT_LORAS", "{}")
    monkeypatch.setenv("SAFELIGHT_MODELS", "")
    assert "[loras.NAME]" in CliRunner().invoke(app, ["loras"]).output
