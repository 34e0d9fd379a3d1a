"""Whether a denoiser takes more than the latents: then it works from a picture, whatever its pipeline is called."""

# Tested in tests/engine/test_pictures_needed.py.

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safelight.contract.checkpoints.checkpoint_files import read_json
from safelight.contract.models.options import DENOISERS
from safelight.engine.checkpoint.files.folder import Checkpoint

# Latents come as they are, or as patches of two by two.
_PATCHES = (1, 4)
_DECODERS = ("vae", "movq")


@dataclass(frozen=True)
class Input:
    """What the denoiser called `part` takes: so many `channels`, of which the latents are `latents`."""

    part: str = ""
    channels: int = 0
    latents: int = 0

    @property
    def is_latents_alone(self) -> bool:
        return self.channels == self.latents

    @property
    def is_masked_picture(self) -> bool:
        """Latents, those of a picture, and a mask: what diffusers' inpainting pipelines look for (9 of 4)."""
        return self.channels == 2 * self.latents + 1


def denoiser_input(checkpoint: Checkpoint) -> Input:
    """What the denoiser takes beside what the decoder has, by their configurations.

    An inpainting U-Net takes nine channels (latents, a masked picture and its mask), one for edits eight, FLUX Fill 384
    where its latents have 64. Where that is not known, it is taken for one of latents alone.
    """
    found = (_number(checkpoint.folder / decoder, "latent_channels", "z_dim") for decoder in _DECODERS)
    latents = next((channels for channels in found if channels is not None), None)
    for name in DENOISERS:
        folder = checkpoint.folder / name
        if name not in checkpoint.components or latents is None:
            continue
        takes, gives = _number(folder, "in_channels"), _number(folder, "out_channels")
        if takes is None or takes in [latents * patch for patch in _PATCHES]:
            continue
        if takes > (gives or max(_PATCHES) * latents):
            return Input(name, takes, gives or latents)
    return Input()


def _number(folder: Path, *names: str) -> int | None:
    try:
        config: Any = read_json(folder / "config.json")
    except (OSError, ValueError):  # said when it is loaded
        return None
    values = [config.get(name) for name in names] if isinstance(config, dict) else []
    return next((value for value in values if isinstance(value, int)), None)
