"""The operator's refusals: prompts that match a configured expression are not drawn."""

from __future__ import annotations

import re
from collections.abc import Iterable

from safelight.contract.errors import ConfigurationError, InvalidRequest


class PromptPolicy:
    """Refuses prompts by regular expression (case-insensitive, anywhere in the text).

    Raises:
        ConfigurationError: an expression is not valid.
    """

    def __init__(self, blocked: Iterable[str] = ()) -> None:
        self._blocked = tuple(_compile(expression) for expression in blocked)

    def check(self, prompt: str) -> None:
        """Raises:
        InvalidRequest: `content_policy_violation`. The message does not repeat the prompt.
        """
        if any(expression.search(prompt) for expression in self._blocked):
            raise InvalidRequest(
                "The operator of this server does not allow this prompt.",
                code="content_policy_violation",
                param="prompt",
            )


def _compile(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression, re.IGNORECASE)
    except re.error as error:
        raise ConfigurationError(
            f"`blocked_prompts` holds {expression!r}, which is not a valid regular expression: {error}."
        ) from error
