"""SHA-256 of pictures that a real server draws: kept before a change, compared after it.

    python -m tests.e2e.digests keep FILE        a line each: what, digests of the file and of its pixels
    python -m tests.e2e.digests compare FILE     says which differ; exit status 1 if any does

Postcard at nine sizes in three formats and in every style, and tiny checkpoints of five families; with metadata in the
files, and without any. A change that changes only the fingerprint changes files with metadata, and no pixels.
`tests/postcard/digests.py` does the same for the renderer alone, with more scenes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import torch
from benchmarks.checkpoints.build import FAMILIES
from PIL import Image

from safelight.contract.values.sizes import SIZES
from safelight.postcard.scenes.vocabulary import Style
from tests.clients.process import Served, serving
from tests.e2e.drawing import wait_until_ready
from tests.kept_lines import main

_FAMILIES = ("stable-diffusion-1.5", "stable-diffusion-xl", "stable-diffusion-3", "flux.1-schnell", "z-image")
_FORMATS = ("png", "jpeg", "webp")
Asked = dict[str, Any]


def pictures() -> Iterator[Asked]:
    """What is asked for, each with a seed of its own kind. None has the seed 0, which stands for a fresh one."""
    prompt = "a lighthouse above the sea at dusk"
    for number, size in enumerate(SIZES, 1):
        for output_format in _FORMATS:
            yield {"model": "postcard", "prompt": prompt, "size": size, "output_format": output_format, "seed": number}
    for style in Style:
        said = style.value.replace("_", " ")
        yield {"model": "postcard", "prompt": f"a red fox in a forest, {said} style", "size": "384x256", "seed": 5}
    for name in _FAMILIES:
        for seed, output_format in enumerate(_FORMATS, 1):
            yield {
                "model": name,
                "prompt": "a red fox",
                "size": "64x64",
                "steps": FAMILIES[name].steps,
                "output_format": output_format,
                "seed": seed,
            }


def _digests(served: Served, asked: Asked) -> str:
    key = {"authorization": f"Bearer {served.key}"}
    answer = httpx.post(f"{served.base_url}/images/generations", json=asked, headers=key, timeout=600)
    assert answer.status_code == 200, answer.text
    file = base64.b64decode(answer.json()["data"][0]["b64_json"])
    pixels = Image.open(io.BytesIO(file)).tobytes()
    return "  ".join(
        f"{name} {hashlib.sha256(data).hexdigest()[:24]}" for name, data in (("file", file), ("pixels", pixels))
    )


def _saved(folder: Path) -> Path:
    """The tiny checkpoint of a family, in its folder."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        FAMILIES[folder.name].build().save_pretrained(folder)
    return folder


def lines() -> Iterator[str]:
    """One a picture."""
    with tempfile.TemporaryDirectory() as folder:
        sources = {name: {"source": str(_saved(Path(folder) / name)), "dtype": "float32"} for name in _FAMILIES}
        models = json.dumps(sources | {"postcard": {"source": "postcard"}})
        for metadata in ("full", "none"):
            home = Path(folder) / f"home with metadata {metadata}"
            home.mkdir()
            with serving(home, engine="local", workers="1", models=models, metadata=metadata) as served:
                wait_until_ready(served)
                for asked in pictures():
                    what = " ".join(str(asked[name]) for name in ("model", "size", "seed"))
                    what += f" {asked.get('output_format', 'png')} {asked['prompt']!r}, metadata {metadata}"
                    yield f"{what}: {_digests(served, asked)}"


if __name__ == "__main__":
    raise SystemExit(main(__doc__, lines))
