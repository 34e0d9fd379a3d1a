"""What a file says about itself (CONTRACT 7): that a model made it, and, when asked for, the whole request. No time.

XMP carries both, in every format: `Iptc4xmpExt:DigitalSourceType` as the IPTC defines it for generated media
(https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia), and `safelight:request`, a JSON object. Where
the model knows what it drew in words of its own, `safelight:scene` says that, so that it can edit the file. The
`parameters` text is what most tools of the field read (the format of AUTOMATIC1111's web UI).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from safelight import __version__
from safelight.contract.picture_files.embedding import NAMESPACE, request_element, scene_element
from safelight.contract.picture_files.provenance import description, packet
from safelight.contract.requests.order import Order

# What the other tools call it.
_CALLED = {"steps": "Steps", "guidance_scale": "CFG scale"}

__all__ = ["NAMESPACE", "Facts", "Metadata", "metadata", "provenance"]


@dataclass(frozen=True)
class Facts:
    """What a run used, whether its order said it or left it open: steps, guidance (None where the model has none) and
    further options, by their names. `scene` is what the picture shows in its model's own words, if it has any."""

    used: Mapping[str, Any]
    drawn_by: str
    scene: str | None = None


@dataclass(frozen=True)
class Metadata:
    """`rdf` goes into the file as XMP, `parameters` as the text that other tools read; either may be empty. `least` is
    the RDF of a file that has no room for a long prompt."""

    rdf: str = ""
    parameters: str = ""
    least: str = ""

    @property
    def xmp(self) -> bytes:
        """The XMP packet (ISO 16684-1, 7.3), or nothing."""
        return packet(self.rdf) if self.rdf else b""


def provenance(scene: str | None = None) -> Metadata:
    """That the picture was generated, and its scene: what every file says unless the operator turned it off."""
    rdf = description(scene_element(scene) if scene is not None else "")
    return Metadata(rdf=rdf, least=rdf)


def metadata(order: Order, facts: Facts) -> Metadata:
    """What to write into the file of that order, by its `metadata` mode."""
    match order.file.metadata:
        case "none":
            return Metadata()
        case "provenance":
            return provenance(facts.scene)
        case "full":
            least = provenance(facts.scene)
            scene = scene_element(facts.scene) if facts.scene is not None else ""
            return replace(least, rdf=description(_request(order, facts) + scene), parameters=_parameters(order, facts))


def _request(order: Order, facts: Facts) -> str:
    """The whole request, as XML."""
    recipe, file = order.recipe, order.file
    request = {
        "model": file.model,
        "prompt": recipe.prompt,
        "negative_prompt": recipe.negative_prompt,
        "size": f"{recipe.width}x{recipe.height}",
        "seed": recipe.seed,
        "output_format": file.format,
        **facts.used,
        "drawn_by": facts.drawn_by,
        "safelight": __version__,
    }
    if file.compression is not None:
        request["output_compression"] = file.compression
    return request_element(request)


def _parameters(order: Order, facts: Facts) -> str:
    recipe = order.recipe
    others = {name.capitalize().replace("_", " "): v for name, v in facts.used.items() if name not in _CALLED}
    said = {
        **{called: facts.used.get(name) for name, called in _CALLED.items()},
        "Seed": recipe.seed,
        "Size": f"{recipe.width}x{recipe.height}",
        **others,
        "Model": facts.drawn_by,
        "Version": f"Safelight {__version__}",
    }
    lines = [recipe.prompt]
    if recipe.negative_prompt:
        lines.append(f"Negative prompt: {recipe.negative_prompt}")
    lines.append(", ".join(f"{name}: {value}" for name, value in said.items() if value is not None))
    return "\n".join(lines)
