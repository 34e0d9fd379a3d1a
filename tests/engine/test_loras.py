"""LoRAs by name: each run has its own, exactly, and the weights of the model stay as they are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from safelight.contract.models.options import Lora, ModelOptions
from safelight.contract.requests.order import Order
from safelight.engine.checkpoint.loading import load
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.runs.embeddings import EmbeddingCache
from safelight.protocol.messages import Failed, LoraSpec, ModelSpec
from safelight.scheduling.policy import RoundRobin
from tests.engine.drawing import Drawing, alone, job, pixels
from tests.engine.families.edits import picture

# peft warns where a second adapter is added, which is what is meant.
pytestmark = pytest.mark.filterwarnings("ignore:Already found a `peft_config` attribute:UserWarning")

_UNET = "down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q"
_TEXT = "encoder.layers.0.self_attn.out_proj"
_RANK = 2


def halves(pipeline: Any, part: str, layer: str, seed: int, rank: int = _RANK) -> tuple[torch.Tensor, torch.Tensor]:
    """For one layer, large enough to see."""
    module = getattr(pipeline, part)
    module = getattr(module, "text_model", module) if part == "text_encoder" else module
    found = module.get_submodule(layer)
    generator = torch.Generator().manual_seed(seed)
    down = torch.randn(rank, found.in_features, generator=generator)
    return down, torch.randn(found.out_features, rank, generator=generator)


def written(file: Path, tensors: Mapping[str, torch.Tensor]) -> Path:
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, file)
    return file


@pytest.fixture(scope="module")
def folder(checkpoints: dict[str, Path]) -> Path:
    return checkpoints["stable-diffusion"]


@pytest.fixture(scope="module")
def plain(models: dict[str, LoadedModel]) -> LoadedModel:
    return models["stable-diffusion"]


@pytest.fixture(scope="module")
def files(plain: LoadedModel, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One for the denoiser in each spelling, and one for the text encoder too."""
    home, pipeline = tmp_path_factory.mktemp("loras"), plain.pipeline
    down, up = halves(pipeline, "unet", _UNET, 0)
    other_down, other_up = halves(pipeline, "unet", _UNET, 1)
    text_down, text_up = halves(pipeline, "text_encoder", _TEXT, 2)
    kohya, text = f"lora_unet_{_UNET.replace('.', '_')}", f"lora_te_text_model_{_TEXT.replace('.', '_')}"
    processor = _UNET.replace(".attn1.to_q", ".attn1.processor.to_q_lora")
    return {
        "peft": written(
            home / "peft.safetensors", {f"unet.{_UNET}.lora_A.weight": down, f"unet.{_UNET}.lora_B.weight": up}
        ),
        "kohya": written(
            home / "kohya.safetensors",
            {
                f"{kohya}.lora_down.weight": down,
                f"{kohya}.lora_up.weight": up,
                f"{kohya}.alpha": torch.tensor(float(_RANK)),
            },
        ),
        "diffusers": written(
            home / "diffusers.safetensors", {f"unet.{processor}.down.weight": down, f"unet.{processor}.up.weight": up}
        ),
        "both": written(
            home / "both.safetensors",
            {
                f"{kohya}.lora_down.weight": other_down,
                f"{kohya}.lora_up.weight": other_up,
                f"{text}.lora_down.weight": text_down,
                f"{text}.lora_up.weight": text_up,
            },
        ),
    }


def loaded(folder: Path, files: Mapping[str, Path], **options: Any) -> LoadedModel:
    loras = tuple(LoraSpec(name=name, file=str(file)) for name, file in files.items())
    spec = ModelSpec(source=str(folder), dtype="float32", options=ModelOptions(**options), loras=loras)
    model = load(spec, "cpu")
    model.pipeline.set_progress_bar_config(disable=True)
    return model


@pytest.fixture(scope="module")
def model(folder: Path, files: dict[str, Path]) -> LoadedModel:
    return loaded(folder, {name: files[name] for name in ("peft", "both")})


@pytest.fixture(scope="module")
def reference(folder: Path, files: dict[str, Path]) -> LoadedModel:
    """The same model, its LoRAs loaded by diffusers alone."""
    model = loaded(folder, {})
    for name in ("peft", "both"):
        model.pipeline.load_lora_weights(files[name].parent, weight_name=files[name].name, adapter_name=name)
    return model


def by_diffusers(reference: LoadedModel, wanted: Order) -> NDArray[np.uint8]:
    chosen: Any = wanted.recipe.options.get("loras") or {}
    if chosen:
        reference.pipeline.enable_lora()
        reference.pipeline.set_adapters(list(chosen), adapter_weights=list(chosen.values()))
    else:
        reference.pipeline.disable_lora()
    return alone(reference, wanted)


def sets(model: LoadedModel) -> list[Order]:
    return [
        job(model, "none"),
        job(model, "one", loras={"peft": 0.7}),
        job(model, "other", loras={"both": -1.5}),
        job(model, "two", loras={"peft": 0.5, "both": 0.25}),
        job(model, "less", loras={"peft": 0.3}),
    ]


def test_each_run_has_its_own_in_company_as_diffusers_sets_them(model: LoadedModel, reference: LoadedModel) -> None:
    jobs = sets(model)
    with Drawing(model, schedule=RoundRobin(), embeddings=EmbeddingCache()) as drawing:  # every step another set
        found = [pixels(end) for end in drawing.draw(*jobs)]
        again = [pixels(end) for end in drawing.draw(*jobs)]  # prompts are kept by now
    for wanted, one, other in zip(jobs, found, again, strict=True):
        assert np.array_equal(one, by_diffusers(reference, wanted)), wanted.id
        assert np.array_equal(one, other), wanted.id
    assert len({each.tobytes() for each in found}) == len(found)


def test_who_asks_for_none_draws_what_the_model_draws_without_any(model: LoadedModel, plain: LoadedModel) -> None:
    with Drawing(model) as drawing:
        (_, end) = drawing.draw(job(model, "styled", loras={"both": 1.0}), job(model))
    assert np.array_equal(pixels(end), alone(plain, job(plain)))


def test_the_order_in_which_they_are_named_changes_nothing(model: LoadedModel) -> None:
    one = job(model, "one", loras={"peft": 0.5, "both": 0.25})
    other = job(model, "other", loras={"both": 0.25, "peft": 0.5})
    with Drawing(model) as drawing:
        ends = drawing.draw(one, other)
    assert np.array_equal(pixels(ends[0]), pixels(ends[1]))


def test_edits_have_them_too(model: LoadedModel) -> None:
    with Drawing(model) as drawing:
        ends = drawing.draw(
            job(model, "plain", inputs=(picture(),)), job(model, "styled", inputs=(picture(),), loras={"peft": 1.0})
        )
    assert not np.array_equal(pixels(ends[0]), pixels(ends[1]))


@pytest.mark.parametrize("spelling", ["kohya", "diffusers"])
def test_names_of_every_trainer_are_read(
    folder: Path, files: dict[str, Path], model: LoadedModel, spelling: str
) -> None:
    spelled = loaded(folder, {"style": files[spelling]})
    with Drawing(model) as drawing:
        (end,) = drawing.draw(job(model, loras={"peft": 0.7}))
    with Drawing(spelled) as drawing:
        (same,) = drawing.draw(job(spelled, loras={"style": 0.7}))
    assert np.array_equal(pixels(end), pixels(same))


def test_an_operators_own_lora_counts_beside_those_that_are_named(
    folder: Path, files: dict[str, Path], reference: LoadedModel
) -> None:
    own = loaded(folder, {"both": files["both"]}, loras=(Lora(file=str(files["peft"]), weight=0.5),))
    with Drawing(own) as drawing:
        ends = drawing.draw(job(own, "own"), job(own, "more", loras={"both": 0.25}))
    assert np.array_equal(pixels(ends[0]), by_diffusers(reference, job(own, loras={"peft": 0.5})))
    assert np.array_equal(pixels(ends[1]), by_diffusers(reference, job(own, loras={"peft": 0.5, "both": 0.25})))


def test_an_unknown_name_is_refused_with_those_that_there_are(model: LoadedModel) -> None:
    with Drawing(model) as drawing:
        (end,) = drawing.draw(job(model, loras={"ink": 1.0}))
    assert isinstance(end, Failed)
    assert end.reason == "This model has no LoRA `ink`. It has: peft, both."


def refused(plain: LoadedModel, kind: str, home: Path) -> Path:
    """A LoRA that cannot be used, of that kind."""
    down, up = halves(plain.pipeline, "unet", _UNET, 0)
    name = f"unet.{_UNET}"
    tensors = {
        "shapes": {f"{name}.lora_A.weight": torch.zeros(_RANK, 7), f"{name}.lora_B.weight": up},
        "another": {"unet.nowhere.lora_A.weight": down, "unet.nowhere.lora_B.weight": up},
        "lokr": {f"lora_unet_{_UNET}.lokr_w1": down, f"lora_unet_{_UNET}.lokr_w2": up},
        "loha": {f"lora_unet_{_UNET}.hada_w1_a": up, f"lora_unet_{_UNET}.hada_w1_b": down},
        "odd": {"what.is.this": down},
    }
    return written(home / f"{kind}.safetensors", tensors[kind])


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("shapes", r"1 of its tensors have other shapes, first size mismatch .*torch.Size\(\[2, 7\]\).*\[2, 16\]\)"),
        ("another", r"another\.safetensors"),
        ("lokr", r"lokr\.safetensors is a LoKr, which diffusers does not load"),
        ("loha", r"loha\.safetensors is a LoHa, which diffusers does not load"),
        ("odd", r"odd\.safetensors"),
        ("gone", r"The LoRA gone\.safetensors is not there"),
    ],
)
def test_one_that_does_not_fit_is_left_out_with_a_sentence_and_the_model_served(
    folder: Path, files: dict[str, Path], plain: LoadedModel, tmp_path: Path, kind: str, said: str
) -> None:
    file = tmp_path / "gone.safetensors" if kind == "gone" else refused(plain, kind, tmp_path)
    model = loaded(folder, {"bad": file, "good": files["peft"]})
    assert model.traits.loras == ("good",)
    (note,) = model.traits.notes
    assert note.startswith("It is served without the LoRA `bad`. ")
    assert re.search(said, note), note
    assert str(tmp_path) not in note
    with Drawing(model) as drawing:
        (end,) = drawing.draw(job(model))
    assert np.array_equal(pixels(end), alone(plain, job(plain)))


def test_one_that_half_fits_says_how_much_has_no_place(folder: Path, plain: LoadedModel, tmp_path: Path) -> None:
    down, up = halves(plain.pipeline, "unet", _UNET, 0)
    more = {f"unet.{_UNET}.lora_A.weight": down, f"unet.{_UNET}.lora_B.weight": up}
    more |= {"unet.nowhere.lora_A.weight": down, "unet.nowhere.lora_B.weight": up}
    model = loaded(folder, {"half": written(tmp_path / "half.safetensors", more)})
    assert model.traits.loras == ("half",)
    assert model.traits.notes == (
        "Of the LoRA half.safetensors, 1 of 2 layers have no place in this model and do nothing.",
    )


def test_a_dora_is_what_diffusers_makes_of_it(folder: Path, plain: LoadedModel, tmp_path: Path) -> None:
    down, up = halves(plain.pipeline, "unet", _UNET, 0)
    magnitude = {f"unet.{_UNET}.lora_magnitude_vector": torch.full((up.shape[0],), 0.7)}
    pair = {f"unet.{_UNET}.lora_A.weight": down, f"unet.{_UNET}.lora_B.weight": up}
    file = written(tmp_path / "dora.safetensors", pair | magnitude)
    model, reference = loaded(folder, {"dora": file}), loaded(folder, {})
    reference.pipeline.load_lora_weights(file.parent, weight_name=file.name, adapter_name="dora")
    wanted = job(model, loras={"dora": 0.8})
    with Drawing(model) as drawing:
        ends = drawing.draw(wanted, job(model, "none"))
    assert np.array_equal(pixels(ends[0]), by_diffusers(reference, wanted))
    assert np.array_equal(pixels(ends[1]), alone(plain, job(plain)))


def test_what_its_file_holds_changes_the_fingerprint(folder: Path, files: dict[str, Path], model: LoadedModel) -> None:
    assert loaded(folder, {name: files[name] for name in ("peft", "both")}).fingerprint == model.fingerprint
    others = [loaded(folder, {"peft": files[name], "both": files["both"]}).fingerprint for name in ("kohya", "both")]
    assert len({model.fingerprint, *others}) == 3
