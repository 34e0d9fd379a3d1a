"""What a model supports: the one description that validation, the model list, OpenAPI and the studio are drawn from."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from safelight.contract.sizes import ASPECT_RATIOS, DEFAULT_ASPECT_RATIO, DEFAULT_SIZE, SIZES

MAX_PROMPT_CHARACTERS = 10_000
MAX_SEED = 2**32 - 1

# Regular expressions: no NUL, and somewhere something that is not blank. Blank is what Python's `str.strip` strips;
# ECMA-262, JSON Schema's dialect, does not count the separators 1C to 1F and the line end 85 under \s.
_TEXT = r"^[^\x00]*$"
_TEXT_NOT_BLANK = r"^[^\x00]*[^\s\x00\x1c-\x1f\x85][^\x00]*$"

Kind = Literal["string", "enum", "integer", "number", "boolean"]


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter of the images endpoint, as one model supports it.

    `minimum` and `maximum` bound a number, or the length of a string in Unicode code points.
    """

    name: str
    kind: Kind
    description: str
    required: bool = False
    default: str | int | float | bool | None = None
    values: tuple[str, ...] = ()
    minimum: int | float | None = None
    maximum: int | float | None = None
    blank_allowed: bool = True

    def json_schema(self) -> dict[str, Any]:
        """This parameter as JSON Schema 2020-12 (the dialect of OpenAPI 3.1)."""
        if self.kind == "enum":
            schema: dict[str, Any] = {"type": "string", "enum": list(self.values)}
        else:
            schema = {"type": self.kind}
        bounds = ("minLength", "maxLength") if self.kind == "string" else ("minimum", "maximum")
        limits = zip(bounds, (self.minimum, self.maximum), strict=True)
        schema |= {keyword: bound for keyword, bound in limits if bound is not None}
        if self.kind == "string":
            schema["pattern"] = _TEXT if self.blank_allowed else _TEXT_NOT_BLANK
        if not self.required:
            schema["type"] = [schema["type"], "null"]
            if "enum" in schema:
                schema["enum"] = [*schema["enum"], None]
            schema["default"] = self.default
        schema["description"] = self.description
        return schema


class Capabilities(msgspec.Struct, frozen=True):
    """Everything that a model supports, in the order in which it is documented."""

    parameters: tuple[Parameter, ...]

    def __getitem__(self, name: str) -> Parameter:
        for parameter in self.parameters:
            if parameter.name == name:
                return parameter
        raise KeyError(name)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)

    def as_json(self) -> dict[str, Any]:
        """The `capabilities` object of the model list."""
        shown: dict[str, Any] = {}
        for parameter in self.parameters:
            entry: dict[str, Any] = {"type": parameter.kind, "required": parameter.required}
            if not parameter.required:
                entry["default"] = parameter.default
            if parameter.values:
                entry["values"] = list(parameter.values)
            bounds = ("min_length", "max_length") if parameter.kind == "string" else ("minimum", "maximum")
            limits = zip(bounds, (parameter.minimum, parameter.maximum), strict=True)
            entry |= {key: bound for key, bound in limits if bound is not None}
            shown[parameter.name] = entry
        return {"parameters": shown}


def stable_image_ultra() -> Capabilities:
    """The eight parameters that Heroku documents for `stable-image-ultra`, and no other (CONTRACT 1)."""
    return Capabilities(
        (
            Parameter(name="model", kind="string", required=True, description="An id or alias from the model list."),
            Parameter(
                name="prompt",
                kind="string",
                required=True,
                minimum=1,
                maximum=MAX_PROMPT_CHARACTERS,
                blank_allowed=False,
                description="What the picture should show.",
            ),
            Parameter(
                name="aspect_ratio",
                kind="enum",
                default=DEFAULT_ASPECT_RATIO,
                values=ASPECT_RATIOS,
                description="Width to height. Each ratio has one size; send either, or both where they agree.",
            ),
            Parameter(
                name="size",
                kind="enum",
                default=DEFAULT_SIZE,
                values=SIZES,
                description="Width and height in pixels.",
            ),
            Parameter(
                name="negative_prompt",
                kind="string",
                default="",
                maximum=MAX_PROMPT_CHARACTERS,
                description="What the picture should not show.",
            ),
            Parameter(
                name="output_format", kind="enum", default="png", values=("jpeg", "png"), description="The file format."
            ),
            Parameter(
                name="seed",
                kind="integer",
                default=0,
                minimum=0,
                maximum=MAX_SEED,
                description="The same seed and parameters give the same bytes. 0 draws a fresh seed.",
            ),
            Parameter(
                name="allow_ignored_params",
                kind="boolean",
                default=False,
                description="true: ignore parameters that the model does not support, instead of refusing them.",
            ),
        )
    )
