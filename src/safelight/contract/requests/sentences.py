"""Texts to turn into vectors (CONTRACT 10 and 11, Embeddings): what is asked for, and what the engine is told."""

# Tested in tests/api/test_embeddings.py.

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from safelight.contract.errors import InvalidRequest
from safelight.contract.requests.order import Share
from safelight.contract.values.wording import missing, quoted_name, shown, wrong

BUNDLED_ENCODER = "all-minilm-l6-v2"
"""The text encoder in the package, as an id and as a source."""
MOST_TEXTS = 2048
MOST_CHARACTERS = 8192
INPUT_TYPES = ("search_document", "search_query", "classification", "clustering")
_FORMATS: Mapping[str, Literal["float", "base64"]] = {"float": "float", "raw": "float", "base64": "base64"}
_NAMES = (
    "model",
    "input",
    "encoding_format",
    "dimensions",
    "user",
    "input_type",
    "embedding_type",
    "allow_ignored_params",
)


class EmbedOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Texts of one request, for the sentence encoder `source`. `dimensions` None: as many as the encoder gives."""

    id: str
    source: str
    texts: tuple[str, ...]
    dimensions: int | None = None
    share: Share = Share()


class EmbeddingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for."""

    texts: tuple[str, ...]
    encoding: Literal["float", "base64"] = "float"
    dimensions: int | None = None


def parse_embedding_request(fields: Mapping[str, Any]) -> EmbeddingRequest:
    """Check the fields of a body whose model is known; a field that is null counts as one that is not there.

    Raises:
        InvalidRequest: the first fault, in the order unsupported, required, types and ranges.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    ignore = given.get("allow_ignored_params", False)
    if not isinstance(ignore, bool):
        raise wrong("allow_ignored_params", "true or false", ignore)
    for name in given:
        if name not in _NAMES and not ignore:
            raise InvalidRequest(
                f"`{quoted_name(name)}` is not supported for embeddings. Supported: {', '.join(_NAMES)}.",
                code="unknown_parameter",
                param=quoted_name(name),
            )
    texts = _texts(given)
    _one_of(given, "encoding_format", tuple(_FORMATS))
    _one_of(given, "input_type", INPUT_TYPES)
    _one_of(given, "embedding_type", ("float",))
    user = given.get("user", "")
    if not isinstance(user, str):
        raise wrong("user", "a string", user)
    encoding = _FORMATS[given.get("encoding_format", "float")]
    return EmbeddingRequest(texts=texts, encoding=encoding, dimensions=_dimensions(given))


def _texts(given: Mapping[str, Any]) -> tuple[str, ...]:
    if "input" not in given:
        raise missing("input")
    came = given["input"]
    if isinstance(came, str):
        return (_text("input", came),)
    if not isinstance(came, list):
        raise wrong("input", f"a string, or an array of 1 to {MOST_TEXTS} strings", came)
    if not 1 <= len(came) <= MOST_TEXTS:
        raise InvalidRequest(
            f"`input` must hold 1 to {MOST_TEXTS} strings; got {len(came)}. Send more in several requests.",
            param="input",
        )
    if isinstance(came[0], int | list):
        raise InvalidRequest(
            "`input` must hold texts, not tokens: another model's tokens mean nothing to this one. With LangChain, "
            "set `check_embedding_ctx_length=False`.",
            param="input",
        )
    return tuple(_text(f"input[{number}]", text) for number, text in enumerate(came))


def _text(name: str, text: object) -> str:
    if not isinstance(text, str):
        raise InvalidRequest(f"`{name}` must be a string; got {shown(text)}.", param="input")
    if not text:
        raise InvalidRequest(f"`{name}` is empty. Send at least one character.", param="input")
    if len(text) > MOST_CHARACTERS:
        raise InvalidRequest(
            f"`{name}` has {len(text)} characters; at most {MOST_CHARACTERS} are allowed. Send it in parts.",
            param="input",
        )
    return text


def _one_of(given: Mapping[str, Any], name: str, allowed: tuple[str, ...]) -> None:
    if name in given and given[name] not in allowed:
        raise wrong(name, " or ".join(f'"{each}"' for each in allowed), given[name])


def _dimensions(given: Mapping[str, Any]) -> int | None:
    came = given.get("dimensions")
    if came is None:
        return None
    if isinstance(came, float) and came.is_integer():
        came = int(came)
    if isinstance(came, bool) or not isinstance(came, int) or came < 1:
        raise wrong("dimensions", "a whole number from 1", came)
    return came


def check_dimensions(request: EmbeddingRequest, most: int | None) -> None:
    """Raises:
    InvalidRequest: more numbers are asked for than the encoder gives.
    """
    if request.dimensions is not None and most is not None and request.dimensions > most:
        raise wrong("dimensions", f"at most {most}, as many as this model gives", request.dimensions)
