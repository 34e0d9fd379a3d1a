"""What the full text index is given of a prompt: words, and pairs of letters where words are not told apart.

Chinese, Japanese, Thai, Lao, Khmer and Burmese are written without spaces. A run of their letters becomes its pairs, so
that any part of it can be found as a phrase of pairs, and its last letter, so that a single letter can be found as the
beginning of a pair. Signs, as an emoji, are words of their own, by number: FTS5 would pass over them, and whoever asks
for a sign alone would have every prompt read. A change here needs a migration that fills the index again.
"""

# Tested in tests/contracts/test_job_port.py.

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

# Letters of scripts without spaces: Thai and Lao, Burmese, Khmer, Hiragana to Katakana, Han with its extensions.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\ua9e0-\ua9ff\uaa60-\uaa7f\uf900-\ufaff\U00020000-\U000323af"
)
# FTS5's tokenizer takes letters and digits for words: everything else separates, underscores too.
_RUN = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")
# A letter for FTS5 that nobody types: of the area for private use.
_SIGN = "\ue000"
_FIRST_UNSPACED = re.compile(f"[{_UNSPACED}]")


def words_of(text: str) -> str:
    """The words, pairs and signs of a text, separated by spaces."""
    return " ".join([*(word for run in _runs(text) for word in _pairs(run, last=True)), *_signs(text)])


class Phrase(NamedTuple):
    """Words that stand one after the other; `begun`: the last may be the beginning of one."""

    words: tuple[str, ...]
    begun: bool = False


def phrases_of(text: str) -> list[Phrase]:
    """What an index of `words_of` is asked for to find every word of `text`; empty without any word.

    The last word may be the beginning of one, and of an unspaced script any part. Signs count where there is no word.
    """
    runs = _runs(text)
    phrases = []
    for index, run in enumerate(runs):
        begun = index == len(runs) - 1 or (len(run) == 1 and _is_unspaced(run))
        phrases.append(Phrase(tuple(_pairs(run, last=False)), begun))
    return phrases or [Phrase((sign,)) for sign in _signs(text)]


def _runs(text: str) -> list[str]:
    """Words and unspaced runs, in one form (NFKC). Vowel signs and tone marks of those scripts are left out, since
    FTS5 would take them for separators.
    """
    runs = (_letters(run) for run in _RUN.findall(_without_marks(unicodedata.normalize("NFKC", text))))
    return [run for run in runs if run]


def _signs(text: str) -> list[str]:
    """Each sign once: symbols, emoji, punctuation."""
    signs = (c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c)[0] in "SP")
    return [f"{_SIGN}{ord(sign):x}" for sign in dict.fromkeys(signs)]


def _without_marks(text: str) -> str:
    return "".join(c for c in text if not (_is_unspaced(c) and unicodedata.category(c).startswith("M")))


def _letters(run: str) -> str:
    return "".join(c for c in run if unicodedata.category(c)[0] in "LN") if _is_unspaced(run) else run


def _pairs(run: str, *, last: bool) -> list[str]:
    if not _is_unspaced(run):
        return [run]
    pairs = [run[index : index + 2] for index in range(len(run) - 1)]
    return [*pairs, run[-1]] if last or not pairs else pairs


def _is_unspaced(run: str) -> bool:
    return _FIRST_UNSPACED.match(run) is not None
