"""Whether a denoiser takes more than the latents: then it works from a picture, whatever its pipeline is called."""

# Tested in tests/engine/test_pictures_needed.py.

from __future__ import annotations

from pathlib import Path
from typing import Any

from safelight.contract.checkpoint_files import read_json
from safelight.contract.errors import ModelLoadError
from safelight.contract.options import DENOISERS
from safelight.engine.checkpoint.folder import Checkpoint

# Latents come as they are, or as patches of two by two.
_PATCHES = (1, 4)


def check_channels(checkpoint: Checkpoint) -> None:
    """Compare what the denoiser takes with what the decoder has, by their configurations.

    An inpainting U-Net takes nine channels (latents, a masked picture and its mask), one for edits eight, FLUX Fill 384
    where its latents have 64.

    Raises:
        ModelLoadError: it takes more than latents.
    """
    latents = _number(checkpoint.folder / "vae", "latent_channels", "z_dim")
    for name in DENOISERS:
        folder = checkpoint.folder / name
        if name not in checkpoint.components or latents is None:
            continue
        takes, gives = _number(folder, "in_channels"), _number(folder, "out_channels")
        if takes is None or takes in [latents * patch for patch in _PATCHES]:
            continue
        if takes > (gives or max(_PATCHES) * latents):
            raise ModelLoadError(
                f"The checkpoint's `{name}` takes {takes} channels where its latents have {gives or latents}: it works "
                "from a picture, as for inpainting or edits, and does not draw from a prompt alone. Safelight serves "
                "text to image."
            )


def _number(folder: Path, *names: str) -> int | None:
    try:
        config: Any = read_json(folder / "config.json")
    except (OSError, ValueError):  # said when it is loaded
        return None
    values = [config.get(name) for name in names] if isinstance(config, dict) else []
    return next((value for value in values if isinstance(value, int)), None)
