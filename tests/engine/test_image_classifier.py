"""Image classifiers are loaded as transformers saves them, and say how much each label fits."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from benchmarks.checkpoints import classifiers
from PIL import Image

from safelight.contract.errors import ModelLoadError
from safelight.engine.checkpoint.image_classifier import ImageClassifier


def file(colour: str = "white", format: str = "PNG", mode: str = "RGB") -> bytes:
    content = io.BytesIO()
    Image.new(mode, (40, 24), colour).save(content, format)
    return content.getvalue()


def test_labels_have_chances_that_sum_to_one(tmp_path: Path) -> None:
    folder = classifiers.vit(tmp_path, {"normal": 0.0, "nsfw": 2.0})
    scores = ImageClassifier(str(folder)).classify(file())
    assert scores == {"normal": pytest.approx(0.119203), "nsfw": pytest.approx(0.880797)}


def test_labels_that_may_fit_together_have_chances_of_their_own(tmp_path: Path) -> None:
    folder = classifiers.vit(tmp_path, {"gore": 2.0, "nudity": 2.0, "weapons": -2.0}, many=True)
    scores = ImageClassifier(str(folder)).classify(file())
    assert scores == {
        "gore": pytest.approx(0.880797),
        "nudity": pytest.approx(0.880797),
        "weapons": pytest.approx(0.119203),
    }


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_picture_of_each_format_is_looked_at(tmp_path: Path, format: str) -> None:
    """The verdict hangs on the pixels: a bright picture is refused, and a dark one is not."""
    classifier = ImageClassifier(str(classifiers.vit(tmp_path, {"dark": 0.0, "bright": 0.0}, by_brightness=4.0)))
    assert classifier.classify(file("white", format))["bright"] > 0.9
    assert classifier.classify(file("black", format))["bright"] < 0.1


def test_grey_and_transparent_pictures_are_looked_at(tmp_path: Path) -> None:
    classifier = ImageClassifier(str(classifiers.vit(tmp_path, {"a": 0.0, "b": 1.0})))
    assert classifier.classify(file(mode="L")) == classifier.classify(file(mode="RGBA"))


@pytest.mark.parametrize("refuses", [True, False])
@pytest.mark.parametrize("processor", ["safety_checker", "feature_extractor", None])
def test_stable_diffusions_safety_checker_says_yes_or_no(tmp_path: Path, refuses: bool, processor: str | None) -> None:
    """By itself, as a part of a checkpoint, and without anything that says how pictures are prepared."""
    place = tmp_path / processor if processor is not None else None
    folder = classifiers.safety_checker(tmp_path / "safety_checker", refuses=refuses, processor=place)
    assert ImageClassifier(str(folder)).classify(file()) == {"nsfw": float(refuses)}


def test_weights_that_are_pickles_are_not_read(tmp_path: Path) -> None:
    folder = classifiers.vit(tmp_path, {"a": 0.0, "b": 1.0})
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelLoadError, match="image classifier cannot be loaded"):
        ImageClassifier(str(folder))


def test_code_of_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    folder = classifiers.vit(tmp_path, {"a": 0.0, "b": 1.0})
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own", "auto_map": {"AutoModelForImageClassification": "own.Model", "AutoConfig": "own.C"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(ModelLoadError):
        ImageClassifier(str(folder))
    assert not (tmp_path / "ran").exists()


def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    folder = classifiers.vit(tmp_path / "classifier", {"a": 0.0, "b": 1.0})
    (folder / "model.safetensors").rename(tmp_path / "elsewhere.safetensors")
    (folder / "model.safetensors").symlink_to(tmp_path / "elsewhere.safetensors")
    with pytest.raises(ModelLoadError, match="leads out of its folder"):
        ImageClassifier(str(folder))
