"""An image request: from the bytes of a body to a validated `ImageRequest` (CONTRACT 1 and 2, in the order of 2)."""

from __future__ import annotations

import codecs
from typing import Any

import msgspec

from safelight.contract.capabilities import Capabilities, Parameter
from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import InvalidRequest
from safelight.contract.sizes import DEFAULT_SIZE, SIZE_OF_ASPECT_RATIO, Size

# Values that real clients always send and that mean what happens anyway (CONTRACT 1.2). None: any string will do.
_HARMLESS: dict[str, tuple[object, ...] | None] = {
    "n": (1,),
    "response_format": ("b64_json", "base64"),
    "stream": (False,),
    "user": None,
}


class ImageRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for: defaults filled in, size and aspect ratio reconciled; `seed` 0 asks for a fresh one."""

    model: ModelEntry
    prompt: str
    negative_prompt: str
    size: Size
    output_format: str
    seed: int


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
    entry = _model(given, catalogue)
    _refuse_unsupported(given, entry.capabilities)
    values = {p.name: _value(p, given) for p in entry.capabilities.parameters}
    return ImageRequest(
        model=entry,
        prompt=values["prompt"],
        negative_prompt=values["negative_prompt"],
        size=_size(given),
        output_format=values["output_format"],
        seed=values["seed"],
    )


def _model(given: dict[str, Any], catalogue: Catalogue) -> ModelEntry:
    if "model" not in given:
        raise _missing("model")
    name = given["model"]
    if not isinstance(name, str):
        raise _wrong("model", "a string", name)
    return catalogue.find(name)


def _refuse_unsupported(given: dict[str, Any], capabilities: Capabilities) -> None:
    if given.get("allow_ignored_params") is True:
        return
    for name, value in given.items():
        if name in capabilities.names or _is_harmless(name, value):
            continue
        shown = _quoted_name(name)
        if name in _HARMLESS:
            allowed = " or ".join(_shown(v) for v in _HARMLESS[name] or ()) or "a string"
            what = f"This model supports `{shown}` only as {allowed}."
        else:
            what = f"This model does not support the parameter `{shown}`. Supported: {', '.join(capabilities.names)}."
        raise InvalidRequest(
            f"{what} Leave it out, or send `allow_ignored_params: true` to have it ignored.",
            code="unknown_parameter",
            param=shown,
        )


def _is_harmless(name: str, value: object) -> bool:
    if name not in _HARMLESS:
        return False
    allowed = _HARMLESS[name]
    if allowed is None:
        return isinstance(value, str)
    return any(value == choice and isinstance(value, bool) == isinstance(choice, bool) for choice in allowed)


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
        raise InvalidRequest(f"`{parameter.name}` holds a NUL character. Remove it.", param=parameter.name)
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise InvalidRequest(f"`{parameter.name}` holds half of a surrogate pair.", param=parameter.name)
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


def _size(given: dict[str, Any]) -> Size:
    """One of size and aspect ratio decides; both must agree. Only called with values that the model allows."""
    ratio, size = given.get("aspect_ratio"), given.get("size")
    if ratio is None:
        return Size.parse(size or DEFAULT_SIZE)
    fitting = SIZE_OF_ASPECT_RATIO[ratio]
    if size is not None and size != fitting:
        raise InvalidRequest(
            f"`size` {size} does not have the aspect ratio {ratio}. The size that fits is {fitting}: "
            "send that, or only one of the two.",
            param="size",
        )
    return Size.parse(fitting)


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
