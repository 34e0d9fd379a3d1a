"""How much of a prompt was read: the tokenizers of a run are listened to, since they alone know what they cut."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal

from transformers import PreTrainedTokenizerBase, ProcessorMixin

from safelight.contract.requests.order import Recipe
from safelight.contract.requests.prompt_cut import PromptCut

_UNCUT = (None, False, "do_not_truncate")
_Parameter = Literal["prompt", "negative_prompt"]

# Told of each text that a tokenizer was given: the tokenizer's number, the text, the tokens that it gave, and all.
Heard = Callable[[int, str, int, int], None]


class PromptReading:
    """What became of one order's prompts. A prompt is cut if every tokenizer that was given it has cut it.

    Of two text encoders one may read less than the other: what either reads is not lost. A text is a prompt's if the
    prompt is in it, whatever template stands around it; of one that a pipeline rewrote nothing is known.
    """

    def __init__(self, recipe: Recipe) -> None:
        said: tuple[tuple[_Parameter, str], ...] = (
            ("prompt", recipe.prompt),
            ("negative_prompt", recipe.negative_prompt),
        )
        plain = [(parameter, _plain(text)) for parameter, text in said]
        self._said = sorted((pair for pair in plain if pair[1]), key=lambda pair: len(pair[1]), reverse=True)
        self._heard: dict[_Parameter, dict[int, tuple[int, int]]] = {}

    def hear(self, tokenizer: int, text: str, read: int, tokens: int) -> None:
        """A tokenizer made `read` tokens of a text that has so many."""
        whole = _plain(text)
        for parameter, prompt in self._said:
            if prompt in whole:
                found = self._heard.setdefault(parameter, {})
                before = found.get(tokenizer, (read, tokens))
                found[tokenizer] = min(before, (read, tokens), key=lambda each: each[0] - each[1])
                return

    def cuts(self) -> tuple[PromptCut, ...]:
        """The prompts of which something was dropped, and how much the tokenizer that read most of it read."""
        found = []
        for parameter in sorted(self._heard, reverse=True):
            each = self._heard[parameter].values()
            if all(read < tokens for read, tokens in each):
                found.append(PromptCut(parameter, *max(each)))
        return tuple(found)


def listened_to(value: Any, heard: Heard) -> Any:
    """A tokenizer that tells what it reads, or a processor with one; None for whatever is neither."""
    if isinstance(value, PreTrainedTokenizerBase):
        return _listening(value, heard)
    tokenizer = getattr(value, "tokenizer", None) if isinstance(value, ProcessorMixin) else None
    if isinstance(tokenizer, PreTrainedTokenizerBase):
        value = copy.copy(value)
        value.tokenizer = _listening(tokenizer, heard)
        return value
    return None


def _listening(tokenizer: PreTrainedTokenizerBase, heard: Heard) -> Any:
    """An object of a subclass that shares the tokenizer's `__dict__`, as stand-ins do (standin.py)."""
    real: Any = type(tokenizer)
    double: Any = object.__new__(_listening_class(real))
    object.__setattr__(double, "__dict__", tokenizer.__dict__)
    object.__setattr__(double, "_heard", functools.partial(heard, id(tokenizer)))
    return double


@functools.cache
def _listening_class(real: type) -> type:
    return type(
        real.__name__,
        (real,),
        {"__slots__": ("_heard",), "__module__": real.__module__, "__doc__": real.__doc__, "__call__": _call(real)},
    )


def _call(real: Any) -> Callable[..., Any]:
    @functools.wraps(real.__call__)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = real.__call__(self, *args, **kwargs)
        texts = args[0] if args else kwargs.get("text")
        try:
            _tell(self, real, texts, kwargs, result)
        except Exception:  # noqa: BLE001 - a tokenizer of its own kind: nothing is known, and the picture is drawn
            return result
        return result

    return call


def _tell(tokenizer: Any, real: Any, texts: Any, options: Mapping[str, Any], result: Any) -> None:
    """What was cut is counted again without a bound, which takes a few milliseconds for the longest prompt."""
    bounded = options.get("truncation") not in _UNCUT or options.get("max_length") is not None
    rows = result["input_ids"]
    several = not isinstance(texts, str)
    for index, text in enumerate(texts if several else [texts]):
        row = rows[index] if several or hasattr(rows[0], "__len__") else rows
        added = {"add_special_tokens": options["add_special_tokens"]} if "add_special_tokens" in options else {}
        whole = len(real.__call__(tokenizer, text, verbose=False, **added)["input_ids"] if bounded else row)
        tokenizer._heard(text, min(len(row), whole), whole)


def _plain(text: str) -> str:
    """As it can be found again after a pipeline's own cleaning of it: without case, blanks all alike."""
    return " ".join(text.casefold().split())
