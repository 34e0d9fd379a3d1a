"""Which files of a checkpoint are meant, by their names, and how its configurations are read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from safelight.contract.checkpoints.checkpoint_files import (
    INDEX,
    MAX_CONFIGURATION_BYTES,
    MODULAR_INDEX,
    PartSource,
    can_be_left_out,
    index_in,
    is_controlnet,
    is_part_name,
    one_variant,
    parts_of,
    read_json,
    sources_of,
    variant_of,
)


@pytest.mark.parametrize(
    ("path", "variant"),
    [
        ("unet/model.safetensors", None),
        ("unet/model.fp16.safetensors", "fp16"),
        ("model.fp16-00001-of-00002.safetensors", "fp16"),
        ("model-00001-of-00002.safetensors", None),
        ("model.bin", None),
    ],
)
def test_a_variant_is_told_by_the_name_of_the_file(path: str, variant: str | None) -> None:
    assert variant_of(path) == variant


@pytest.mark.parametrize(
    ("paths", "wanted", "chosen"),
    [
        ((), "fp16", (None, [])),
        (("m.safetensors", "m.fp16.safetensors"), None, (None, ["m.safetensors"])),
        (("m.safetensors", "m.fp16.safetensors"), "fp16", ("fp16", ["m.fp16.safetensors"])),
        (("m.safetensors", "m.fp16.safetensors"), "bf16", (None, ["m.safetensors"])),
        (("m.fp16.safetensors", "m.bf16.safetensors"), None, ("bf16", ["m.bf16.safetensors"])),
    ],
)
def test_of_several_variants_the_wanted_is_used_or_the_plain_or_the_first(
    paths: tuple[str, ...], wanted: str | None, chosen: tuple[str | None, list[str]]
) -> None:
    assert one_variant(paths, wanted) == chosen


@pytest.mark.parametrize(("name", "is_one"), [("text_encoder_2", True), ("..", False), ("a/b", False), ("", False)])
def test_a_part_is_an_identifier_and_no_path_out_of_the_folder(name: str, is_one: bool) -> None:
    assert is_part_name(name) is is_one


@pytest.mark.parametrize(
    ("name", "optional", "can"),
    [
        ("safety_checker", ("safety_checker",), True),
        ("safety_checker", (), False),
        ("text_encoder_2", ("text_encoder_2",), False),
        ("vae", ("vae",), False),
    ],
)
def test_what_makes_the_picture_is_never_left_out(name: str, optional: tuple[str, ...], can: bool) -> None:
    assert can_be_left_out(name, optional) is can


def test_an_ordinary_index_goes_before_a_modular_one(tmp_path: Path) -> None:
    assert index_in(tmp_path) == tmp_path / INDEX  # where it would be
    (tmp_path / MODULAR_INDEX).write_text("{}")
    assert index_in(tmp_path) == tmp_path / MODULAR_INDEX
    (tmp_path / INDEX).write_text("{}")
    assert index_in(tmp_path) == tmp_path / INDEX


@pytest.mark.parametrize(
    ("said", "part"),
    [
        (["diffusers", "AutoencoderKL"], ("diffusers", "AutoencoderKL")),
        ([None, None], (None, None)),
        (["diffusers", "AutoencoderKL", {"repo": "org/name"}], ("diffusers", "AutoencoderKL")),
        ([None, None, {"type_hint": ["diffusers", "UNet2DConditionModel"]}], ("diffusers", "UNet2DConditionModel")),
        ([None, None, {"type_hint": ["diffusers"]}], (None, None)),
        ([None, None, {}], (None, None)),
    ],
)
def test_a_part_has_the_library_and_class_that_its_index_says(said: list[Any], part: tuple[Any, Any]) -> None:
    assert parts_of({"vae": said}) == {"vae": part}


@pytest.mark.parametrize(
    "no_part",
    [{"_class_name": ["a", "b"]}, {"force_zeros": True}, {"sizes": [1]}, {"sizes": [1, 2, 3]}],
    ids=["of diffusers itself", "a number", "a short list", "a list of numbers"],
)
def test_what_else_an_index_says_is_no_part(no_part: dict[str, Any]) -> None:
    assert parts_of(no_part) == {}


def test_a_configuration_is_an_ordinary_file_of_bounded_size_and_depth(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text('{"a": [1]}')
    assert read_json(file) == {"a": [1]}
    file.write_text("[" * 200_000)
    with pytest.raises(ValueError, match="nested too deep"):
        read_json(file)
    os.truncate(file, MAX_CONFIGURATION_BYTES + 1)
    with pytest.raises(ValueError, match="longer than"):
        read_json(file)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="no ordinary file"):
        read_json(tmp_path / "pipe")


def test_a_modular_index_says_where_its_parts_come_from() -> None:
    index = {
        "_class_name": "Modular",
        "unet": [
            "diffusers",
            "UNet",
            {"pretrained_model_name_or_path": "org/a", "subfolder": "/unet/", "variant": "fp16"},
        ],
        "vae": ["diffusers", "VAE", {"pretrained_model_name_or_path": "org/b", "revision": "main", "subfolder": 5}],
        "guider": ["diffusers", "Guider", {}],
        "scheduler": ["diffusers", "Scheduler"],
    }
    assert sources_of(index) == {
        "unet": PartSource("org/a", "unet", None, "fp16"),
        "vae": PartSource("org/b", "", "main", None),
    }


def test_a_controlnet_is_known_by_its_class_whichever_architecture_it_follows() -> None:
    assert is_controlnet({"_class_name": "ControlNetModel"})
    assert is_controlnet({"_class_name": "FluxControlNetModel"})
    assert not is_controlnet({"_class_name": "UNet2DConditionModel"})
    assert not is_controlnet({"architectures": ["ViTForImageClassification"]})
