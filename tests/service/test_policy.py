"""Blocked prompts are refused by expression, without being repeated."""

from __future__ import annotations

import pytest

from safelight.contract.errors import ConfigurationError, InvalidRequest
from safelight.service.policy import PromptPolicy


def test_a_prompt_that_matches_anywhere_in_any_case_is_refused() -> None:
    policy = PromptPolicy([r"\bcat\b", "dog.*house"])
    for prompt in ("a CAT", "Dog in a house"):
        with pytest.raises(InvalidRequest) as caught:
            policy.check(prompt)
        assert caught.value.code == "content_policy_violation"
        assert prompt not in caught.value.message
    policy.check("a category of houses")


def test_an_expression_that_is_none_is_the_operators_error() -> None:
    with pytest.raises(ConfigurationError, match="blocked_prompts"):
        PromptPolicy(["("])
