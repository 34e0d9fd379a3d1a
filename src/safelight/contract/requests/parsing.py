"""From the fields of a body to a validated `ImageRequest` (CONTRACT 1 and 2, in the order of 2)."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from safelight.contract.catalogue import Catalogue, ModelEntry
from safelight.contract.errors import InvalidRequest
from safelight.contract.models.capabilities import Capabilities, Tolerated
from safelight.contract.parameters.answer.delivery import LINK
from safelight.contract.parameters.calls import EDIT_PATH, EDITS, GENERATE_PATH, Call
from safelight.contract.parameters.declared import declared
from safelight.contract.parameters.rendering.size import fitted_size, size_in
from safelight.contract.requests.order import InputPicture
from safelight.contract.requests.request import Begin, Delivery, ImageRequest, Series, Words
from safelight.contract.values.kinds import AUTO, FreeSize
from safelight.contract.values.pictures import GivenPicture, PictureFacts
from safelight.contract.values.sizes import Size
from safelight.contract.values.wording import missing, quoted_name, shown, wrong


def parse_image_request(fields: dict[str, Any], catalogue: Catalogue, call: Call = "generate") -> ImageRequest:
    """Check the fields of a body against the model that they name. Nothing is looked at of what pictures hold; unless
    their sizes are known, the size of an edit that does not say one is not yet its own.

    Raises:
        InvalidRequest: the first fault, in the order model, unsupported, required, types and ranges, conflicts.
    """
    given = {name: value for name, value in fields.items() if value is not None}
    entry = model_named(given, catalogue)
    _refuse_call(entry, catalogue, call)
    capabilities = entry.capabilities_for(call)
    if call == "edit by form":
        given = _from_text(given, capabilities)
    _refuse_unsupported(given, capabilities)
    values = {p.name: p.value_in(given) for p in capabilities.parameters}
    given = {name: value for name, value in given.items() if name in values}  # what is ignored decides nothing
    for rule in capabilities.rules:
        rule.check(values, given)
    return _request(entry, call, given, values)


def _request(entry: ModelEntry, call: Call, given: Mapping[str, Any], values: Mapping[str, Any]) -> ImageRequest:
    """What `given` asks for; `values` has defaults beside."""
    begin = _begin(values)
    return ImageRequest(
        model=entry,
        words=Words(prompt=values["prompt"], rewrite=values.get("rewrite", True)),
        size=_size(given, entry.capabilities_for(call), begin.facts),
        call=call,
        begin=begin,
        series=Series(values["seed"], values.get("n", 1)),
        delivery=Delivery(
            stream=values.get("stream", False),
            partial_images=values.get("partial_images", 0),
            as_links=values.get("response_format") == LINK,
        ),
        asked={
            d.name: values[d.name]
            for d in declared()
            if d.part != "request" and d.name in (given if d.is_left_open else values)
        },
    )


def begun_with(request: ImageRequest, begin: Begin) -> ImageRequest:
    """The edit once its files were looked at.

    Raises:
        InvalidRequest: there are more pictures than the model takes beside a mask; or no size of the model has the
            first picture's shape, and none was asked for.
    """
    _check_count_with_mask(request, begin)
    size = request.size if request.size.width else _picture_size(request, begin.facts)
    return msgspec.structs.replace(request, size=size, begin=begin)


def _check_count_with_mask(request: ImageRequest, begin: Begin) -> None:
    """Whether there is a mask only the files tell: the first picture's transparent parts are one."""
    edits = request.model.capabilities_for(request.call).edits
    most = None if edits is None else edits.maximum_with_mask
    roles = [picture.role for picture in begin.inputs]
    count = roles.count("image")
    if most is None or count <= most or "mask" not in roles:
        return
    name = "image" if request.call == "edit by form" else "images"
    why = "" if begin.given_mask is not None else " The transparent parts of the first picture are its mask."
    raise InvalidRequest(
        f"`{name}` takes {most} picture{'s' if most > 1 else ''} with a mask for this model; {count} came.{why}",
        param=name,
    )


def _picture_size(request: ImageRequest, facts: Sequence[PictureFacts]) -> Size:
    return _size({}, request.model.capabilities_for(request.call), facts)


def _size(given: Mapping[str, Any], capabilities: Capabilities, facts: Sequence[PictureFacts]) -> Size:
    """What was asked for, else the first picture's within bounds, else the model's own; 0x0 where only a picture that
    was not looked at yet would tell."""
    parameter = capabilities["size"]
    if parameter.default != AUTO or not isinstance(parameter.kind, FreeSize):
        return size_in(given, str(parameter.default))
    if not facts:
        return size_in(given, str(Size(0, 0)))
    return fitted_size(given, Size(facts[0].width, facts[0].height), parameter.kind)


def _begin(values: Mapping[str, Any]) -> Begin:
    given: tuple[GivenPicture, ...] = values.get("images") or values.get("image") or ()
    mask: GivenPicture | None = values.get("mask")
    begin = Begin(given=given, given_controls=values.get("control") or (), given_mask=mask)
    facts = tuple(each.facts for each in begin.all_given if each.facts is not None)
    if not facts or len(facts) < len(begin.all_given):
        return begin
    inputs = tuple(
        InputPicture(role=role, sha256=each.sha256, width=each.width, height=each.height, pixels=b"", name=name)
        for (role, name), each in zip(begin.parts, facts, strict=True)
    )
    return msgspec.structs.replace(begin, facts=facts, inputs=inputs)


def _from_text(given: dict[str, Any], capabilities: Capabilities) -> dict[str, Any]:
    """The values that a form's texts stand for; an empty text is an absent value."""
    kinds = {parameter.name: parameter.kind for parameter in capabilities.parameters}
    return {
        name: kinds[name].from_text(value) if isinstance(value, str) and name in kinds else value
        for name, value in given.items()
        if value != ""
    }


def _refuse_call(entry: ModelEntry, catalogue: Catalogue, call: Call) -> None:
    """Edits of a model that draws from words alone, and the other way round."""
    if call in EDITS and not entry.takes_pictures:
        others = ", ".join(other.id for other in catalogue if other.takes_pictures)
        taking = f"Models that take pictures: {others}." if others else "No model here takes pictures."
        raise InvalidRequest(
            f"{entry.id} draws from words alone. {taking} POST {GENERATE_PATH} takes the prompt without pictures.",
            code="unsupported_operation",
            param="model",
        )
    if call == "generate" and not entry.draws_from_words:
        where = (
            f"POST {EDIT_PATH} takes the prompt with one." if entry.takes_pictures else "Under this id it takes none."
        )
        raise InvalidRequest(
            f"{entry.id} works only from a picture. {where}",
            code="unsupported_operation",
            param="model",
        )


def depends_on_traits(fields: dict[str, Any], entry: ModelEntry) -> bool:
    """Whether these fields can only be judged once the engine has described the model."""
    judged = entry.terms.contract == "open" or any(d.by_traits and fields.get(d.name) for d in declared())
    return entry.traits is None and judged


def model_named(fields: dict[str, Any], catalogue: Catalogue) -> ModelEntry:
    """The model that the fields of a body name.

    Raises:
        InvalidRequest: none is named, or there is no such model.
    """
    name = fields.get("model")
    if name is None:
        raise missing("model")
    if not isinstance(name, str):
        raise wrong("model", "a string", name)
    return catalogue.find(name)


def _refuse_unsupported(given: dict[str, Any], capabilities: Capabilities) -> None:
    if given.get("allow_ignored_params") is True:
        return
    tolerated = {sent.name: sent for sent in capabilities.tolerated}
    for name, value in given.items():
        if name in capabilities.names or (name in tolerated and tolerated[name].allows(value)):
            continue
        called = quoted_name(name)
        if name in tolerated:
            what = f"This model supports `{called}` only as {_tolerated_values(tolerated[name])}."
        else:
            what = f"This model does not support the parameter `{called}`. Supported: {', '.join(capabilities.names)}."
        raise InvalidRequest(
            f"{what} Leave it out, or send `allow_ignored_params: true` to have it ignored.",
            code="unknown_parameter",
            param=called,
        )


def _tolerated_values(sent: Tolerated) -> str:
    return "a string" if sent.values is None else " or ".join(shown(value) for value in sent.values)
