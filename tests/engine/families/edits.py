"""What the families of `build` make of pictures, and how their users call diffusers for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import diffusers
import numpy as np
import torch
from benchmarks.checkpoints.modular import by_diffusers
from numpy.typing import NDArray
from PIL import Image, ImageOps

from safelight.contract.requests.order import InputPicture, Order
from safelight.engine.tasks.task import as_asked


@dataclass(frozen=True)
class Edits:
    """The classes that draw from pictures, and from one with a mask; None where diffusers has none that works.

    `most` is how many pictures they take, `strength` whether they start from them. `fitted`: the picture is given to
    them in the drawing's size. `mask_size` is another size for masks, where the family's is too small for them.
    `arguments` are more of theirs, as the guidance of the family's pipeline for words, where theirs is another.
    `fails`: diffusers and transformers, as they are pinned, do not fit together there. `shrink` makes a pipeline of
    theirs work small.
    """

    picture: str
    mask: str | None = None
    most: int = 1
    strength: bool = True
    fitted: bool = True
    mask_size: tuple[int, int] | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    fails: bool = False
    shrink: Callable[[Any], None] = lambda pipeline: None


def _at_64_pixels(pipeline: Any) -> None:
    pipeline.default_sample_size = 64 // pipeline.vae_scale_factor


_SD3 = Edits("StableDiffusion3Img2ImgPipeline", "StableDiffusion3InpaintPipeline")
_SDXL = Edits("StableDiffusionXLImg2ImgPipeline", "StableDiffusionXLInpaintPipeline")
_AS_FOR_WORDS = {"guidance_scale": 5.0}
_FLUX = Edits("FluxImg2ImgPipeline", "FluxInpaintPipeline")
_Z_IMAGE = Edits("ZImageImg2ImgPipeline", "ZImageInpaintPipeline")


def _references(name: str, mask: str | None = None, most: int = 16, **fields: Any) -> Edits:
    return Edits(name, mask, **({"most": most, "strength": False, "fitted": False} | fields))


EDITS: dict[str, Edits] = {
    "stable-diffusion-1.5": Edits("StableDiffusionImg2ImgPipeline", "StableDiffusionInpaintPipeline"),
    "latent-consistency": Edits("LatentConsistencyModelImg2ImgPipeline"),
    "stable-diffusion-xl": replace(_SDXL, arguments=_AS_FOR_WORDS),
    "sdxl-turbo": _SDXL,
    "stable-diffusion-3": _SD3,
    "flux.1-dev": replace(_FLUX, arguments={"guidance_scale": 3.5}),
    "flux.1-schnell": _FLUX,
    "flux.2": _references("Flux2Pipeline"),
    "flux.2-klein": _references("Flux2KleinPipeline", "Flux2KleinInpaintPipeline"),
    "qwen-image": Edits("QwenImageImg2ImgPipeline", "QwenImageInpaintPipeline"),
    "z-image": _Z_IMAGE,
    "z-image-turbo": _Z_IMAGE,
    "sana-sprint": Edits("SanaSprintImg2ImgPipeline"),
    "chroma": Edits("ChromaImg2ImgPipeline"),
    "omnigen": _references("OmniGenPipeline"),
    "kolors": Edits("KolorsImg2ImgPipeline"),
    "deepfloyd-if": Edits("IFImg2ImgPipeline", "IFInpaintingPipeline", arguments={"guidance_scale": 7.0}),
    "kandinsky-2.2": Edits("KandinskyV22Img2ImgCombinedPipeline"),
    "kandinsky-2.1": Edits("KandinskyImg2ImgCombinedPipeline"),
    "stable-diffusion-1.5-pag": Edits("StableDiffusionPAGImg2ImgPipeline", "StableDiffusionPAGInpaintPipeline"),
    "stable-diffusion-xl-pag": Edits(
        "StableDiffusionXLPAGImg2ImgPipeline", "StableDiffusionXLPAGInpaintPipeline", arguments=_AS_FOR_WORDS
    ),
    "stable-diffusion-3-pag": Edits("StableDiffusion3PAGImg2ImgPipeline"),
    "kandinsky-3": Edits("Kandinsky3Img2ImgPipeline"),
    "dreamlite": _references("DreamLitePipeline", most=1, fitted=True),
    "glm-image": _references("GlmImagePipeline", fails=True),
    "amused": Edits("AmusedImg2ImgPipeline", "AmusedInpaintPipeline", mask_size=(64, 64)),
    "bria-fibo-2": _references("BriaFibo2Pipeline", "BriaFibo2Pipeline", most=5, fitted=True, shrink=_at_64_pixels),
    "flux.1-kontext": _references("FluxKontextPipeline", "FluxKontextInpaintPipeline", most=1),
    "flux.2-klein-kv": _references("Flux2KleinKVPipeline"),
    "dreamlite-mobile": _references("DreamLiteMobilePipeline", most=1, fitted=True),
    "z-image-omni": _references("ZImageOmniPipeline"),
    "anima": Edits("AnimaModularPipeline"),
    "flux.3": _references("Flux3ModularPipeline"),
    "flux.3-distilled": _references("Flux3DistilledModularPipeline"),
    "qwen-image-2.1": _references("QwenImage21Pipeline"),
}
EDITS |= {
    "stable-diffusion-inpainting": Edits("StableDiffusionInpaintPipeline", "StableDiffusionInpaintPipeline"),
    "instruct-pix2pix": _references("StableDiffusionInstructPix2PixPipeline", most=1, fitted=True),
    "sdxl-instruct-pix2pix": _references("StableDiffusionXLInstructPix2PixPipeline", most=1, fitted=True),
    "stable-diffusion-2-depth": Edits("StableDiffusionDepth2ImgPipeline"),
    "stable-diffusion-2.1-unclip": _references("StableUnCLIPImg2ImgPipeline", most=1),
    "kandinsky-2.2-inpainting": Edits(
        "KandinskyV22InpaintCombinedPipeline", "KandinskyV22InpaintCombinedPipeline", strength=False
    ),
    "kandinsky-2.1-inpainting": Edits(
        "KandinskyInpaintCombinedPipeline", "KandinskyInpaintCombinedPipeline", strength=False
    ),
    "sdxl-refiner": replace(_SDXL, arguments=_AS_FOR_WORDS),
    "flux.1-fill": Edits("FluxFillPipeline", "FluxFillPipeline"),
    "qwen-image-edit": _references("QwenImageEditPipeline", "QwenImageEditInpaintPipeline", most=1),
    "qwen-image-edit-plus": _references("QwenImageEditPlusPipeline"),
    "longcat-image-edit": _references("LongCatImageEditPipeline", most=1, fitted=True),
    "joyimage-edit": _references("JoyImageEditPipeline", most=1),
    "joyimage-edit-plus": _references("JoyImageEditPlusPipeline"),
    "bria-fibo-edit": _references("BriaFiboEditPipeline", "BriaFiboEditPipeline"),
    "hunyuan-image-refiner": _references("HunyuanImageRefinerPipeline", most=1, fitted=True),
    "kandinsky-5-i2i": _references("Kandinsky5I2IPipeline", most=1),
}
"""By the family's name. One that is not here draws from words alone."""


def picture(width: int = 80, height: int = 64, seed: int = 0) -> InputPicture:
    """Soft colours, so that it is not all noise to an encoder."""
    rough = np.random.default_rng(seed).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(rough).resize((width, height), Image.Resampling.BICUBIC)
    return InputPicture(role="image", sha256=f"{seed}", width=width, height=height, pixels=image.tobytes())


def mask(width: int = 80, height: int = 64) -> InputPicture:
    """The left half is drawn anew."""
    pixels = np.zeros((height, width), np.uint8)
    pixels[:, : width // 2] = 255
    return InputPicture(role="mask", sha256="half", width=width, height=height, pixels=pixels.tobytes())


def beside(pipeline: Any, name: str) -> Any:
    """That pipeline over the same components, as diffusers makes it."""
    kind = getattr(diffusers, name)
    if isinstance(pipeline, kind):
        return pipeline
    dtype = next(part.dtype for part in pipeline.components.values() if isinstance(part, diffusers.ModelMixin))
    made = kind.from_pipe(pipeline, dtype=dtype)
    made.set_progress_bar_config(disable=True)
    return made


def called(pipeline: Any, wanted: Order, fitted: bool, arguments: dict[str, Any]) -> NDArray[np.uint8]:
    """As its users call it, the picture outside the mask kept."""
    recipe, takes = wanted.recipe, inspect.signature(pipeline.__call__).parameters
    size = recipe.width, recipe.height
    images = [Image.frombytes("RGB", (each.width, each.height), each.pixels) for each in recipe.inputs[:1]]
    masks = [Image.frombytes("L", (p.width, p.height), p.pixels) for p in recipe.inputs if p.role == "mask"]
    if fitted or masks:
        images[0] = ImageOps.fit(images[0], size, Image.Resampling.LANCZOS)
    more = [each for each in recipe.inputs[1:] if each.role == "image"]
    images += [Image.frombytes("RGB", (each.width, each.height), each.pixels) for each in more]
    said: dict[str, Any] = {
        "image": images if more else images[0],
        "images": images,
        "height": recipe.height,
        "width": recipe.width,
        "num_inference_steps": recipe.steps,
        "max_area": recipe.width * recipe.height,
        **arguments,
    }
    if masks:
        masks = [ImageOps.fit(masks[0], size, Image.Resampling.NEAREST)]
        said |= {"mask_image": masks[0], "mask": masks[0]}
    elif "mask_image" in takes:  # it needs one: everything is drawn anew
        said["mask_image"] = Image.new("L", size, 255)
    if "strength" in recipe.options:
        said["strength"] = recipe.options["strength"]
    said = {name: value for name, value in said.items() if name in takes}
    generator = torch.Generator("cpu").manual_seed(recipe.seed)
    with torch.random.fork_rng():
        torch.manual_seed(recipe.seed)  # some sample what they encode by the global generator
        drawn = as_asked(by_diffusers(pipeline)(prompt=recipe.prompt, generator=generator, **said)[0][0], *size)
    return np.asarray(Image.composite(drawn.convert("RGB"), images[0], masks[0]) if masks else drawn)
