"""Which pipelines draw from words alone, found by what they do with a picture that is not there."""

from __future__ import annotations

import inspect
import json
import shutil
from pathlib import Path
from typing import Any

import diffusers
import pytest

from safelight.contract.errors import ModelLoadError
from safelight.engine.checkpoint.loading import _check_task, describe
from safelight.engine.checkpoint.pictures_needed import picture_needed
from safelight.protocol.messages import ModelSpec
from tests.engine.families.build import FAMILIES
from tests.engine.test_loading import change_index

pytestmark = [
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:.* is deprecated and will be removed in version 1.0.0:FutureWarning"),
]
# They take a picture and draw well without one (their model cards).
_EITHER = ("Flux2Pipeline", "Flux2KleinPipeline", "FluxKontextPipeline", "GlmImagePipeline", "DreamLitePipeline")
_NEED = (
    *("StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline", "StableDiffusionXLImg2ImgPipeline"),
    *("StableDiffusionXLInpaintPipeline", "StableDiffusionInstructPix2PixPipeline", "StableDiffusionDepth2ImgPipeline"),
    *("StableDiffusionUpscalePipeline", "StableDiffusion3Img2ImgPipeline", "StableDiffusion3InpaintPipeline"),
    *("FluxImg2ImgPipeline", "FluxInpaintPipeline", "FluxFillPipeline", "FluxControlPipeline"),
    *("QwenImageEditPipeline", "QwenImageEditPlusPipeline", "QwenImageImg2ImgPipeline", "QwenImageInpaintPipeline"),
    *("StableDiffusionControlNetPipeline", "StableDiffusionXLControlNetPipeline", "StableDiffusion3ControlNetPipeline"),
    *("ZImageImg2ImgPipeline", "LongCatImageEditPipeline", "HunyuanImageRefinerPipeline", "IFInpaintingPipeline"),
    *("JoyImageEditPipeline", "JoyImageEditPlusPipeline", "BriaFiboEditPipeline"),
    *("FluxControlNetPipeline", "QwenImageControlNetPipeline", "StableDiffusionXLControlNetUnionPipeline"),
)


def kind_of(name: str) -> Any:
    kind = getattr(diffusers, name)
    if hasattr(kind, "_backends"):
        pytest.skip(f"{name} needs {kind._backends}")
    return kind


@pytest.mark.parametrize("name", [*_EITHER, "QwenImage21Pipeline", "BriaFibo2Pipeline", "OmniGenPipeline"])
def test_one_that_takes_a_picture_and_draws_without_is_served(name: str) -> None:
    _check_task(kind_of(name))


@pytest.mark.parametrize("name", _NEED)
def test_one_that_works_from_a_picture_is_refused_and_the_picture_named(name: str) -> None:
    with pytest.raises(ModelLoadError, match=r"does not draw from a prompt alone: it (works from|needs)"):
        _check_task(kind_of(name))


def test_every_family_that_is_served_draws_from_words() -> None:
    documented = (Path(__file__).parents[2] / "docs" / "models-reference.md").read_text()
    kinds = [name for name in dir(diffusers) if name.endswith("Pipeline") and f"| {name} |" in documented]
    assert len(kinds) > len(FAMILIES) - 10
    for name in kinds:
        _check_task(kind_of(name)) if not hasattr(getattr(diffusers, name), "_backends") else None


def test_the_kinds_that_diffusers_calls_picture_to_picture_and_inpainting_are_refused() -> None:
    from diffusers.pipelines import auto_pipeline as auto

    words = set(auto.AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values())
    others = {*auto.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING.values(), *auto.AUTO_INPAINT_PIPELINES_MAPPING.values()} - words
    served = [kind.__name__ for kind in others if not _refused(kind)]
    assert set(served) <= {*_EITHER, "Flux2KleinKVPipeline", "BriaFibo2Pipeline", "ZImageOmniPipeline"}
    assert not [kind.__name__ for kind in words if picture_needed(kind) and "Control" not in kind.__name__]


def _refused(kind: Any) -> bool:
    try:
        _check_task(kind)
    except ModelLoadError:
        return True
    return False


@pytest.mark.parametrize("name", ["StableDiffusionInpaintPipeline", "StableDiffusionImg2ImgPipeline"])
def test_it_is_said_before_weights_are_read(checkpoints: dict[str, Path], tmp_path: Path, name: str) -> None:
    folder = shutil.copytree(checkpoints["stable-diffusion"], tmp_path / "model")
    change_index(folder, _class_name=name)
    with pytest.raises(ModelLoadError, match=f"{name} does not draw from a prompt alone: it works from a picture"):
        describe(ModelSpec(source=str(folder)))


@pytest.mark.parametrize("channels", [8, 9])
def test_a_denoiser_that_takes_more_than_latents_is_named_before_weights_are_read(
    checkpoints: dict[str, Path], tmp_path: Path, channels: int
) -> None:
    """As inpainting and edit checkpoints are that were saved with the class for words alone."""
    folder = shutil.copytree(checkpoints["stable-diffusion"], tmp_path / "model")
    config = folder / "unet" / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | {"in_channels": channels}))
    with pytest.raises(ModelLoadError, match=f"`unet` takes {channels} channels where its latents have 4: it works"):
        describe(ModelSpec(source=str(folder)))


@pytest.mark.parametrize(
    ("takes", "kind"),
    [(384, "FluxPipeline"), (128, "FluxPipeline"), (384, "FluxFillPipeline"), (128, "FluxControlPipeline")],
)
def test_flux_fill_and_control_are_refused_by_their_class_and_by_their_configuration(
    checkpoints: dict[str, Path], tmp_path: Path, takes: int, kind: str
) -> None:
    """Latents are 64 channels, 16 in patches of four; Fill takes a masked picture and its mask beside, Control one."""
    folder = shutil.copytree(checkpoints["flux"], tmp_path / "model")
    for part, fields in (("transformer", {"in_channels": takes, "out_channels": 64}), ("vae", {"latent_channels": 16})):
        config = folder / part / "config.json"
        config.write_text(json.dumps(json.loads(config.read_text()) | fields))
    change_index(folder, _class_name=kind)
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
