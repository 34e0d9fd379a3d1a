"""What a file says about itself (CONTRACT 7): that a model made it, and, when asked for, the whole request. No time.

XMP carries both, in every format: `Iptc4xmpExt:DigitalSourceType` as the IPTC defines it for generated media
(https://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia), and `safelight:request`, a JSON object. The
`parameters` text is what most tools of the field read (the format of AUTOMATIC1111's web UI).
"""

from __future__ import annotations

from dataclasses import dataclass

from safelight import __version__
from safelight.contract.embedding import NAMESPACE, request_element
from safelight.contract.messages import Job
from safelight.contract.provenance import description, packet

__all__ = ["NAMESPACE", "Facts", "Metadata", "metadata", "provenance"]


@dataclass(frozen=True)
class Facts:
    """What a run used that its job leaves open. `guidance_scale` is None for a model without guidance."""

    steps: int
    guidance_scale: float | None
    drawn_by: str


@dataclass(frozen=True)
class Metadata:
    """`rdf` goes into the file as XMP, `parameters` as the text that other tools read; either may be empty."""

    rdf: str = ""
    parameters: str = ""

    @property
    def xmp(self) -> bytes:
        """The XMP packet (ISO 16684-1, 7.3), or nothing."""
        return packet(self.rdf) if self.rdf else b""


def provenance() -> Metadata:
    """Only that the picture was generated: what every file says unless the operator turned it off."""
    return Metadata(rdf=description())


def metadata(job: Job, facts: Facts) -> Metadata:
    """What to write into the file of that job, by its `metadata` mode."""
    match job.metadata:
        case "none":
            return Metadata()
        case "provenance":
            return provenance()
        case "full":
            return Metadata(rdf=description(_request(job, facts)), parameters=_parameters(job, facts))


def _request(job: Job, facts: Facts) -> str:
    """The whole request, as XML."""
    request = {
        "model": job.model,
        "prompt": job.prompt,
        "negative_prompt": job.negative_prompt,
        "size": f"{job.width}x{job.height}",
        "seed": job.seed,
        "output_format": job.output_format,
        "steps": facts.steps,
        "guidance_scale": facts.guidance_scale,
        "drawn_by": facts.drawn_by,
        "safelight": __version__,
    }
    if job.compression is not None:
        request["output_compression"] = job.compression
    return request_element(request)


def _parameters(job: Job, facts: Facts) -> str:
    said = {
        "Steps": facts.steps,
        "CFG scale": facts.guidance_scale,
        "Seed": job.seed,
        "Size": f"{job.width}x{job.height}",
        "Model": facts.drawn_by,
        "Version": f"Safelight {__version__}",
    }
    lines = [job.prompt]
    if job.negative_prompt:
        lines.append(f"Negative prompt: {job.negative_prompt}")
    lines.append(", ".join(f"{name}: {value}" for name, value in said.items() if value is not None))
    return "\n".join(lines)
