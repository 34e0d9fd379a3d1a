"""Coloured stripes: pictures without a model, of every format, which depend on everything that a picture depends on."""

from __future__ import annotations

import hashlib
import io

import msgspec
from PIL import Image

from safelight.adapters.preview_files import png_info
from safelight.contract.messages import Job
from safelight.contract.provenance import description, packet

_STRIPES = 8


def _stripes(job: Job, count: int = _STRIPES) -> Image.Image:
    """The first stripes of a job's picture, one pixel each: they depend on everything that a picture depends on."""
    digest = hashlib.sha256(msgspec.json.encode(job.picture())).digest()
    return Image.frombytes("RGB", (count, 1), digest[: count * 3])


def draw_preview(job: Job, step: int, longest: int) -> bytes:
    """The stripes that are there after a step, as a small JPEG of the picture's shape."""
    scale = min(1.0, longest / max(job.width, job.height))
    size = max(1, round(job.width * scale)), max(1, round(job.height * scale))
    file = io.BytesIO()
    _stripes(job, min(_STRIPES, 2 * step)).resize(size, Image.Resampling.NEAREST).save(file, "JPEG", quality=85)
    return file.getvalue()


def draw_stripes(job: Job) -> bytes:
    """A file of the job's size and format."""
    marked = job.metadata != "none"
    if job.output_format == "svg":
        return _svg(job, description() if marked else "")
    picture = _stripes(job).resize((job.width, job.height), Image.Resampling.NEAREST)
    file, xmp = io.BytesIO(), packet(description()) if marked else b""
    if job.output_format == "png":
        picture.save(file, "PNG", compress_level=1, pnginfo=png_info(xmp))
    else:
        quality = 90 if job.compression is None else job.compression
        picture.save(file, job.output_format, quality=quality, xmp=xmp)
    return file.getvalue()


def _svg(job: Job, about: str) -> bytes:
    stripes, width = _stripes(job), job.width / _STRIPES
    rectangles = "".join(
        f'<rect x="{x * width:g}" width="{width:g}" height="{job.height}" fill="rgb{stripes.getpixel((x, 0))}"/>'
        for x in range(_STRIPES)
    )
    size = f'width="{job.width}" height="{job.height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><metadata>{about}</metadata>{rectangles}</svg>'.encode()
