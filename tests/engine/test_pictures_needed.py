"""Which pipelines draw from words alone, found by what they do with a picture that is not there."""

from __future__ import annotations

import inspect
import json
import re
import shutil
from pathlib import Path
from typing import Any

import diffusers
import pytest
from benchmarks.checkpoints.build import FAMILIES

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.traits import EditTraits
from safelight.engine.checkpoint.capabilities.edits import refusal_of_words, ways_of
from safelight.engine.checkpoint.capabilities.pictures_needed import picture_needed
from safelight.engine.checkpoint.files.diffusers_index import pipeline_class
from safelight.engine.checkpoint.files.folder import Checkpoint
from safelight.engine.checkpoint.loading import describe
from safelight.engine.pipeline.edits.twins import IMAGE_TO_IMAGE, INPAINTING, twin_class
from safelight.protocol.messages import ModelSpec
from tests.engine.test_loading import change_index

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is deprecated and will be removed in version 1.0.0:FutureWarning"),
]
# They take a picture and draw well without one (their model cards).
_EITHER = ("Flux2Pipeline", "Flux2KleinPipeline", "FluxKontextPipeline", "GlmImagePipeline", "DreamLitePipeline")
# They work from pictures: edits of theirs are served, and nothing else.
_EDIT = (
    *("StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline", "StableDiffusionXLImg2ImgPipeline"),
    *("StableDiffusionXLInpaintPipeline", "StableDiffusionInstructPix2PixPipeline", "StableDiffusionDepth2ImgPipeline"),
    *("StableDiffusion3Img2ImgPipeline", "StableDiffusion3InpaintPipeline", "StableDiffusionXLInstructPix2PixPipeline"),
    *("FluxImg2ImgPipeline", "FluxInpaintPipeline", "FluxFillPipeline", "FluxKontextInpaintPipeline"),
    *("QwenImageEditPipeline", "QwenImageEditPlusPipeline", "QwenImageImg2ImgPipeline", "QwenImageInpaintPipeline"),
    *("ZImageImg2ImgPipeline", "LongCatImageEditPipeline", "HunyuanImageRefinerPipeline", "IFInpaintingPipeline"),
    *("StableUnCLIPImg2ImgPipeline", "KandinskyV22InpaintCombinedPipeline", "KandinskyInpaintCombinedPipeline"),
    *("JoyImageEditPipeline", "JoyImageEditPlusPipeline", "BriaFiboEditPipeline", "Kandinsky5I2IPipeline"),
)
# They want a drawing of edges or depths, or make a picture larger, or need more than a picture and words.
_REFUSED = (
    *("IFSuperResolutionPipeline", "IFImg2ImgSuperResolutionPipeline", "LDMSuperResolutionPipeline"),
    *("StableDiffusionUpscalePipeline", "StableDiffusionLatentUpscalePipeline", "StableDiffusionAdapterPipeline"),
    *("StableDiffusionControlNetPipeline", "StableDiffusionXLControlNetPipeline", "StableDiffusion3ControlNetPipeline"),
    *("FluxControlNetPipeline", "QwenImageControlNetPipeline", "StableDiffusionXLControlNetUnionPipeline"),
    *("FluxControlPipeline", "FluxControlInpaintPipeline", "StableDiffusionControlNetInpaintPipeline"),
    *("FluxPriorReduxPipeline", "QwenImageLayeredPipeline", "StableDiffusionImageVariationPipeline"),
    *("KandinskyV22PriorEmb2EmbPipeline", "DiffusionGemmaPipeline"),
)


def kind_of(name: str) -> Any:
    kind = getattr(diffusers, name)
    if hasattr(kind, "_backends"):
        pytest.skip(f"{name} needs {kind._backends}")
    return kind


def without_files(kind: Any, folder: Path) -> Checkpoint:
    return Checkpoint(folder, kind, {}, {}, {})


@pytest.mark.parametrize("name", [*_EITHER, "QwenImage21Pipeline", "BriaFibo2Pipeline", "OmniGenPipeline"])
def test_one_that_takes_a_picture_and_draws_without_is_served_for_both(name: str, tmp_path: Path) -> None:
    ways = ways_of(without_files(kind_of(name), tmp_path))
    assert ways.words
    assert ways.pictures is not None
    assert ways.pictures.pipeline.__name__ == name


@pytest.mark.parametrize("name", _EDIT)
def test_one_that_works_from_a_picture_is_served_for_edits_alone(name: str, tmp_path: Path) -> None:
    ways = ways_of(without_files(kind_of(name), tmp_path))
    assert not ways.words
    assert ways.pictures is not None
    assert name in {kind.__name__ for kind in ways.classes}


@pytest.mark.parametrize("name", _REFUSED)
def test_one_that_needs_something_else_is_refused_and_that_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=r"does not draw from a prompt alone: it (works from|needs|takes none)"):
        ways_of(without_files(kind_of(name), tmp_path))


def test_every_family_that_is_served_draws_from_words() -> None:
    text = (Path(__file__).parents[2] / "docs" / "models-reference.md").read_text()
    documented = text.partition("### Modular pipelines")[0]
    kinds = [name for name in dir(diffusers) if name.endswith("Pipeline") and f"| {name} |" in documented]
    assert len(kinds) > len(FAMILIES) - 10
    for name in kinds:
        assert hasattr(getattr(diffusers, name), "_backends") or refusal_of_words(pipeline_class(name)) is None


@pytest.mark.parametrize("task", ["IMAGE2IMAGE", "INPAINT"])
def test_twins_are_those_of_diffusers_own_tables(task: str) -> None:
    from diffusers.pipelines import auto_pipeline as auto

    marks = IMAGE_TO_IMAGE if task == "IMAGE2IMAGE" else INPAINTING
    tables = getattr(auto, f"AUTO_{task}_PIPELINES_MAPPING")
    words = auto.AUTO_TEXT2IMAGE_PIPELINES_MAPPING
    pairs = [(words[key], twin) for key, twin in tables.items() if key in words]
    assert len(pairs) > 10
    for own, twin in pairs:
        assert twin_class(own, marks) is (twin if twin is not own else None), own


def test_no_kind_that_diffusers_has_for_words_is_taken_for_one_that_needs_a_picture() -> None:
    from diffusers.pipelines import auto_pipeline as auto

    words = set(auto.AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values())
    assert not [kind.__name__ for kind in words if picture_needed(kind) and "Control" not in kind.__name__]


@pytest.mark.parametrize("name", ["StableDiffusionInpaintPipeline", "StableDiffusionImg2ImgPipeline"])
def test_what_it_does_is_said_before_weights_are_read(checkpoints: dict[str, Path], tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(checkpoints["stable-diffusion"], tmp_path / "model")
    change_index(folder, _class_name=name)
    _, _, traits = describe(ModelSpec(source=str(folder)))
    assert not traits.draws_from_words
    assert traits.edits == EditTraits(mask=True, strength=True)


def with_channels(folder: Path, part: str, channels: int) -> Path:
    config = folder / part / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"in_channels": channels}))
    return folder


def test_an_inpainting_denoiser_under_the_class_for_words_is_served_for_edits_alone(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    folder = with_channels(shutil.copytree(checkpoints["stable-diffusion"], tmp_path / "model"), "unet", 9)
    _, _, traits = describe(ModelSpec(source=str(folder)))
    assert not traits.draws_from_words
    assert traits.edits == EditTraits(mask=True, strength=True)


def test_a_denoiser_that_takes_more_than_its_pipeline_gives_is_named_before_weights_are_read(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    """As edit checkpoints are that were saved with the class for words alone."""
    folder = with_channels(shutil.copytree(checkpoints["stable-diffusion"], tmp_path / "model"), "unet", 8)
    with pytest.raises(ModelLoadError, match="`unet` takes 8 channels where its latents have 4: it works"):
        describe(ModelSpec(source=str(folder)))
    change_index(folder, _class_name="StableDiffusionInstructPix2PixPipeline")
    _, _, traits = describe(ModelSpec(source=str(folder)))
    assert (traits.draws_from_words, traits.edits) == (False, EditTraits())


@pytest.mark.parametrize(
    ("takes", "kind"),
    [(384, "FluxPipeline"), (128, "FluxPipeline"), (384, "FluxFillPipeline"), (128, "FluxControlPipeline")],
)
def test_flux_fill_is_served_by_its_class_and_control_and_their_weights_elsewhere_refused(
    checkpoints: dict[str, Path], tmp_path: Path, takes: int, kind: str
) -> None:
    """Latents are 64 channels, 16 in patches of four; Fill takes a masked picture and its mask beside, Control one."""
    folder = shutil.copytree(checkpoints["flux"], tmp_path / "model")
    for part, fields in (("transformer", {"in_channels": takes, "out_channels": 64}), ("vae", {"latent_channels": 16})):
        config = folder / part / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | fields))
    change_index(folder, _class_name=kind)
    if kind == "FluxFillPipeline":
        _, _, traits = describe(ModelSpec(source=str(folder)))
        assert (traits.draws_from_words, traits.edits) == (False, EditTraits(mask=True, strength=True))
        return
    by_class = f"{kind} does not draw from a prompt alone: it"
    by_channels = f"`transformer` takes {takes} channels where its latents have 64: it works from a picture"
    said = by_channels if kind == "FluxPipeline" else by_class
    with pytest.raises(ModelLoadError, match=said):
        describe(ModelSpec(source=str(folder)))


@pytest.mark.parametrize("family", ["stable-diffusion", "flux"])
def test_one_that_takes_latents_alone_is_served(checkpoints: dict[str, Path], family: str) -> None:
    describe(ModelSpec(source=str(checkpoints[family])))


def test_asking_first_is_what_counts() -> None:
    class Asks:
        def __call__(self, prompt: str, image: Any = None) -> Any:
            if image is not None:
                return image.size
            return prompt

    class Looks:
        def __call__(self, prompt: str, image: Any = None) -> Any:
            return image.size

    class Passes:
        def check_inputs(self, picture: Any) -> None:
            if picture is None:
                raise ValueError("a picture, please")

        def __call__(self, prompt: str, image: Any = None) -> Any:
            self.check_inputs(image)

    assert picture_needed(Asks) is None
    assert picture_needed(Looks) == picture_needed(Passes) == "image"
    assert "image" in inspect.signature(Looks.__call__).parameters


_TAKES_PICTURES = re.compile(r"(\w+_)?images?")


def test_every_pipeline_that_takes_a_picture_is_in_the_documentation() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "models-reference.md").read_text()
    named = set(re.findall(r"\b\w+Pipeline\b", documented))
    missing = []
    for name in dir(diffusers):
        kind = getattr(diffusers, name) if name.endswith("Pipeline") else None
        if not inspect.isclass(kind) or hasattr(kind, "_backends") or "__call__" not in vars(kind):
            continue
        takes = [each for each in inspect.signature(kind.__call__).parameters if _TAKES_PICTURES.fullmatch(each)]
        if any("ip_adapter" not in each for each in takes) and name not in named:
            missing.append(name)
    assert not missing


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("IFSuperResolutionPipeline", "it works from a picture, `image`"),
        ("StableUnCLIPImg2ImgPipeline", "it works from a picture, `image`"),
    ],
)
def test_a_picture_is_needed_where_another_form_of_it_would_do_or_it_is_made_larger(name: str, said: str) -> None:
    assert refusal_of_words(kind_of(name)) == said


def test_a_picture_that_is_not_read_beside_words_is_no_edit(tmp_path: Path) -> None:
    ways = ways_of(without_files(kind_of("UniDiffuserPipeline"), tmp_path))
    assert (ways.words, ways.pictures, ways.masked) == (True, None, None)
