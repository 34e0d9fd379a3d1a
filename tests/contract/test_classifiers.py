"""What a configuration says of an image classifier, whatever it is."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.contract.checkpoints.classifiers import is_safety_checker, labels_of

VIT = {"architectures": ["ViTForImageClassification"]}


@pytest.mark.parametrize(
    ("config", "labels"),
    [
        (VIT | {"id2label": {"0": "normal", "1": "nsfw"}}, ("normal", "nsfw")),
        (VIT, ("LABEL_0", "LABEL_1")),
        (VIT | {"id2label": []}, ("LABEL_0", "LABEL_1")),
        ({"architectures": ["StableDiffusionSafetyChecker"]}, ("nsfw",)),
        ({"architectures": ["BertModel"]}, ()),
        ({"architectures": "ViTForImageClassification"}, ()),
        ([], ()),
    ],
)
def test_labels_are_those_of_the_configuration(config: Any, labels: tuple[str, ...]) -> None:
    assert labels_of(config) == labels


def test_a_safety_checker_is_known_by_its_class() -> None:
    assert is_safety_checker({"architectures": ["StableDiffusionSafetyChecker"]})
    assert not is_safety_checker(VIT)
