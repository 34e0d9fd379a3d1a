"""Classifiers of images: any of transformers' for image classification, and Stable Diffusion's safety checker."""

# Tested in tests/engine/test_image_classifier.py.

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from safelight.contract.checkpoints.checkpoint_files import PART_CONFIG, read_json
from safelight.contract.checkpoints.classifiers import SAFETY_CHECKERS_LABEL, is_safety_checker
from safelight.contract.errors import ModelLoadError
from safelight.engine.checkpoint.files.location import location_of
from safelight.engine.checkpoint.files.untrusted import check_folder, nothing_unpickled

_PREPARES = "preprocessor_config.json"
_KEPT: Mapping[str, Any] = {"local_files_only": True, "trust_remote_code": False}

Scores = dict[str, float]


class ImageClassifier:
    """A loaded one, in float32 on the processor: it takes no room from the models that draw."""

    def __init__(self, source: str, commit: str | None = None) -> None:
        """Raises:
        ModelLoadError: it is not on this machine, or cannot be read.
        """
        place = location_of(source, commit)
        folder = place.path
        check_folder(folder, place.within)
        try:
            with nothing_unpickled():
                checker = is_safety_checker(read_json(folder / PART_CONFIG))
                self._score = _safety_checker(folder) if checker else _classifier(folder)
        except ModelLoadError:
            raise
        except Exception as error:
            raise ModelLoadError(f"The image classifier cannot be loaded ({type(error).__name__}: {error}).") from error

    def classify(self, file: bytes) -> Scores:
        """How much each label fits a picture (PNG, JPEG or WebP), from 0 to 1.

        Raises:
            OSError: it cannot be decoded.
        """
        with Image.open(io.BytesIO(file)) as picture, torch.inference_mode():
            return self._score(picture.convert("RGB"))


def _classifier(folder: Path) -> Callable[[Image.Image], Scores]:
    from transformers import AutoImageProcessor, AutoModelForImageClassification

    # Pillow's, whether or not torchvision is installed: their pixels differ a little, and so would verdicts.
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil", **_KEPT)
    model = AutoModelForImageClassification.from_pretrained(
        folder, use_safetensors=True, dtype=torch.float32, **_KEPT
    ).eval()
    labels: dict[int, str] = model.config.id2label
    many = model.config.problem_type == "multi_label_classification"

    def score(picture: Image.Image) -> Scores:
        logits = model(**processor(images=picture, return_tensors="pt")).logits[0]
        chances = logits.sigmoid() if many else logits.softmax(-1)
        return {str(labels[i]): float(chance) for i, chance in enumerate(chances)}

    return score


def _safety_checker(folder: Path) -> Callable[[Image.Image], Scores]:
    """It has thresholds of its own, and says yes or no: 1 or 0 for `nsfw`."""
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPImageProcessorPil

    # Beside a checker that is a part of a checkpoint, what prepares its pictures is another part of that.
    places = (folder, folder.parent / "feature_extractor")
    place = next((place for place in places if (place / _PREPARES).is_file()), None)
    model = StableDiffusionSafetyChecker.from_pretrained(folder, use_safetensors=True, local_files_only=True).eval()
    side = model.config.vision_config.image_size
    own: dict[str, Any] = {"size": {"shortest_edge": side}, "crop_size": {"height": side, "width": side}}
    processor = CLIPImageProcessorPil(**own) if place is None else CLIPImageProcessorPil.from_pretrained(place, **_KEPT)

    def score(picture: Image.Image) -> Scores:
        read = processor(images=picture, return_tensors="pt").pixel_values
        _, found = model(clip_input=read, images=np.zeros((1, 1, 1, 3)))  # it blackens these, which nobody sees
        return {SAFETY_CHECKERS_LABEL: float(found[0])}

    return score
