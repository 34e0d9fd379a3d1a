"""What a pipeline's safety checker refuses is a failure that says so, and nothing of it is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import pytest
import torch
import transformers
from benchmarks.checkpoints import tiny
from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions
from safelight.engine.checkpoint.loading import load
from safelight.engine.pipeline.review import is_flagged
from safelight.engine.runs.failures import failure_of
from safelight.protocol.messages import Failed, Finished, ModelFailed, ModelSpec, Preview, Started, Watch
from tests.cli.conftest import CommandLine
from tests.engine.drawing import Drawing, job, pixels
from tests.orders import order


def with_checker(folder: Path, *, flags: bool) -> str:
    """A tiny Stable Diffusion with a checker that refuses every picture, or none."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        base: Any = tiny.stable_diffusion()
        vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
        config = transformers.CLIPConfig(projection_dim=16, vision_config=vision | {"image_size": 30, "patch_size": 15})
        checker = StableDiffusionSafetyChecker(config).eval()
    checker.concept_embeds_weights.data.fill_(-2.0 if flags else 2.0)
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": 30}, crop_size={"height": 30, "width": 30})
    parts = {name: getattr(base, name) for name in ("vae", "text_encoder", "tokenizer", "unet", "scheduler")}
    pipeline: Any = diffusers.StableDiffusionPipeline(**parts, safety_checker=checker, feature_extractor=processor)
    pipeline.save_pretrained(folder)
    return str(folder)


def drawn(source: str, *, safety_checker: bool = True) -> tuple[Any, list[Preview]]:
    """How a watched job ends, and its previews, after the model has drawn a picture that previews are learned from."""
    spec = ModelSpec(source=source, dtype="float32", options=ModelOptions(safety_checker=safety_checker))
    model = load(spec, "cpu")
    drawing: Drawing

    def watch(event: object) -> None:
        if isinstance(event, Started) and event.job_id == "watched":
            drawing.loop.put(Watch(job_id="watched", longest=256))

    with Drawing(model, on_event=watch) as drawing:
        drawing.draw(job(model, "first", seed=1))
        (end,) = drawing.draw(job(model, "watched", width=64, height=64))
    return end, [event for event in drawing.events if isinstance(event, Preview)]


def test_a_refused_picture_is_a_failure_with_its_code_and_was_not_shown_on_the_way(tmp_path: Path) -> None:
    end, previews = drawn(with_checker(tmp_path, flags=True))
    assert isinstance(end, Failed)
    assert (end.code, end.retry_helps) == ("content_policy_violation", False)
    assert "safety checker" in end.reason
    assert not previews


def test_a_model_that_refuses_its_first_picture_goes_on(tmp_path: Path) -> None:
    """Without a picture at its start, what fails first has the model tried out; a refusal is no fault of the model."""
    model = load(ModelSpec(source=with_checker(tmp_path, flags=True), dtype="float32"), "cpu")
    with Drawing(model) as drawing:
        # Larger than the picture with which a model is tried out, which therefore comes before the second of them.
        ends = [drawing.draw(job(model, f"{n}", seed=n + 1, steps=60, width=192, height=192))[0] for n in range(3)]
    assert [end.code for end in ends if isinstance(end, Failed)] == ["content_policy_violation"] * 3
    assert not [event for event in drawing.events if isinstance(event, ModelFailed)]


def test_without_the_checker_the_picture_is_what_it_is_with_one_that_refuses_nothing(tmp_path: Path) -> None:
    without, previews = drawn(with_checker(tmp_path / "flags", flags=True), safety_checker=False)
    passed, unseen = drawn(with_checker(tmp_path / "passes", flags=False))
    assert isinstance(without, Finished)
    assert isinstance(passed, Finished)
    assert (pixels(without) == pixels(passed)).all()
    assert pixels(without).std() > 0
    assert previews
    assert not unseen


def test_without_the_checker_its_weights_are_not_even_read(tmp_path: Path) -> None:
    source = with_checker(tmp_path, flags=True)
    (weights,) = (tmp_path / "safety_checker").glob("*.safetensors")
    weights.write_bytes(b"no weights")
    assert isinstance(drawn(source, safety_checker=False)[0], Finished)
    with pytest.raises(ModelLoadError, match="safety_checker"):
        load(ModelSpec(source=source, dtype="float32"), "cpu")


class _Checker:
    """As NVIDIA's guardrail answers diffusers' Cosmos pipelines."""

    def __init__(self, *, lets_pass: bool) -> None:
        self._lets_pass = lets_pass

    def to(self, device: Any) -> None:
        pass

    def check_text_safety(self, prompt: str) -> bool:
        return self._lets_pass


@pytest.mark.parametrize(
    ("lets_pass", "height", "code"),
    [(False, 16, "content_policy_violation"), (True, 16, "internal_error"), (False, 7, "internal_error")],
    ids=["refused", "passed, and another fault", "a fault before it was asked"],
)
def test_a_pipeline_that_raises_for_what_it_refuses_is_read_by_where_it_raises(
    *, lets_pass: bool, height: int, code: str
) -> None:
    """The pipeline's own code, up to what it asks of its parts; words in the prompt decide nothing."""
    words = "Cosmos Guardrail detected unsafe text: a red cat"
    parts = {"safety_checker": _Checker(lets_pass=lets_pass), "_execution_device": "cpu", "check_inputs": None}
    bare: Any = type("Bare", (), parts | {"check_inputs": diffusers.Cosmos2TextToImagePipeline.check_inputs})()
    bare._callback_tensor_inputs = []
    with pytest.raises(Exception) as raised:  # noqa: PT011 - whichever the pipeline raises
        diffusers.Cosmos2TextToImagePipeline.__call__.__wrapped__(
            bare, words, height=height, width=16, callback_on_step_end_tensor_inputs=[]
        )
    failure = failure_of(raised.value, order(prompt=words).recipe)
    assert failure.code == code
    assert "a red cat" not in failure.reason + failure.log


def test_generate_says_so_writes_no_file_and_ends_with_an_error(tmp_path: Path) -> None:
    safelight = CommandLine(tmp_path)
    table = f'[models.flagged]\nsource = "{with_checker(tmp_path / "model", flags=True)}"\ndtype = "float32"\n'
    (tmp_path / "safelight.toml").write_text(table)
    (tmp_path / "safelight.toml").chmod(0o600)
    ran = safelight("generate", "a red cat", "--model", "flagged", "--steps", "2", "--size", "64x64", "-o", "cat.png")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "safety checker refused" in ran.stderr
    assert not (tmp_path / "cat.png").exists()


@pytest.mark.parametrize(
    ("said", "flagged"),
    [
        ({"nsfw_content_detected": [False, True]}, True),
        ({"nsfw_detected": [True]}, True),
        ({"nsfw_detected": torch.tensor([[False]])}, False),
        ({"nsfw_content_detected": None}, False),
        ({"nsfw_content_detected": []}, False),
        ({}, False),
    ],
)
def test_every_way_in_which_pipelines_say_it_is_read(said: dict[str, Any], *, flagged: bool) -> None:
    assert is_flagged(type("Output", (), said)) is flagged
