"""Sentence encoders: a transformer, pooling, length 1; from the package, or a folder in sentence-transformers' layout.

A text is computed by itself, at its own length and with a number of threads that only that decides. So its vector is
the same to the bit alone and in company, and no padding is computed.
"""

# Tested in tests/engine/test_sentence_encoder.py.

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from safelight.contract.checkpoints.checkpoint_files import read_json
from safelight.contract.checkpoints.split_weights import whole_folder
from safelight.contract.errors import ModelLoadError
from safelight.contract.requests.sentences import BUNDLED_ENCODER
from safelight.engine.checkpoint.files.location import BUNDLED, location_of
from safelight.engine.checkpoint.files.untrusted import check_folder, nothing_unpickled
from safelight.protocol.messages import EncoderSpec

# As sentence-transformers has it for this encoder: it was trained on shorter texts than its 512 positions.
_BUNDLED_TOKENS = 256
_POOLINGS = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls", "pooling_mode_lasttoken": "lasttoken"}
# A second thread costs short texts more than it brings.
_TOKENS_FOR_ALL_THREADS = 64


@dataclass(frozen=True)
class EncoderFiles:
    """Where a sentence encoder's parts are, and how it is used. `most_tokens` None: what its tokenizer says."""

    transformer: Path
    tokenizer: Path
    pooling: str
    dimensions: int
    most_tokens: int | None


def read_encoder(spec: EncoderSpec) -> EncoderFiles:
    """What a sentence encoder consists of; no weights are read.

    Raises:
        ModelLoadError: it is not here, or is none that can be used.
    """
    if spec.source == BUNDLED_ENCODER:
        folder = location_of(BUNDLED).path
        part = folder / "text_encoder"
        return EncoderFiles(part, folder / "tokenizer", "mean", _width(part), _BUNDLED_TOKENS)
    place = location_of(spec.source, spec.commit)
    if not place.path.is_dir():
        raise ModelLoadError("There is no folder of a sentence encoder in that place. Name one with `modules.json`.")
    check_folder(place.path, place.within)
    modules = _modules(place.path)
    transformer = place.path / modules.get("Transformer", "")
    if not any(transformer.glob("*.safetensors")):
        raise ModelLoadError("The sentence encoder has no weights in safetensors, the one format that is read.")
    pooling = _pooling(place.path / modules["Pooling"]) if "Pooling" in modules else "mean"
    most = _json(transformer / "sentence_bert_config.json").get("max_seq_length")
    return EncoderFiles(transformer, transformer, pooling, _width(transformer), most if isinstance(most, int) else None)


def _modules(folder: Path) -> dict[str, str]:
    """The folder of each module by its class, in the order of use; a bare transformer has none."""
    found: dict[str, str] = {}
    listed: Any = read_json(folder / "modules.json") if (folder / "modules.json").is_file() else []
    for module in listed:
        kind, path = str(module.get("type", "")).rpartition(".")[2], str(module.get("path", ""))
        if kind not in ("Transformer", "Pooling", "Normalize") or ".." in path or Path(path).is_absolute():
            raise ModelLoadError(
                f"The sentence encoder has a module {kind[:60]!r}, which is not supported. Supported: Transformer, "
                "Pooling, Normalize."
            )
        found[kind] = path
    return found


def _pooling(folder: Path) -> str:
    config = _json(folder / "config.json")
    named = config.get("pooling_mode")
    modes = [named] if isinstance(named, str) else [mode for name, mode in _POOLINGS.items() if config.get(name)]
    others = [name for name, on in config.items() if name.startswith("pooling_mode_") and on and name not in _POOLINGS]
    if len(modes) != 1 or others or modes[0] not in _POOLINGS.values():
        raise ModelLoadError("The sentence encoder's pooling is not supported. Supported: mean, cls, lasttoken.")
    return modes[0]


def _json(path: Path) -> Mapping[str, Any]:
    found = read_json(path) if path.is_file() else {}
    return found if isinstance(found, Mapping) else {}


def _width(transformer: Path) -> int:
    width = _json(transformer / "config.json").get("hidden_size")
    if not isinstance(width, int):
        raise ModelLoadError("The sentence encoder's `config.json` does not say its `hidden_size`.")
    return width


@dataclass(frozen=True)
class Sentence:
    """A text's vector, how many tokens were read, and whether there were more."""

    vector: bytes
    tokens: int
    cut: bool


class SentenceEncoder:
    """A loaded one, in float32 on the processor: it takes no room from the models that draw."""

    def __init__(self, files: EncoderFiles) -> None:
        """Raises:
        ModelLoadError: its files cannot be read.
        """
        from transformers import AutoModel, AutoTokenizer

        kept: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            with nothing_unpickled(), whole_folder(files.transformer) as folder:
                self._tokenizer = AutoTokenizer.from_pretrained(files.tokenizer, use_fast=True, **kept)
                model = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32, **kept)
        except ModelLoadError:
            raise
        except Exception as error:
            raise ModelLoadError(f"The sentence encoder cannot be loaded ({type(error).__name__}).") from error
        self._model = model.eval()
        self._pooling = files.pooling
        positions = getattr(model.config, "max_position_embeddings", None) or 512
        self._most_tokens = files.most_tokens or min(self._tokenizer.model_max_length, positions)

    @property
    def bytes(self) -> int:
        """What its weights take."""
        return sum(each.numel() * each.element_size() for each in self._model.parameters())

    def encode(self, text: str, dimensions: int | None = None) -> Sentence:
        """One text; with `dimensions` the first so many numbers, at length 1 again."""
        whole = self._tokenizer(text, verbose=False)["input_ids"]
        cut = len(whole) > self._most_tokens
        bound: dict[str, Any] = {"truncation": True, "max_length": self._most_tokens} if cut else {}
        read = self._tokenizer(text, return_tensors="pt", **bound)
        tokens = int(read["input_ids"].shape[1])
        threads = torch.get_num_threads()
        torch.set_num_threads(threads if tokens > _TOKENS_FOR_ALL_THREADS else 1)
        try:
            with torch.inference_mode():
                states = self._model(**read).last_hidden_state[0]
                vector = torch.nn.functional.normalize(self._pooled(states)[:dimensions], dim=0)
        finally:
            torch.set_num_threads(threads)
        return Sentence(vector.numpy().astype(np.dtype("<f4")).tobytes(), tokens, cut)

    def _pooled(self, states: torch.Tensor) -> torch.Tensor:
        """States (tokens, width) become one: there is no padding, so every token counts."""
        match self._pooling:
            case "cls":
                return states[0]
            case "lasttoken":
                return states[-1]
        return states.mean(0)
