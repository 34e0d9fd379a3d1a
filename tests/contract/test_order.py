"""An order: what makes two of them one picture, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.contract.order import FileSpec, Recipe
from safelight.protocol.frames import HEADER_BYTES, read_command, to_frame
from safelight.protocol.messages import Draw
from tests.orders import changed, order

OTHER: dict[str, Any] = {
    "source": "another",
    "prompt": "a ship",
    "width": 128,
    "height": 128,
    "seed": 8,
    "steps": 3,
    "negative_prompt": "fog",
    "inputs": (b"\x89PNG",),
    "output_format": "jpeg",
    "compression": 5,
    "metadata": "full",
    "model": "postcard",
}


@pytest.mark.parametrize("field", OTHER)
def test_each_field_of_recipe_and_file_makes_another_picture(field: str) -> None:
    assert changed(order(), **{field: OTHER[field]}).identity != order().identity


def test_these_are_all_the_fields_that_there_are() -> None:
    options = {"steps", "negative_prompt"}
    file = {"output_format", "compression", "metadata", "model"}
    assert {*Recipe.__struct_fields__} - {"options"} == OTHER.keys() - options - file
    assert len(FileSpec.__struct_fields__) == len(file)


@pytest.mark.parametrize(
    "changes", [{"id": "two"}, {"group": "key", "weight": 3.0}, {"exact": False}, {"seconds": 9.0}, {"trace": "req"}]
)
def test_who_asks_and_how_makes_no_other(changes: dict[str, Any]) -> None:
    assert changed(order(), **changes).identity == order().identity


def test_the_order_in_which_options_were_said_makes_no_other() -> None:
    one, other = (changed(order(), **dict(said)) for said in ((("a", 1), ("b", 2)), (("b", 2), ("a", 1))))
    assert [*one.recipe.options] != [*other.recipe.options]
    assert one.identity == other.identity


def test_an_option_arrives_as_the_number_that_it_was() -> None:
    sent = order(steps=3, guidance_scale=3.0, tiled=True, style="ink")
    command = read_command(to_frame(Draw(order=sent))[HEADER_BYTES:])
    assert isinstance(command, Draw)
    assert {name: type(value) for name, value in command.order.recipe.options.items()} == {
        "steps": int,
        "guidance_scale": float,
        "tiled": bool,
        "style": str,
    }
    assert command.order.identity == sent.identity


def test_passes_are_told_by_guidance_and_negative_prompt_alone() -> None:
    said: tuple[dict[str, Any], ...] = (
        {},
        {"steps": 9},
        {"negative_prompt": "fog"},
        {"guidance_scale": 2.5, "negative_prompt": "fog"},
    )
    assert [order(**options).recipe.passes for options in said] == ["", "", "negative", "negative2.5"]


def test_what_a_caller_wrote_is_every_text_of_a_recipe() -> None:
    assert order(prompt="a boat", negative_prompt="fog", steps=3).recipe.texts == ("a boat", "fog")


def test_a_size_that_no_pipeline_takes_has_a_pixel() -> None:
    assert order(width=0, height=64).recipe.pixels == 1


def test_what_was_not_asked_for_is_left_to_the_model() -> None:
    assert (order().recipe.negative_prompt, order().recipe.steps) == ("", None)
    asked = order(negative_prompt="fog", steps=3).recipe
    assert (asked.negative_prompt, asked.steps) == ("fog", 3)
