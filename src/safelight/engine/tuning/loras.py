"""LoRAs of a model: files read into adapters beside its weights, which stay as they are."""

# Tested in tests/engine/test_loras.py.

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import Lora
from safelight.engine.machine.library_errors import explained
from safelight.engine.machine.weights.weight_files import check_file

# Other ways to change few weights, by what their tensors are called (https://github.com/KohakuBlueleaf/LyCORIS).
_OTHER_ADAPTERS = {
    ".hada_": "LoHa",
    ".lokr_": "LoKr",
    ".oft_": "OFT",
    ".boft_": "BOFT",
    ".on_input": "IA3",
    ".w_norm": "norm of LyCORIS",
}

_LAYERS = "_safelight_lora_layers"

Note = Callable[[str], object]


@dataclass(frozen=True)
class Named:
    """A LoRA that requests may choose by its name."""

    name: str
    file: Path


@dataclass(frozen=True)
class Adapters:
    """What a model holds beside its weights: adapters that `always` count, with their weights, and by name those that
    are chosen for each picture. `parts` are the components, by `id`, that have any of the latter."""

    always: tuple[tuple[str, float], ...] = ()
    named: Mapping[str, str] = field(default_factory=dict)
    parts: frozenset[int] = frozenset()

    def chosen(self, asked: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
        """The adapters that count, in the operator's order, whatever order they were asked for in."""
        return (
            *self.always,
            *((adapter, float(asked[name])) for name, adapter in self.named.items() if asked.get(name)),
        )


NO_ADAPTERS = Adapters()


def add_loras(pipeline: Any, always: Iterable[Lora], named: Iterable[Named], note: Note) -> Adapters:
    """Read them all. One to choose that does not fit is left out, and `note` told why in a sentence.

    Raises:
        ModelLoadError: one that always counts does not fit.
    """
    counted = []
    for number, lora in enumerate(always):
        _add(pipeline, Path(lora.file).expanduser(), f"lora_{number}", note)
        counted.append((f"lora_{number}", lora.weight))
    if counted:
        pipeline.set_adapters([name for name, _ in counted], adapter_weights=[weight for _, weight in counted])
    found: dict[str, str] = {}
    for number, each in enumerate(named):
        adapter = f"named_{number}"
        try:
            _add(pipeline, each.file, adapter, note)
        except ModelLoadError as error:
            note(f"It is served without the LoRA `{each.name}`. {error}")
            with suppress(Exception):  # what of it was added before it failed never counts, but takes memory
                pipeline.delete_adapters([adapter])
            continue
        found[each.name] = adapter
    parts = list(_parts_with(pipeline, set(found.values())))
    for part in parts:
        choose(part, tuple(counted))
    return Adapters(tuple(counted), found, frozenset(map(id, parts)))


def choose(component: torch.nn.Module, wanted: tuple[tuple[str, float], ...]) -> None:
    """Have these adapters count in a component, with these weights, and no others.

    FLUX.1 has 267 layers with a LoRA among 4,746 modules. peft's `set_adapter` also says which tensors learn, and takes
    9 ms with the search for them; this takes 0.4 ms, at a step of 30 ms and more.
    """
    names = [name for name, _ in wanted]
    layers = component.__dict__.get(_LAYERS)
    if layers is None:  # a list, so that they are no modules of the component's a second time
        layers = component.__dict__[_LAYERS] = list(_layers(component))
    for layer in layers:
        for name, weight in wanted:
            if name in layer.scaling:
                layer.set_scale(name, weight)
        layer._active_adapter = names


def _layers(component: torch.nn.Module) -> Iterator[Any]:
    from peft.tuners.tuners_utils import BaseTunerLayer  # not imported where no model has a LoRA

    return (module for module in component.modules() if isinstance(module, BaseTunerLayer))


def _parts_with(pipeline: Any, wanted: set[str]) -> Iterator[torch.nn.Module]:
    for part in pipeline.components.values():
        if isinstance(part, torch.nn.Module) and any(wanted & _adapters_of(layer) for layer in part.modules()):
            yield part


def _adapters_of(layer: torch.nn.Module) -> set[str]:
    """Those that a layer holds weights of."""
    return set(getattr(layer, "lora_A", {})) | set(getattr(layer, "lora_embedding_A", {}))


def _add(pipeline: Any, path: Path, name: str, note: Note) -> None:
    """Whatever goes wrong here is the LoRA's fault, not the checkpoint's.

    Raises:
        ModelLoadError: naming the file.
    """
    check_file("LoRA", path)
    keys = _keys_of(path)
    for mark, kind in _OTHER_ADAPTERS.items():
        if any(mark in key for key in keys):
            raise ModelLoadError(
                f"{path.name} is a {kind}, which diffusers does not load: Safelight takes LoRAs alone."
            )
    load = getattr(pipeline, "load_lora_weights", None)
    if not callable(load):
        raise ModelLoadError(f"This pipeline takes no LoRA, and {path.name} is one.")
    what = f"The LoRA {path.name} does not fit this model"
    with explained(what, (Exception,)), _shapes_said(), _called_safetensors(path) as file:
        load(file.parent, weight_name=file.name, adapter_name=name, local_files_only=True, use_safetensors=True)
        adapters = {adapter for found in pipeline.get_list_adapters().values() for adapter in found}
    if name not in adapters:
        raise ModelLoadError(f"The LoRA {path.name} fits no part of this model: it was made for another.")
    pairs, placed = sum(map(_is_down, keys)), _placed_pairs(pipeline, name)
    if placed < pairs:
        note(f"Of the LoRA {path.name}, {pairs - placed} of {pairs} layers have no place in this model and do nothing.")


@contextmanager
def _shapes_said() -> Iterator[None]:
    """PyTorch says in its first line which module could not be loaded, and the shapes in those below. diffusers may
    stumble over its own tidying up, for an adapter that was never added: then what came before counts."""
    try:
        yield
    except Exception as error:
        cause = error.__context__ if isinstance(error, KeyError) and error.__context__ is not None else error
        lines = [line.strip() for line in str(cause).splitlines() if "size mismatch" in line]
        if not lines:
            raise cause from None
        raise RuntimeError(f"{len(lines)} of its tensors have other shapes, first {lines[0]}") from error


def _keys_of(path: Path) -> list[str]:
    try:
        with safe_open(path, framework="pt") as file:
            return list(file.keys())
    except (SafetensorError, OSError):
        raise ModelLoadError(f"The LoRA {path.name} is cut short or no safetensors file. Get it again.") from None


def _is_down(key: str) -> bool:
    """Whether a tensor is the first of a LoRA's two for one layer, in any of the spellings that diffusers reads."""
    return key.endswith((".lora_A.weight", ".lora_down.weight", ".lora.down.weight", ".lora_A.default.weight"))


def _placed_pairs(pipeline: Any, name: str) -> int:
    parts = (part for part in pipeline.components.values() if isinstance(part, torch.nn.Module))
    return sum(name in getattr(module, "lora_A", {}) for part in parts for module in part.modules())


@contextmanager
def _called_safetensors(path: Path) -> Iterator[Path]:
    """The file under a name by which diffusers knows its format."""
    if path.suffix == ".safetensors":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / f"{path.stem}.safetensors"
        link.symlink_to(path.resolve())
        yield link
