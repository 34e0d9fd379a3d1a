"""Every parameter there is, in the order in which they are documented, and what follows from all of them together."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager

from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.answer.delivery import ALLOW_IGNORED_PARAMS, PARTIAL_IMAGES, RESPONSE_FORMAT, STREAM
from safelight.contract.parameters.answer.output import OUTPUT_COMPRESSION, OUTPUT_FORMAT
from safelight.contract.parameters.declaration import Declaration, where_taken
from safelight.contract.parameters.rendering.loras import LORAS
from safelight.contract.parameters.rendering.seed import SEED, N
from safelight.contract.parameters.rendering.size import ASPECT_RATIO, SIZE
from safelight.contract.parameters.rendering.steering import STEERING
from safelight.contract.parameters.subject.control import CONTROLS
from safelight.contract.parameters.subject.pictures import EDITING
from safelight.contract.parameters.subject.prompt import MODEL, NEGATIVE_PROMPT, PROMPT
from safelight.contract.parameters.subject.rewrite import REWRITE
from safelight.contract.values.kinds import Value

_DRAWN_BY = (MODEL, PROMPT, ASPECT_RATIO, SIZE, NEGATIVE_PROMPT, OUTPUT_FORMAT, SEED)
_DELIVERED_BY = (REWRITE, N, STREAM, PARTIAL_IMAGES, RESPONSE_FORMAT, OUTPUT_COMPRESSION)
_declared: tuple[Declaration, ...] = (
    *_DRAWN_BY,
    *EDITING,
    *CONTROLS,
    *_DELIVERED_BY,
    *STEERING,
    LORAS,
    ALLOW_IGNORED_PARAMS,
)


def declared() -> tuple[Declaration, ...]:
    """All declarations."""
    return _declared


@contextmanager
def declaring(*more: Declaration) -> Iterator[None]:
    """While this is entered there are these too, in this process: for whoever tries a parameter out."""
    global _declared
    before = _declared
    _declared = (*before, *more)
    try:
        yield
    finally:
        _declared = before


def taken_by(arguments: Container[str]) -> tuple[str, ...]:
    """Of the parameters that only some pipelines have an argument for, those that a pipeline with these takes."""
    return tuple(d.name for d in declared() if d.offered is where_taken and d.name in arguments)


def options_of(asked: Mapping[str, Value], terms: OperatorTerms, traits: Traits | None) -> dict[str, Value]:
    """What a recipe holds beside words, size and seed: what was asked for, else what the operator set."""
    options = {d.name: own for d in declared() if (own := d.operator(terms)) is not None}
    for declaration in declared():
        if declaration.part == "recipe" and declaration.name in asked:
            options |= declaration.options(declaration, asked[declaration.name], terms, traits)
    return options


def ordinary_options(options: Mapping[str, Value], terms: OperatorTerms) -> dict[str, Value]:
    """The same options, but what is left to the model where nobody says it left to the model and its operator."""
    open_ones = {d.name for d in declared() if d.is_left_open}
    kept = {name: value for name, value in options.items() if name not in open_ones}
    return kept | options_of({}, terms, None)


def fingerprint_marks(asked: Mapping[str, Value], options: Mapping[str, Value]) -> list[str]:
    """Options that a caller left open and that are not the model's own: bytes depend on them unsaid."""
    return [
        d.mark(options[d.name]) for d in declared() if d.mark is not None and d.name not in asked and d.name in options
    ]


def passes_of(options: Mapping[str, Value]) -> str:
    """What of the options decides how many passes a step takes, for the cost of it."""
    return "".join(d.passes(options[d.name]) for d in declared() if d.passes is not None and d.name in options)
