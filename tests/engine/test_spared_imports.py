"""What a worker imports: nothing that its models do not need. In processes of their own, as workers are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from safelight.contract.models.options import Lora, ModelOptions, Quantization
from safelight.engine.checkpoint.spared_imports import COMPILER, needed
from safelight.protocol.messages import ModelSpec

NEVER_FOR_POSTCARD = (
    "triton",
    "peft",
    "torchao",
    "bitsandbytes",
    "scipy",
    "torch._dynamo.convert_frame",
    "torch._inductor",
    "torch.distributed.tensor",
    "torch.distributed.fsdp",
    "transformers.trainer",
)

# One process for both, since its imports take seconds: it draws, and then it compiles.
_DRAW_AND_COMPILE = """
import json, sys
from safelight.protocol.messages import Configure, ModelSpec
from safelight.engine.worker import import_engine
spec = ModelSpec(source="postcard")
import_engine(Configure(models=(spec,), threads=1))
imported = sorted(sys.modules)
from safelight.engine.checkpoint.loading import load
from safelight.engine.output.previews import Previewer
from safelight.engine.drawing.warm_up import measure
model = load(spec, "cpu")
measure(model, 64, 64, 1, Previewer(model.pipeline))
after_drawing = sorted(sys.modules)
import torch
compiled = torch.compile(lambda x: x + 1, backend="eager")(torch.zeros(1)).item()
from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import Lora, ModelOptions
try:
    load(ModelSpec(source="postcard", options=ModelOptions(loras=(Lora(file="a.safetensors"),))), "cpu")
except ModelLoadError as error:
    print(json.dumps([imported, after_drawing, compiled, str(error)]))
"""

# Triton lies there where it is installed, so that it could be imported.
TRITON = Path(__file__).parent.parent.parent / ".venv" / "triton"


class Told(NamedTuple):
    """The modules that are there before a model is loaded, those after it has drawn, what a compiled sum gives, and
    what is said of a model that needs more."""

    before_loading: list[str]
    after_drawing: list[str]
    compiled: float
    refused: str


@pytest.fixture(scope="module")
def told() -> Told:
    path = [str(TRITON), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path)}
    command = [sys.executable, "-c", _DRAW_AND_COMPILE]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return Told(*json.loads(ran.stdout))


def test_for_the_bundled_model_nothing_is_imported_that_it_does_not_use(told: Told) -> None:
    assert [name for name in NEVER_FOR_POSTCARD if name in told.after_drawing] == []
    # What loading and drawing import is paid for by everybody who waits: the template has it before.
    assert "transformers.models.bert.modeling_bert" in told.before_loading


def test_the_compiler_comes_when_it_is_asked_for(told: Told) -> None:
    assert told.compiled == 1.0


def test_a_model_that_came_later_and_needs_more_is_refused_with_a_sentence(told: Told) -> None:
    assert "needs peft, which was left out then. Start the server again." in told.refused


def test_a_model_that_is_not_here_needs_no_library(tmp_path: Path) -> None:
    assert needed([ModelSpec(source=str(tmp_path / "gone")), ModelSpec(source="acme/gone")]) == {"scipy"}


def test_options_name_what_they_need() -> None:
    def of(options: ModelOptions) -> frozenset[str]:
        return needed([ModelSpec(source="postcard"), ModelSpec(source="postcard", options=options)])

    assert of(ModelOptions()) == frozenset()
    assert of(ModelOptions(loras=(Lora(file="a.safetensors"),))) == {"peft"}
    assert "torchao" in of(ModelOptions(quantization=(Quantization(backend="torchao"),)))
    assert COMPILER in of(ModelOptions(compile=True))


def test_schedules_of_other_models_may_need_scipy() -> None:
    assert needed([ModelSpec(source="postcard"), ModelSpec(source="a/model")]) >= {"scipy"}


def test_a_checkpoint_that_comes_quantized_has_its_library(tmp_path: Path) -> None:
    (tmp_path / "transformer").mkdir()
    configuration = tmp_path / "transformer" / "config.json"
    configuration.write_text("{}")
    assert needed([ModelSpec(source=str(tmp_path))]) == {"scipy"}
    configuration.write_text(json.dumps({"quantization_config": {"quant_method": "torchao"}}))
    assert "torchao" in needed([ModelSpec(source=str(tmp_path))])
    configuration.write_text("5")
    assert needed([ModelSpec(source=str(tmp_path))]) == {"scipy"}
    configuration.unlink()
    os.mkfifo(configuration)  # nobody waits for what it says
    assert "torchao" in needed([ModelSpec(source=str(tmp_path))])
