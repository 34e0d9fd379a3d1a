"""The operator's refusals: prompts that hold a blocked term are not drawn."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from safelight.contract.errors import ConfigurationError, InvalidRequest
from safelight.contract.requests.request import ImageRequest

# What expressions are made of. A term with any of it was meant as one, and read literally it would block nothing.
_EXPRESSION = re.compile(r"[\\^$|?*+()\[\]{}]")
# Scripts that are written without spaces between words: Thai to Tibetan, Myanmar, Khmer, and Chinese and Japanese.
_UNSPACED = ((0x0E00, 0x109F), (0x1780, 0x17FF), (0x2E80, 0xA4CF), (0xF900, 0xFAFF), (0x20000, 0x3FFFF))
# Selectors of a character's looks, which are no characters of their own (Unicode, "Variation Selectors").
_SELECTORS = (0xFE00, 0xFE0F)


class PromptPolicy:
    """Refuses prompts and negative prompts that hold one of these terms, as whole words.

    Text and terms are compared in one form: NFKC, without regard to case, without characters that are not seen, and
    with one space for whatever stands between words. It takes time by the length of the text, whatever is in it.

    Raises:
        ConfigurationError: a term has no letter or digit, or looks like a regular expression.
    """

    def __init__(self, blocked: Iterable[str] = ()) -> None:
        self._terms = tuple(_term(text) for text in blocked)

    def check(self, request: ImageRequest) -> None:
        """Raises:
        InvalidRequest: `content_policy_violation`. The message does not repeat the prompt.
        """
        for name, text in request.texts().items():
            if self.blocks(text):
                raise InvalidRequest(
                    f"The operator of this server does not allow this {name.replace('_', ' ')}.",
                    code="content_policy_violation",
                    param=name,
                )

    def blocks(self, text: str) -> bool:
        """Whether a text holds one of the terms."""
        if not self._terms or not text:
            return False
        plain = _plain(text)
        return any(_holds(plain, term) for term in self._terms)


def _term(text: str) -> str:
    if _EXPRESSION.search(text):
        raise ConfigurationError(
            f"`blocked_prompts` holds {text!r}, which looks like a regular expression. Terms are words, or several "
            "words in a row, and are found as they are; write each as a term of its own."
        )
    plain = _plain(text)
    if not plain:
        raise ConfigurationError(f"`blocked_prompts` holds {text!r}, in which there is no letter or digit.")
    return plain


def _plain(text: str) -> str:
    """A text in the form in which it is compared."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    seen = (c for c in folded if unicodedata.category(c) != "Cf" and not _SELECTORS[0] <= ord(c) <= _SELECTORS[1])
    words = "".join(c if c.isalnum() or unicodedata.category(c)[0] == "M" else " " for c in seen)
    return " ".join(words.split())


def _holds(text: str, term: str) -> bool:
    """Whether the term is there as whole words; where words are not spaced, whether it is there."""
    at = text.find(term)
    while at >= 0:
        end = at + len(term)
        begins = at == 0 or not _in_one_word(text[at - 1], term[0])
        if begins and (end == len(text) or not _in_one_word(term[-1], text[end])):
            return True
        at = text.find(term, at + 1)
    return False


def _in_one_word(left: str, right: str) -> bool:
    """Whether two neighbours belong to one word of a script with spaces."""
    return left != " " and right != " " and _is_spaced(left) and _is_spaced(right)


def _is_spaced(character: str) -> bool:
    return not any(first <= ord(character) <= last for first, last in _UNSPACED)
