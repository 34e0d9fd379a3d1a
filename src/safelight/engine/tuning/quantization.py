"""Weights in fewer bits: an operator's table as diffusers' or transformers' own configuration of a component.

TOML holds no objects, and some configurations want them: names stand for classes of torchao (`Int8WeightOnlyConfig`)
and for number formats of PyTorch (`torch.float8_e4m3fn`).
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import diffusers
import torch
import transformers
from diffusers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING as OF_DIFFUSERS

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import DENOISERS, Quantization
from safelight.engine.machine.library_errors import explained

_LIBRARIES = {  # what diffusers imports for a quantization, by the backend's name
    "bitsandbytes_4bit": "bitsandbytes",
    "bitsandbytes_8bit": "bitsandbytes",
    "quanto": "optimum.quanto",
    "auto-round": "auto_round",
    "nunchaku_lite": "kernels",
    "bfl": "accelerate",
}
_IMPLIED = {"bitsandbytes_4bit": {"load_in_4bit": True}, "bitsandbytes_8bit": {"load_in_8bit": True}}


def is_known(backend: str) -> bool:
    """Whether diffusers has it."""
    return backend in OF_DIFFUSERS


def library_of(backend: str) -> str:
    """The library that a backend needs, as it is imported.

    Raises:
        ModelLoadError: diffusers has no such backend.
    """
    if not is_known(backend):
        raise ModelLoadError(f"diffusers has no quantization {backend!r}. It has: {', '.join(sorted(OF_DIFFUSERS))}.")
    return _LIBRARIES.get(backend, backend)


def library_versions(backends: Iterable[str]) -> dict[str, str]:
    """Of the libraries that these backends need, as far as they say; pictures depend on them."""
    libraries = {library_of(backend) for backend in backends if is_known(backend)}
    return {name: str(getattr(importlib.import_module(name), "__version__", "")) for name in sorted(libraries)}


def backend_of(configuration: Any) -> str | None:
    """How a component is quantized already, by the `quantization_config` in its configuration; None: not at all."""
    if not isinstance(configuration, Mapping):
        return None
    for backend, implied in _IMPLIED.items():
        if all(configuration.get(name) is value for name, value in implied.items()):
            return backend
    method = configuration.get("quant_method")
    return method if isinstance(method, str) else None


def table_for(tables: Iterable[Quantization], name: str) -> Quantization | None:
    """Which table speaks of a component, if any."""
    return next((table for table in tables if name in (table.components or DENOISERS)), None)


def refusal(table: Quantization, name: str) -> str:
    """The start of a sentence that says why not."""
    return f"`{name}` cannot be quantized by {table.backend}"


def check_components(tables: Iterable[Quantization], names: Collection[str]) -> None:
    """Refuse what names a part that the checkpoint has no weights for.

    Raises:
        ModelLoadError: with the parts that there are.
    """
    for table in tables:
        for name in table.components:
            if name not in names:
                known = ", ".join(names)
                raise ModelLoadError(f"`quantization` names {name!r}. The checkpoint has weights for: {known}.")


def configuration(table: Quantization, name: str, component: type, dtype: torch.dtype) -> Any:
    """What a component's `from_pretrained` takes as `quantization_config`.

    Raises:
        ModelLoadError: the backend does not take such options.
    """
    kind, backend = _class(table.backend, component), table.backend
    takes = inspect.signature(kind).parameters
    options = {**_IMPLIED.get(backend, {}), **table.options}
    for option in options:  # by itself it would take any, and do nothing with it
        if option not in takes:
            known = ", ".join(known for known in takes if known != "kwargs")
            raise ModelLoadError(f"Quantization by {backend} takes no `{option}` for `{name}`. It takes: {known}.")
    if "bnb_4bit_compute_dtype" in takes:  # else it computes in float32, several times slower
        options.setdefault("bnb_4bit_compute_dtype", dtype)
    with explained(refusal(table, name)):
        return kind(**{option: _value(backend, value) for option, value in options.items()})


def _class(backend: str, component: type) -> Any:
    if issubclass(component, diffusers.ModelMixin):
        return OF_DIFFUSERS[backend]
    from transformers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING as of_transformers

    if not issubclass(component, transformers.PreTrainedModel) or backend not in of_transformers:
        raise ModelLoadError(f"Quantization by {backend} is not for {component.__name__}.")
    return of_transformers[backend]


def _value(backend: str, value: Any) -> Any:
    """An option's value, names in it replaced by what they stand for."""
    if isinstance(value, str) and isinstance(found := getattr(torch, value.removeprefix("torch."), None), torch.dtype):
        return found if value.startswith("torch.") else value
    if backend == "torchao" and isinstance(value, str) and value.endswith("Config"):
        return _of_torchao(value, {})
    if backend == "torchao" and isinstance(value, Mapping) and "kind" in value:
        return _of_torchao(value["kind"], {name: _value(backend, value[name]) for name in value if name != "kind"})
    return value


def _of_torchao(name: str, options: dict[str, Any]) -> Any:
    from torchao import quantization
    from torchao.core.config import AOBaseConfig
    from torchao.quantization.granularity import Granularity

    kinds = {
        known: value
        for known, value in vars(quantization).items()
        if isinstance(value, type) and issubclass(value, AOBaseConfig | Granularity)
    }
    if name not in kinds:
        raise ValueError(f"torchao has no {name}; it has {', '.join(sorted(kinds))}")
    return kinds[name](**options)
