"""What one declaration of a parameter says: everything that anybody needs to know of it."""

# Tested in tests/contract/test_declared.py.

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from safelight.contract.models.capabilities import Parameter
from safelight.contract.models.terms import OperatorTerms
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.calls import ALL, Call
from safelight.contract.values.kinds import Value
from safelight.contract.values.rules import Rule

Part = Literal["request", "recipe", "file"]
"""What it decides: how the request is read and answered, the picture's pixels, or the file around them."""

Offered = Callable[[Parameter, OperatorTerms, "Traits | None"], "Parameter | None"]
"""The parameter as a model offers it under these terms, None where it does not; traits are None until it is known."""

Options = Callable[["Declaration", Value, OperatorTerms, "Traits | None"], "dict[str, Value]"]


def always(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    """Every model offers it."""
    return parameter


def in_open_contract(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    """Every model under its own id offers it."""
    return parameter if terms.contract == "open" else None


def where_taken(parameter: Parameter, terms: OperatorTerms, traits: Traits | None) -> Parameter | None:
    """Models under their own ids whose pipeline has an argument of that name offer it."""
    taken = traits is not None and parameter.name in traits.takes
    return parameter if taken and terms.contract == "open" else None


def as_said(declaration: Declaration, value: Value, terms: OperatorTerms, traits: Traits | None) -> dict[str, Value]:
    """The option of the parameter's own name. 3 and 3.0 are one number, and draw one picture."""
    if declaration.parameter.kind.typed is float and isinstance(value, int | float):
        return {declaration.name: float(value)}
    return {declaration.name: value}


def left_to_model(terms: OperatorTerms) -> Value | None:
    """The operator has no say in it."""
    return None


@dataclass(frozen=True, kw_only=True, eq=False)
class Declaration:
    """A parameter of the images endpoint, said once.

    `parameter` is how most models offer it, and `offered` how a given one does. `part` is what it decides.
    `rules` tie it to others. `calls` are the ways of asking that have it, and `edited` is how it is offered to those
    that bring a picture along, None where it is not. `help` is for the command line, where it is an option if that
    is said. With `is_left_open` what is not asked for stays open, and the model decides; else its default is taken.

    The others are for what decides the picture. `options` are what a value becomes in the recipe, by default the
    option of its own name, which the engine hands to a pipeline that has an argument of that name.
    `operator` gives what is taken if nobody asks; `mark` says that in the fingerprint. `passes` says by which
    of its values a step takes more or fewer passes, and so another time. `by_traits`: it is offered in the
    strict contract too, where the model has a use for it.
    """

    parameter: Parameter
    part: Part = "recipe"
    offered: Offered = where_taken
    rules: tuple[Rule, ...] = ()
    calls: tuple[Call, ...] = ALL
    edited: Callable[[Parameter, Call], Parameter | None] | None = None
    help: str | None = None
    is_left_open: bool = False
    options: Options = as_said
    operator: Callable[[OperatorTerms], Value | None] = left_to_model
    mark: Callable[[Any], str] | None = None
    passes: Callable[[Any], str] | None = None
    by_traits: bool = False

    def offer(self, terms: OperatorTerms, traits: Traits | None, call: Call) -> Parameter | None:
        """The parameter as a model offers it to that call; None where it does not."""
        parameter = self.offered(self.parameter, terms, traits) if call in self.calls else None
        if parameter is None or self.edited is None or call == "generate":
            return parameter
        return self.edited(parameter, call)

    @property
    def name(self) -> str:
        return self.parameter.name
