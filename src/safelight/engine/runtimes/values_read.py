"""Whether a computation looks at the numbers in its tensors: then one graph of it is not right for other numbers."""

# Tested in tests/engine/test_openvino.py.

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_READING = {
    getattr(torch.Tensor, name)
    for name in (
        "item",
        "tolist",
        "numpy",
        "nonzero",
        "__bool__",
        "__int__",
        "__float__",
        "__index__",
        "__array__",
        "__contains__",
    )
} | {torch.nonzero, torch.equal, torch.Tensor.equal, torch.unique, torch.masked_select}


class ValuesRead(TorchFunctionMode):
    """While entered, notes functions that turn tensors into plain numbers, or into a shape that numbers decide."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func in _READING:
            self.names.add(getattr(func, "__name__", str(func)))
        return func(*args, **(kwargs or {}))
