"""Libraries that diffusers and transformers import whether or not a model needs them, spared where none does.

Of 3.4 s that a worker spends on imports on two cores of an EPYC, peft takes 0.6, torchao 0.2, PyTorch's compiler 0.8,
and its distributed tensors 0.3 (`python -X importtime`), and SciPy, where it is installed, 0.4. A server of one process
draws on one machine, so nothing is ever distributed; the others are asked for by options of a model, which are known
before anything is imported.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace
from typing import Any

from safelight.contract.checkpoints.checkpoint_files import read_json
from safelight.contract.errors import ModelLoadError
from safelight.engine.checkpoint.files.location import BUNDLED, location_of
from safelight.protocol.messages import ModelSpec

COMPILER, _BEHIND = "torch._dynamo", "torch._inductor"
_QUANTIZES = frozenset({"torchao", "bitsandbytes", "optimum"})
_SCHEDULES = frozenset({"scipy"})
OPTIONAL = frozenset({"peft"}) | _QUANTIZES | _SCHEDULES
"""What is imported whenever it is installed, and serves options alone; or schedules that Postcard does not have."""
_left_out: set[str] = set()


def needed(models: Iterable[ModelSpec]) -> frozenset[str]:
    """Which of `OPTIONAL` and the compiler those models ask for."""
    found = set[str]()
    for spec in models:
        if spec.source != BUNDLED:
            found |= _SCHEDULES
        if spec.options.loras or spec.loras:
            found.add("peft")
        if spec.options.compile:
            found |= {COMPILER, *OPTIONAL}  # a compiler is careful with types of other libraries that are there
        if spec.options.quantization or (spec.source != BUNDLED and _comes_quantized(spec)):
            found |= _QUANTIZES
    return frozenset(found)


def _comes_quantized(spec: ModelSpec) -> bool:
    """Whether a component's configuration says so. Of a single file the folder that describes it is asked."""
    try:
        folder = location_of(spec.options.config or spec.source, spec.commit).path
    except ModelLoadError:  # it is not here, so that nothing can be loaded
        return False
    try:
        said = (read_json(file) for file in folder.glob("*/config.json"))
        return any(isinstance(each, dict) and "quantization_config" in each for each in said)
    except (OSError, ValueError):  # loading says what is wrong
        return True


def check_not_spared(spec: ModelSpec) -> None:
    """Refuse a model that came after the imports and needs what they left out.

    Raises:
        ModelLoadError: so it is.
    """
    if lacking := sorted(needed([spec]) & _left_out):
        raise ModelLoadError(
            f"The model came to this machine after the server had started, and needs {', '.join(lacking)}, which was "
            "left out then. Start the server again."
        )


@contextmanager
def spared(needs: frozenset[str]) -> Iterator[None]:
    """While the block imports diffusers and transformers, what is not among `needs` looks as if it were not installed.

    What they found then holds for good. PyTorch must be imported before; its compiler comes when it is first asked.
    """
    import torch

    torch.distributed.is_available = lambda: False  # as in a PyTorch that was built without
    hidden = [name for name in OPTIONAL - needs if name not in sys.modules]
    _left_out.update(name for name in hidden if find_spec(name) is not None)
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # which `import` and `find_spec` take for: not installed
    if COMPILER not in needs and COMPILER not in sys.modules:
        _put_off_compiler()
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]
        if isinstance(sys.modules.get(COMPILER), _PutOff):
            sys.meta_path.insert(0, _Asked())


def _put_off_compiler() -> None:
    import torch

    spec = find_spec(COMPILER)
    if spec is not None:
        torch._dynamo = sys.modules[COMPILER] = _PutOff(spec)


class _PutOff(ModuleType):
    """In place of PyTorch's compiler until something is asked of it that only the compiler can answer.

    What libraries ask while they are imported is how functions shall be compiled, and of each module whether it has
    been: where nothing is compiled, that changes no function, and no module has.
    """

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(spec.name)
        self.__spec__, self.__path__ = spec, list(spec.submodule_search_locations or ())
        self.allow_in_graph = self.assume_constant_result = _as_it_is
        self.disable = _disable
        self.eval_frame = SimpleNamespace(OptimizedModule=_Compiled)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(_bring_compiler(), name)


def _bring_compiler() -> ModuleType:
    sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, _Asked)]
    if isinstance(sys.modules.get(COMPILER), _PutOff):
        del sys.modules[COMPILER]
    return importlib.import_module(COMPILER)


class _Asked(MetaPathFinder, Loader):
    """Sees that a part of the compiler is imported, which is when somebody compiles: then the whole comes first."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if not name.startswith((f"{COMPILER}.", _BEHIND)):
            return None
        _bring_compiler()
        return ModuleSpec(name, self) if name in sys.modules else None  # the whole may have brought that part

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return sys.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """It has run."""


class _Compiled:
    """A kind that no module is of."""


def _as_it_is(function: Any) -> Any:
    return function


def _disable(function: Any = None, recursive: bool = True, **options: Any) -> Any:
    return function if function is not None else _decorator


_decorator: Callable[[Any], Any] = _as_it_is
