"""An order: what makes two of them one picture, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from safelight.contract.requests.order import FileSpec, InputPicture, Recipe, Share
from safelight.protocol.frames import HEADER_BYTES, read_command, to_frame
from safelight.protocol.messages import Draw
from tests.orders import changed, order

PICTURE = InputPicture(role="image", sha256="aa", width=2, height=1, pixels=bytes(6), scene=b"boats")
OTHER: dict[str, Any] = {
    "source": "another",
    "prompt": "a ship",
    "width": 128,
    "height": 128,
    "seed": 8,
    "steps": 3,
    "negative_prompt": "fog",
    "inputs": (PICTURE,),
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


@pytest.mark.parametrize("difference", [{"role": "mask"}, {"sha256": "bb"}, {"width": 1}, {"height": 2}])
def test_a_file_to_draw_from_makes_another_by_its_digest_its_role_and_its_size(difference: dict[str, Any]) -> None:
    one, other = (changed(order(), inputs=(picture,)) for picture in (PICTURE, replace(PICTURE, **difference)))
    assert one.identity != other.identity


def test_the_order_of_files_makes_another() -> None:
    second = replace(PICTURE, sha256="bb")
    one, other = (changed(order(), inputs=inputs) for inputs in ((PICTURE, second), (second, PICTURE)))
    assert one.identity != other.identity


def test_what_follows_from_a_file_is_not_asked_for_its_identity() -> None:
    undecoded = replace(PICTURE, pixels=b"", scene=None)
    assert changed(order(), inputs=(PICTURE,)).identity == changed(order(), inputs=(undecoded,)).identity


def test_a_picture_to_draw_from_arrives_whole() -> None:
    sent = order(inputs=(PICTURE, replace(PICTURE, role="mask", pixels=b"\x00\xff", scene=None)))
    command = read_command(to_frame(Draw(order=sent))[HEADER_BYTES:])
    assert command == Draw(order=sent)


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


@pytest.mark.parametrize(
    ("share", "named"),
    [
        (Share(), "job j1"),
        (Share(trace="req_1"), "job j1 (request req_1)"),
        (
            Share(trace="req_1", traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            "job j1 (request req_1, trace 0af7651916cd43dd8448eb211c80319c)",
        ),
    ],
)
def test_a_log_names_a_job_with_its_request_and_its_trace(share: Share, named: str) -> None:
    assert replace(order(id="j1"), share=share).named == named
