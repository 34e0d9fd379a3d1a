"""Blocked terms are found in whatever form they are written, in linear time, and prompts are not repeated."""

from __future__ import annotations

import time

import pytest

from safelight.contract.errors import ConfigurationError
from safelight.service.access.policy import PromptPolicy


@pytest.mark.parametrize(
    "text",
    [
        "a CAT",
        "the cat.",
        "c\u200ba\u200dt on a mat",
        "\uff43\uff41\uff54",  # full width
        "a Dog-House",
        "dog,\n house",
        "STRASSE",
        "红狐狸",
    ],
)
def test_a_term_is_found_in_whatever_form_it_is_written(text: str) -> None:
    assert PromptPolicy(["cat", "dog house", "straße", "狐狸"]).blocks(text)


@pytest.mark.parametrize("text", ["", "a category of houses", "concatenate", "dog in a house", "кот"])
def test_a_part_of_a_word_is_not_the_word(text: str) -> None:
    assert not PromptPolicy(["cat", "dog house", "ко"]).blocks(text)


def test_the_longest_prompt_is_judged_at_once_whatever_is_in_it() -> None:
    policy, began = PromptPolicy(["a" * 50 + "b", "a a", "b"]), time.process_time()
    assert not policy.blocks("a" * 10_000)
    assert time.process_time() - began < 1


@pytest.mark.parametrize("term", ["(", r"\bcat\b", "dog.*house", "", "!!"])
def test_what_would_block_nothing_is_the_operators_error(term: str) -> None:
    with pytest.raises(ConfigurationError, match="blocked_prompts"):
        PromptPolicy([term])
