"""What AUTOMATIC1111's clients send, as one of our requests, and the answer as they read it.

They send what their forms hold, whatever the model: what it has no use for is left out, and a size that it does not
have becomes the nearest. Names and defaults are those of https://github.com/AUTOMATIC1111/stable-diffusion-webui/wiki/API.
"""

# Tested in tests/api/test_sdapi.py.

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import orjson

from safelight.api.routes.pictures.image_answer import base64_text
from safelight.contract.catalogue import ModelEntry
from safelight.contract.errors import InvalidRequest
from safelight.contract.models.capabilities import Capabilities
from safelight.contract.parameters.calls import Call
from safelight.contract.parameters.rendering.size import nearest_size
from safelight.contract.requests.request import ImageRequest
from safelight.contract.values.kinds import FreeSize
from safelight.contract.values.sizes import SIZES, Size
from safelight.contract.values.wording import wrong
from safelight.service.drawing.drawing import Picture

_SIDE = 512
_MOST_SIDE = 16_384
_STRENGTH = 0.75
_DATA = "data:image/png;base64,"
# Pictures as they came, and what SillyTavern sends along for itself: where we are, and the key.
_NOT_ECHOED = ("init_images", "mask", "url", "auth")
# Their name of a parameter, and ours.
_PASSED_ON = {"steps": "steps", "cfg_scale": "guidance_scale", "negative_prompt": "negative_prompt"}


def fields_of(payload: dict[str, Any], model: ModelEntry, call: Call) -> dict[str, Any]:
    """The body of a request for that model. Values that are ours to judge are passed on as they came.

    Raises:
        InvalidRequest: a size or a number that cannot be meant.
    """
    capabilities = model.capabilities_for(call)
    fields: dict[str, Any] = {"model": model.id, "prompt": payload.get("prompt"), "output_format": "png"}
    for theirs, ours in _PASSED_ON.items():
        if payload.get(theirs) not in (None, "") and ours in capabilities.names:
            fields[ours] = payload[theirs]
    if (count := _number(payload, "batch_size", 1) * _number(payload, "n_iter", 1)) > 1:
        fields["n"] = count
    seed = payload.get("seed")
    fields["seed"] = 0 if seed in (None, -1, "-1", "") else seed
    fields["size"] = _size(payload, capabilities)
    return fields | (_pictures(payload, capabilities) if call == "edit" else {})


def _number(payload: dict[str, Any], name: str, usual: int) -> int:
    value = payload.get(name)
    if value is None:
        return usual
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MOST_SIDE:
        raise wrong(name, f"a whole number from 1 to {_MOST_SIDE}", value)
    return value


def _size(payload: dict[str, Any], capabilities: Capabilities) -> str:
    wanted = Size(_number(payload, "width", _SIDE), _number(payload, "height", _SIDE))
    kind = capabilities["size"].kind
    if not isinstance(kind, FreeSize):
        return min(SIZES, key=lambda size: abs(math.log(_shape(Size.parse(size)) / _shape(wanted))))
    size = nearest_size(wanted, kind.sides)
    if size is None:
        raise InvalidRequest(f"This model has no size of the shape {wanted}.", param="width")
    return str(size)


def _shape(size: Size) -> float:
    return size.width / size.height


def _pictures(payload: dict[str, Any], capabilities: Capabilities) -> dict[str, Any]:
    images = payload.get("init_images")
    if not isinstance(images, list) or not images:
        raise wrong("init_images", "a list of pictures in base64", images)
    fields: dict[str, Any] = {"images": [_picture("init_images", image) for image in images]}
    if payload.get("mask") not in (None, "") and "mask" in capabilities.names:
        if payload.get("inpainting_mask_invert"):
            raise InvalidRequest(
                "Masks are not inverted here: send one that is white where it is drawn anew.",
                param="inpainting_mask_invert",
            )
        fields["mask"] = _picture("mask", payload["mask"])
    if "strength" in capabilities.names:
        strength = payload.get("denoising_strength")
        fields["strength"] = _STRENGTH if strength is None else strength
    return fields


def _picture(name: str, image: object) -> dict[str, str]:
    if not isinstance(image, str):
        raise wrong(name, "a picture in base64", image)
    return {"image_url": image if image.startswith("data:") else _DATA + image}


def answer(payload: dict[str, Any], request: ImageRequest, pictures: Sequence[Picture]) -> bytes:
    """Pictures, what was asked for, and what was drawn, which is JSON in a text."""
    echoed = {name: value for name, value in payload.items() if name not in _NOT_ECHOED}
    images = [base64_text(each.image) for each in pictures] if payload.get("send_images", True) else []
    return orjson.dumps({"images": images, "parameters": echoed, "info": json.dumps(_info(request, pictures))})


def _info(request: ImageRequest, pictures: Sequence[Picture]) -> dict[str, Any]:
    seeds = [each.seed for each in pictures]
    negative = str(request.asked.get("negative_prompt", ""))
    width, height = request.size
    return {
        "prompt": request.prompt,
        "all_prompts": [request.prompt] * len(seeds),
        "negative_prompt": negative,
        "all_negative_prompts": [negative] * len(seeds),
        "seed": seeds[0] if seeds else -1,
        "all_seeds": seeds,
        "width": width,
        "height": height,
        "steps": request.asked.get("steps"),
        "cfg_scale": request.asked.get("guidance_scale"),
        "sampler_name": SAMPLER,
        "batch_size": len(seeds),
        "sd_model_name": request.model.id,
        "infotexts": [_infotext(request, negative, seed) for seed in seeds],
    }


def _infotext(request: ImageRequest, negative: str, seed: int) -> str:
    lines = [request.prompt, *([f"Negative prompt: {negative}"] if negative else [])]
    return "\n".join((*lines, f"Seed: {seed}, Size: {request.size}, Model: {request.model.id}"))


SAMPLER = "Automatic"
"""The one that there is: a model is drawn with the scheduler that belongs to it."""
