"""An image request: from the bytes of a body to a validated `ImageRequest` (CONTRACT 1 and 2, in the order of 2)."""

from __future__ import annotations

import codecs
import re
from typing import Any

import msgspec

from safelight.contract.capabilities import MAX_SEED, Capabilities, Harmless, Parameter
from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import InvalidRequest
from safelight.contract.offers import steps_of_quality
from safelight.contract.sizes import SIZE_OF_ASPECT_RATIO, Size
from safelight.contract.surrogates import half_pair, half_pair_in, refuse_half_pair

AUTO = "auto"
COMPRESSED_FORMATS = ("jpeg", "webp")
_FREE_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")


class ImageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: defaults filled in, size and aspect ratio reconciled; `seed` 0 asks for a fresh one.

    `steps`, `guidance_scale` and `output_compression` are None where the caller leaves them open.
    """

    model: ModelEntry
    prompt: str
    negative_prompt: str
    size: Size
    output_format: str
    seed: int
    n: int = 1
    stream: bool = False
    partial_images: int = 0
    output_compression: int | None = None
    quality: str = AUTO
    steps: int | None = None
    guidance_scale: float | None = None

    def steps_to_take(self) -> int | None:
        """What the caller said, by number or by quality; else what the operator set; None: the checkpoint's own."""
        if self.steps is None and self.quality != AUTO and self.model.traits is not None:
            return steps_of_quality(self.model.terms, self.model.traits)[self.quality]
        return self.model.terms.steps if self.steps is None else self.steps

    def seeds(self, first: int) -> tuple[int, ...]:
        """The seeds of all pictures: `first` and those after it; the last possible one is followed by 1."""
        return tuple((first - 1 + i) % MAX_SEED + 1 for i in range(self.n))


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body (RFC 8259: NaN and Infinity are not JSON; the last of duplicate keys wins).

    Raises:
        InvalidRequest: `invalid_json`.
    """
    try:
        value = msgspec.json.decode(body.removeprefix(codecs.BOM_UTF8))
    except RecursionError:
        raise _invalid_json("The body is nested too deeply. Send one flat JSON object.") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        refuse_half_pair(body.removeprefix(codecs.BOM_UTF8))
        if not body.strip():
            raise _invalid_json("The body is empty. Send a JSON object with at least `model` and `prompt`.") from None
        raise _invalid_json("The body is not valid JSON (in UTF-8). Send one JSON object.") from None
    if not isinstance(value, dict):
        raise _invalid_json(f"The body must be a JSON object, not {_json_type(value)}.")
    return value


def parse_image_request(fields: dict[str, Any], catalogue: Catalogue) -> ImageRequest:
    """Check the fields of a body against the model that they name.

    Raises:
        InvalidRequest: the first fault, in the order model, unsupported, required, types and ranges, conflicts.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    entry = model_named(given, catalogue)
    _refuse_unsupported(given, entry.capabilities)
    values = {p.name: _value(p, given) for p in entry.capabilities.parameters}
    given = {name: value for name, value in given.items() if name in values}  # what is ignored decides nothing
    _refuse_conflicts(values, given)
    return ImageRequest(
        model=entry,
        prompt=values["prompt"],
        negative_prompt=values.get("negative_prompt", ""),
        size=_size(given, entry.capabilities["size"]),
        output_format=values["output_format"],
        seed=values["seed"],
        n=values.get("n", 1),
        stream=values.get("stream", False),
        partial_images=values.get("partial_images", 0),
        output_compression=values.get("output_compression"),
        quality=values.get("quality", AUTO),
        steps=values["steps"] if "steps" in given else None,
        guidance_scale=values["guidance_scale"] if "guidance_scale" in given else None,
    )


def depends_on_traits(fields: dict[str, Any], entry: ModelEntry) -> bool:
    """Whether these fields can only be judged once the engine has described the model."""
    return entry.traits is None and (entry.terms.contract == "open" or bool(fields.get("negative_prompt")))


def model_named(fields: dict[str, Any], catalogue: Catalogue) -> ModelEntry:
    """The model that the fields of a body name.

    Raises:
        InvalidRequest: none is named, or there is no such model.
    """
    name = fields.get("model")
    if name is None:
        raise _missing("model")
    if not isinstance(name, str):
        raise _wrong("model", "a string", name)
    return catalogue.find(name)


def _refuse_unsupported(given: dict[str, Any], capabilities: Capabilities) -> None:
    if given.get("allow_ignored_params") is True:
        return
    harmless = {sent.name: sent for sent in capabilities.harmless}
    for name, value in given.items():
        if name in capabilities.names or (name in harmless and harmless[name].allows(value)):
            continue
        shown = _quoted_name(name)
        if name in harmless:
            what = f"This model supports `{shown}` only as {_harmless_values(harmless[name])}."
        else:
            what = f"This model does not support the parameter `{shown}`. Supported: {', '.join(capabilities.names)}."
        raise InvalidRequest(
            f"{what} Leave it out, or send `allow_ignored_params: true` to have it ignored.",
            code="unknown_parameter",
            param=shown,
        )


def _harmless_values(sent: Harmless) -> str:
    return "a string" if sent.values is None else " or ".join(_shown(value) for value in sent.values)


def _value(parameter: Parameter, given: dict[str, Any]) -> Any:
    if parameter.name not in given:
        if parameter.required:
            raise _missing(parameter.name)
        return parameter.default
    value = given[parameter.name]
    match parameter.kind:
        case "string":
            return _string(parameter, value)
        case "enum":
            if not isinstance(value, str) or value not in parameter.values:
                raise _wrong(parameter.name, "one of " + ", ".join(parameter.values), value)
            return value
        case "size":
            return _free_size(parameter, value)
        case "boolean":
            if not isinstance(value, bool):
                raise _wrong(parameter.name, "true or false", value)
            return value
        case "integer" | "number":
            return _number(parameter, value)


def _string(parameter: Parameter, value: object) -> str:
    if not isinstance(value, str):
        raise _wrong(parameter.name, "a string", value)
    if "\0" in value:
        raise InvalidRequest(
            f"`{parameter.name}` holds a NUL as character {value.index(chr(0)) + 1}. Remove it.", param=parameter.name
        )
    place = half_pair_in(value)
    if place is not None:
        raise half_pair(parameter.name, place)
    if not parameter.blank_allowed and not value.strip():
        raise InvalidRequest(f"`{parameter.name}` is blank. Say what the picture should show.", param=parameter.name)
    if parameter.maximum is not None and len(value) > parameter.maximum:
        allowed = f"at most {parameter.maximum} characters"
        raise InvalidRequest(f"`{parameter.name}` takes {allowed}; {len(value)} came.", param=parameter.name)
    return value


def _number(parameter: Parameter, value: object) -> int | float:
    whole = parameter.kind == "integer"
    low, high = parameter.minimum, parameter.maximum
    allowed = f"{'an integer' if whole else 'a number'} from {low} to {high}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(parameter.name, allowed, value)
    if whole and isinstance(value, float) and not value.is_integer():
        raise _wrong(parameter.name, allowed, value)
    if (low is not None and value < low) or (high is not None and value > high):
        raise _wrong(parameter.name, allowed, value)
    return int(value) if whole else value


def _free_size(parameter: Parameter, value: object) -> str:
    if isinstance(value, str) and value in (AUTO, parameter.default, *parameter.values):
        return value
    sides = parameter.sides()
    found = _FREE_SIZE.fullmatch(value) if isinstance(value, str) else None
    if found is not None and all(int(side) in sides for side in found.groups()):
        return found[0]
    multiples = f" in multiples of {sides.step}" if sides.step > 1 else ""
    free = f"WIDTHxHEIGHT with sides from {sides.start} to {sides.stop - 1}{multiples}"
    raise _wrong(parameter.name, f"{free}, or one of {', '.join((AUTO, *parameter.values))}", value)


def _size(given: dict[str, Any], parameter: Parameter) -> Size:
    """One of size and aspect ratio decides; both must agree. Only called with values that the model allows."""
    ratio, size = given.get("aspect_ratio"), given.get("size")
    if size == AUTO:
        size = None
    if ratio is None:
        return Size.parse(size or str(parameter.default))
    fitting = SIZE_OF_ASPECT_RATIO[ratio]
    if size is not None and size != fitting:
        raise InvalidRequest(
            f"`size` {size} does not have the aspect ratio {ratio}. The size that fits is {fitting}: "
            "send that, or only one of the two.",
            param="size",
        )
    return Size.parse(fitting)


def _refuse_conflicts(values: dict[str, Any], given: dict[str, Any]) -> None:
    """What each parameter allows and together makes no sense. The OpenAPI document has the same rules."""
    if values.get("partial_images", 0) > 0 and not values["stream"]:
        raise InvalidRequest("`partial_images` needs `stream: true`.", param="partial_images")
    if "steps" in given and values["quality"] != AUTO:
        raise InvalidRequest("`quality` says how many steps to take. Send it or `steps`, not both.", param="quality")
    compression, output_format = values.get("output_compression"), values["output_format"]
    if compression is not None and compression < 100 and output_format not in COMPRESSED_FORMATS:
        raise InvalidRequest(
            f"`output_compression` is for {' and '.join(COMPRESSED_FORMATS)}; {output_format} loses nothing and takes "
            "100 alone.",
            param="output_compression",
        )


def _missing(name: str) -> InvalidRequest:
    return InvalidRequest(f"`{name}` is required.", code="missing_required_parameter", param=name)


def _wrong(name: str, allowed: str, value: object) -> InvalidRequest:
    return InvalidRequest(f"`{name}` must be {allowed}; got {_shown(value)}.", param=name)


def _invalid_json(message: str) -> InvalidRequest:
    return InvalidRequest(message, code="invalid_json")


def _json_type(value: object) -> str:
    if value is None:
        return "null"
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    return names[type(value)]


def _shown(value: object) -> str:
    """A value as it may stand in a message: short ones whole, long ones by their type (a prompt never shows)."""
    if isinstance(value, list | dict):
        return _json_type(value)
    if isinstance(value, int) and abs(value) >= 2**63:
        return "a number beyond 64 bits"
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 40 else f"{_json_type(value)} of {len(text)} characters"


def _quoted_name(name: str) -> str:
    printable = "".join(c if c.isprintable() else "?" for c in name)
    return printable if len(printable) <= 64 else printable[:61] + "..."
