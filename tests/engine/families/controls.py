"""A tiny ControlNet for each family that diffusers has a pipeline with one for, and how its users call that."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from typing import Any

import diffusers
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from safelight.contract.requests.order import InputPicture, Order
from tests.engine.families.edits import picture


@dataclass(frozen=True)
class Control:
    """`net` is the class of a ControlNet, `fields` what its configuration has beside the denoiser's. `words`,
    `pictures` and `masked` are the pipelines that follow it, None where diffusers has none. `several`: more than one
    at a time. `arguments` are more of theirs. `deep`: the tiny denoiser has enough layers to show what is followed."""

    net: str
    words: str
    pictures: str | None = None
    masked: str | None = None
    several: bool = True
    fields: dict[str, Any] = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    deep: bool = True


_SMALL: dict[str, Any] = {"conditioning_embedding_out_channels": (4, 4, 8, 8)}

CONTROLS: dict[str, Control] = {
    "stable-diffusion-1.5": Control(
        "ControlNetModel",
        "StableDiffusionControlNetPipeline",
        "StableDiffusionControlNetImg2ImgPipeline",
        "StableDiffusionControlNetInpaintPipeline",
        fields=_SMALL,
    ),
    "stable-diffusion-xl": Control(
        "ControlNetModel",
        "StableDiffusionXLControlNetPipeline",
        "StableDiffusionXLControlNetImg2ImgPipeline",
        "StableDiffusionXLControlNetInpaintPipeline",
        fields=_SMALL,
    ),
    "stable-diffusion-3": Control(
        "SD3ControlNetModel", "StableDiffusion3ControlNetPipeline", fields={"extra_conditioning_channels": 0}
    ),
    "flux.1-dev": Control(
        "FluxControlNetModel",
        "FluxControlNetPipeline",
        "FluxControlNetImg2ImgPipeline",
        "FluxControlNetInpaintPipeline",
        arguments={"guidance_scale": 3.5},
    ),
    "qwen-image": Control(
        "QwenImageControlNetModel", "QwenImageControlNetPipeline", several=False, arguments={"negative_prompt": " "}
    ),
    "sana": Control("SanaControlNetModel", "SanaControlNetPipeline", several=False, deep=False),
    "z-image": Control(
        "ZImageControlNetModel",
        "ZImageControlNetPipeline",
        several=False,
        fields={
            "control_layers_places": [0],
            "control_refiner_layers_places": [0],
            "control_in_dim": 4,
            "n_refiner_layers": 1,
        },
    ),
    "hunyuan-dit": Control(
        "HunyuanDiT2DControlNetModel", "HunyuanDiTControlNetPipeline", fields={"transformer_num_layers": 2}, deep=False
    ),
}
"""By the family's name. One that is not here has no pipeline with a ControlNet in diffusers that fits."""


def controlnet(pipeline: Any, control: Control, seed: int = 0, **changes: Any) -> Any:
    """One for that pipeline: its layers, with other weights, and none of them zero."""
    denoiser = pipeline.components.get("unet") or pipeline.transformer
    kind = getattr(diffusers, control.net)
    takes = inspect.signature(kind.__init__).parameters
    config = {name: value for name, value in denoiser.config.items() if name in takes} | control.fields | changes
    with torch.random.fork_rng():
        torch.manual_seed(100 + seed)
        net = kind(**config).eval()
        for weights in net.parameters():
            if not weights.any():
                torch.nn.init.normal_(weights, std=0.2)
    return net


def control_map(name: str, width: int = 80, height: int = 64, seed: int = 5) -> InputPicture:
    """Something to follow, by that name."""
    drawn = picture(width, height, seed)
    return InputPicture(role="control", name=name, sha256=drawn.sha256, width=width, height=height, pixels=drawn.pixels)


def followed(pipeline: Any, name: str, nets: list[Any], wanted: Order, arguments: dict[str, Any]) -> NDArray[np.uint8]:
    """As diffusers' users call it, over the same components."""
    kind, recipe = getattr(diffusers, name), wanted.recipe
    parts = {key: part for key, part in pipeline.components.items() if key in kind._get_signature_keys(kind)[0]}
    settings = {key: value for key, value in pipeline.config.items() if key in kind._get_signature_keys(kind)[1]}
    net = nets[0] if len(nets) == 1 else _together(nets)
    made = kind(**parts, controlnet=net, **settings)
    made.set_progress_bar_config(disable=True)
    takes, size = inspect.signature(made.__call__).parameters, (recipe.width, recipe.height)
    maps = [
        ImageOps.fit(Image.frombytes("RGB", (p.width, p.height), p.pixels), size, Image.Resampling.LANCZOS)
        for p in recipe.inputs
        if p.role == "control"
    ]
    said: dict[str, Any] = {
        "height": recipe.height,
        "width": recipe.width,
        "num_inference_steps": recipe.steps,
        "control_image" if "control_image" in takes else "image": maps if len(maps) > 1 else maps[0],
        **{key: value for key, value in arguments.items() if key in takes},
    }
    images = [ImageOps.fit(_image(p), size, Image.Resampling.LANCZOS) for p in recipe.inputs if p.role == "image"]
    masks = [ImageOps.fit(_image(p), size, Image.Resampling.NEAREST) for p in recipe.inputs if p.role == "mask"]
    said |= {"image": images[0]} if images else {}
    said |= {"mask_image": masks[0]} if masks else {}
    scale = recipe.options.get("control_strength", takes["controlnet_conditioning_scale"].default)
    said["controlnet_conditioning_scale"] = scale if len(nets) == 1 else [scale] * len(nets)
    if "strength" in recipe.options:
        said["strength"] = recipe.options["strength"]
    generator = torch.Generator("cpu").manual_seed(recipe.seed)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(recipe.seed)  # some sample what they encode by the global generator
        drawn = made(prompt=recipe.prompt, generator=generator, **said)[0][0]
    return np.asarray(Image.composite(drawn.convert("RGB"), images[0], masks[0]) if masks else drawn)


def _image(given: InputPicture) -> Image.Image:
    return Image.frombytes("L" if given.role == "mask" else "RGB", (given.width, given.height), given.pixels)


def _together(nets: list[Any]) -> Any:
    name = type(nets[0]).__name__.replace("ControlNetModel", "MultiControlNetModel")
    return getattr(diffusers, name)(nets).eval()
