"""Postcard behaves like any other diffusers pipeline, and follows its prompt."""

import io
import json
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hatch_build import split
from PIL import Image

from safelight.postcard.codec import SceneCodec
from safelight.postcard.pipeline import PostcardPipeline
from safelight.postcard.scenes.scene import Scene
from tests.postcard.weights import WEIGHTS


def draw(pipeline: PostcardPipeline, prompt: str = "a red fox in a snowy forest at dusk", **changes: Any) -> Any:
    arguments: dict[str, Any] = {"height": 96, "width": 160, "num_inference_steps": 4, "output_type": "np"}
    generator = torch.Generator().manual_seed(changes.pop("seed", 5))
    return pipeline(prompt=prompt, generator=generator, **(arguments | changes)).images


def scene(pipeline: PostcardPipeline, prompt: str, **changes: Any) -> Scene:
    latents = draw(pipeline, prompt, output_type="latent", **({"num_inference_steps": 8} | changes))
    found: Scene = pipeline.decoder.scenes(latents)[0]
    return found


def test_the_same_seed_gives_the_same_bytes(postcard: PostcardPipeline) -> None:
    first, again, other = draw(postcard), draw(postcard), draw(postcard, seed=6)
    assert first.tobytes() == again.tobytes()
    assert first.tobytes() != other.tobytes()


def test_other_threads_do_not_change_the_bytes(postcard: PostcardPipeline) -> None:
    alone = [draw(postcard, seed=seed).tobytes() for seed in range(3)]
    found: dict[int, bytes] = {}

    def run(seed: int) -> None:
        copy = object.__new__(PostcardPipeline)
        copy.__dict__.update(vars(postcard))
        copy.__dict__["scheduler"] = type(postcard.scheduler).from_config(postcard.scheduler.config)
        found[seed] = draw(copy, seed=seed).tobytes()

    threads = [threading.Thread(target=run, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed] for seed in range(3)] == alone


@pytest.mark.parametrize(
    ("prompt", "setting", "light", "thing"),
    [
        ("a camel in the desert at night", "desert", "night", "camel"),
        ("sunset over the sea with a sailboat", "sea", "sunset", "sailboat"),
        ("a lighthouse on a beach at dawn", "beach", "dawn", "lighthouse"),
    ],
)
def test_the_scene_shows_what_the_prompt_says(
    postcard: PostcardPipeline, prompt: str, setting: str, light: str, thing: str
) -> None:
    found = scene(postcard, prompt)
    assert (found.world.setting, found.world.light) == (setting, light)
    assert thing in [t.kind for t in found.things]


def test_a_negative_prompt_takes_away_what_it_names(postcard: PostcardPipeline) -> None:
    def clouds(**changes: Any) -> float:
        return sum(scene(postcard, "a meadow at noon", seed=s, **changes).world.sky.clouds for s in range(6))

    assert clouds(negative_prompt="clouds") < 0.5 * clouds()


def test_a_blank_negative_prompt_is_none(postcard: PostcardPipeline) -> None:
    assert draw(postcard, negative_prompt="").tobytes() == draw(postcard).tobytes()


def test_a_step_takes_one_pass_and_two_with_a_negative_prompt(postcard: PostcardPipeline) -> None:
    passes: list[int] = []

    def count(module: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        passes.append(len(kwargs["hidden_states"]))

    hook = postcard.transformer.register_forward_pre_hook(count, with_kwargs=True)
    with hook:
        draw(postcard, output_type="latent")
        draw(postcard, output_type="latent", negative_prompt="clouds")
    assert passes == [1] * 4 + [2] * 4


def test_guidance_and_steps_change_the_scene(postcard: PostcardPipeline) -> None:
    def latents(**changes: Any) -> Any:
        return draw(postcard, output_type="latent", **changes)

    assert not torch.equal(latents(guidance_scale=4.0), latents(guidance_scale=1.0))
    assert not torch.equal(latents(num_inference_steps=3), latents(num_inference_steps=6))


def test_guidance_of_one_ignores_the_negative_prompt(postcard: PostcardPipeline) -> None:
    plain = draw(postcard, guidance_scale=1.0)
    assert draw(postcard, guidance_scale=1.0, negative_prompt="snow").tobytes() == plain.tobytes()


@pytest.mark.parametrize(
    "prompt",
    ["", "x" * 10_000, "a red fox " * 1000, "🦊" * 10_000, "Füchse im Schnee 雪の中の狐 ثعلب", "\u200b\u202e", "\n\t "],
    ids=["empty", "one word", "long", "emoji", "languages", "invisible", "blank"],
)
def test_any_text_is_drawn(postcard: PostcardPipeline, prompt: str) -> None:
    assert draw(postcard, prompt, num_inference_steps=1).shape == (1, 96, 160, 3)


def test_a_long_prompt_is_read_beyond_its_first_window(postcard: PostcardPipeline) -> None:
    filler = "It is a very nice day and everybody is happy about it. " * 11
    states, mask = postcard.encode_prompt(filler + "A camel stands in the desert.")
    assert mask.sum() > 128
    assert states.shape[1] == mask.shape[1] <= 512


@pytest.mark.parametrize("size", [(64, 256), (256, 64), (96, 96), (16, 16)])
def test_any_size_is_drawn(postcard: PostcardPipeline, size: tuple[int, int]) -> None:
    height, width = size
    picture = draw(postcard, height=height, width=width, num_inference_steps=2)
    assert picture.shape == (1, height, width, 3)


def test_the_scene_of_latents_is_read_once_while_they_are_as_they_were(
    postcard: PostcardPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[int] = []
    decode = SceneCodec.decode

    def counted(codec: SceneCodec, latents: torch.Tensor) -> list[Scene]:
        reads.append(1)
        return decode(codec, latents)

    monkeypatch.setattr(SceneCodec, "decode", counted)
    fox, boat = (
        torch.as_tensor(draw(postcard, prompt, output_type="latent")) for prompt in ("a fox", "a boat on the sea")
    )
    first = postcard.decoder.scenes(fox)
    first.clear()  # what was given is the caller's
    assert postcard.decoder.scenes(fox)[0].things
    assert len(reads) == 1
    fox.copy_(boat)
    assert postcard.decoder.scenes(fox) == postcard.decoder.scenes(boat)
    assert len(reads) == 3
    draw(postcard)
    assert len(reads) == 4


def test_output_types_show_the_same_picture(postcard: PostcardPipeline) -> None:
    array = draw(postcard)
    assert array.min() >= 0.0
    assert array.max() <= 1.0
    pil = draw(postcard, output_type="pil")[0]
    tensor = draw(postcard, output_type="pt")
    assert np.array_equal(np.asarray(pil), (array[0] * 255).round().astype(np.uint8))
    assert np.array_equal(tensor[0].permute(1, 2, 0).numpy(), array[0])


def test_svg_is_text_of_that_size(postcard: PostcardPipeline) -> None:
    svg = draw(postcard, output_type="svg")[0]
    assert svg.lstrip().startswith("<svg") or svg.lstrip().startswith("<?xml")
    assert "</svg>" in svg


def test_several_prompts_and_pictures_make_one_batch(postcard: PostcardPipeline) -> None:
    generators = [torch.Generator().manual_seed(seed) for seed in (5, 6, 7, 8)]
    latents = postcard(
        prompt=["a red fox in a snowy forest at dusk", "a cup"],
        num_images_per_prompt=2,
        generator=generators,
        num_inference_steps=4,
        height=96,
        width=160,
        output_type="latent",
    ).images
    alone = draw(postcard, output_type="latent")
    assert latents.shape[0] == 4
    assert torch.allclose(latents[0], alone[0], atol=1e-3)


def test_early_steps_can_be_looked_at(postcard: PostcardPipeline) -> None:
    seen = []

    def look(pipeline: PostcardPipeline, step: int, timestep: torch.Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
        seen.append(pipeline.decoder.decode(tensors["denoised"], 48, 80))
        pipeline.decoder.decode(tensors["latents"], 48, 80)
        return tensors

    final = draw(
        postcard,
        height=48,
        width=80,
        callback_on_step_end=look,
        callback_on_step_end_tensor_inputs=["latents", "denoised"],
    )
    assert len(seen) == 4
    assert np.array_equal(seen[-1], (final * 255).round().astype(np.uint8))


def test_a_callback_may_stop_the_run(postcard: PostcardPipeline) -> None:
    steps = []

    def stop(pipeline: Any, step: int, timestep: torch.Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
        steps.append(step)
        pipeline._interrupt = True
        return tensors

    draw(postcard, callback_on_step_end=stop)
    assert steps == [0]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"output_type": "gif"}, "output_type"),
        ({"height": 8}, "at least 16"),
        ({"callback_on_step_end_tensor_inputs": ["noise"]}, "noise"),
        ({"prompt_embeds": torch.zeros(1, 2, 384)}, "exactly one"),
    ],
)
def test_wrong_arguments_are_named(postcard: PostcardPipeline, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        draw(postcard, **wrong)


def test_embeddings_stand_in_for_their_prompt(postcard: PostcardPipeline) -> None:
    states, mask = postcard.encode_prompt("a red fox in a snowy forest at dusk")
    given = postcard(
        prompt_embeds=states,
        prompt_embeds_mask=mask,
        generator=torch.Generator().manual_seed(5),
        num_inference_steps=4,
        height=96,
        width=160,
        output_type="np",
    ).images
    assert given.tobytes() == draw(postcard).tobytes()


def test_it_survives_saving_and_loading(postcard: PostcardPipeline, tmp_path: Path) -> None:
    postcard.save_pretrained(tmp_path)
    assert not [p for p in tmp_path.rglob("*") if p.suffix in (".bin", ".pt", ".pkl")]
    loaded = PostcardPipeline.from_pretrained(tmp_path, dtype=torch.float32)
    loaded.set_progress_bar_config(disable=True)
    assert draw(loaded).tobytes() == draw(postcard).tobytes()


def test_it_is_loaded_as_a_wheel_holds_it(postcard: PostcardPipeline, tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS, tmp_path / "weights")
    for part in ("text_encoder", "transformer"):
        (file,) = (tmp_path / "weights" / part).glob("*.safetensors")
        file.write_bytes(split(file.read_bytes()))
    loaded = PostcardPipeline.from_pretrained(tmp_path / "weights", dtype=torch.float32)
    loaded.set_progress_bar_config(disable=True)
    assert draw(loaded).tobytes() == draw(postcard).tobytes()


def test_what_ships_is_half_precision_safetensors_of_known_classes() -> None:
    index = json.loads((WEIGHTS / "model_index.json").read_text())
    assert index["_class_name"] == "PostcardPipeline"
    assert index["transformer"] == ["safelight.postcard.transformer", "PostcardTransformer"]
    assert sum(p.stat().st_size for p in WEIGHTS.rglob("*") if p.is_file()) < 75e6
    assert {p.suffix for p in WEIGHTS.rglob("*") if p.is_file()} <= {".safetensors", ".json", ".md", ".txt"}


def test_importing_the_package_brings_no_torch() -> None:
    code = "import sys, safelight.postcard; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_pictures_are_plain_rgb(postcard: PostcardPipeline) -> None:
    picture = draw(postcard, output_type="pil")[0]
    assert picture.mode == "RGB"
    file = io.BytesIO()
    picture.save(file, "PNG")
    assert Image.open(io.BytesIO(file.getvalue())).size == (160, 96)
