"""Prompt embeddings kept by what went into the text encoder, so that a prompt asked for twice is encoded once."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch

from safelight.engine.pipeline.stand_ins.calls import Call

_PLAIN = (bool, int, float, str, bytes, type(None), torch.dtype, torch.device)


class EmbeddingCache:
    """Results of text encoders, least recently used dropped first, at most `capacity` bytes of tensors.

    Every caller gets a copy of its own, so that writing to a result cannot reach anybody else. What the cache cannot
    copy exactly (an object that it does not know, a tensor with gaps) it does not keep. Only the engine's thread calls.
    """

    def __init__(self, capacity: int = 256 * 1024 * 1024) -> None:
        self.capacity = capacity
        self.size = 0
        self.hits = 0
        self._kept: OrderedDict[bytes, tuple[Any, int]] = OrderedDict()

    def key(self, source: str, call: Call) -> bytes | None:
        """What the result depends on; None for a call whose result must not be kept."""
        if not call.name.split("_encoder")[0].endswith("text") or call.method != "__call__" or call.component.training:
            return None
        digest = hashlib.blake2b(digest_size=32)
        try:
            _feed(digest, (source, call.name, call.within_keys, call.args, call.kwargs))
        except TypeError:
            return None
        return digest.digest()

    def get(self, key: bytes) -> Any:
        """A copy of what is kept under `key`, or None."""
        if key not in self._kept:
            return None
        self.hits += 1
        self._kept.move_to_end(key)
        return _copy(self._kept[key][0])

    def put(self, key: bytes, result: Any) -> None:
        """Keep a copy of a call's result, if it can be kept."""
        try:
            size = _bytes(result)
        except TypeError:
            return
        if size > self.capacity or key in self._kept:
            return
        self._kept[key] = (_copy(result), size)
        self.size += size
        while self.size > self.capacity:
            self.size -= self._kept.popitem(last=False)[1][1]

    def __len__(self) -> int:
        return len(self._kept)


def _feed(digest: Any, value: Any) -> None:
    """Feed a value with its type and extent, so that no two different ones look alike. TypeError: it cannot be."""
    if isinstance(value, torch.Tensor):
        plain = value.detach().cpu().contiguous()
        digest.update(f"T{plain.dtype}{tuple(plain.shape)}{value.device}".encode())
        digest.update(
            plain.view(torch.uint8).numpy() if plain.dim() else bytes(plain.view(1).view(torch.uint8).tolist())
        )
    elif isinstance(value, Mapping):
        digest.update(f"M{len(value)}".encode())
        for name in sorted(value):
            _feed(digest, (name, value[name]))
    elif isinstance(value, list | tuple):
        digest.update(f"{type(value).__name__}{len(value)}".encode())
        for item in value:
            _feed(digest, item)
    elif isinstance(value, _PLAIN):
        text = repr(value).encode()
        digest.update(f"{type(value).__name__}{len(text)}:".encode() + text)
    else:
        raise TypeError(type(value).__name__)


def _bytes(value: Any) -> int:
    """Bytes of a result's tensors. TypeError: there is something in it that `_copy` cannot copy."""
    if isinstance(value, torch.Tensor):
        if not value.is_contiguous():
            raise TypeError("a tensor with gaps")
        return value.nbytes
    if isinstance(value, Mapping):
        return sum(_bytes(item) for item in value.values())
    if type(value) in (list, tuple):
        return sum(_bytes(item) for item in value)
    if isinstance(value, _PLAIN):
        return 0
    raise TypeError(type(value).__name__)


def _copy(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.clone()
    if isinstance(value, Mapping):  # a plain dict, or a model output of transformers, which takes its fields by name
        return type(value)(**{name: _copy(item) for name, item in value.items()})
    if isinstance(value, list | tuple):
        return type(value)(_copy(item) for item in value)
    return value
