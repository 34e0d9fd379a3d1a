"""The sentence encoder in the package, and others, against sentence-transformers' own."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open

import safelight.postcard
from safelight.contract.errors import ModelLoadError
from safelight.contract.requests.sentences import BUNDLED_ENCODER
from safelight.engine.checkpoint.sentence_encoder import SentenceEncoder, read_encoder
from safelight.protocol.messages import EncoderSpec

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

WEIGHTS = Path(safelight.postcard.__file__).parent / "weights"
TEXTS = (
    "a boat",
    "A lighthouse on a cliff by the sea, at sunset: gulls, and a storm that comes nearer.",
    "Ein Leuchtturm über dem Meer — 灯台 🗼",
    "words and more words " * 300,
    "!",
)


def numbers(vector: bytes) -> NDArray[np.float32]:
    return np.frombuffer(vector, dtype="<f4")


@pytest.fixture(scope="module")
def bundled() -> SentenceEncoder:
    return SentenceEncoder(read_encoder(EncoderSpec(source=BUNDLED_ENCODER)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The encoder of the package as a folder that sentence-transformers can read."""
    made = tmp_path_factory.mktemp("minilm")
    for part in ("text_encoder", "tokenizer"):
        shutil.copytree(WEIGHTS / part, made, dirs_exist_ok=True)
    return made


def by_the_library(folder: Path, longest: int, mode: str = "mean") -> SentenceTransformer:
    """As sentence-transformers reads that folder. It is imported here: SciPy comes along, seconds of work.

    So does scikit-learn, which sets variables for the processes that are started from then on (KMP_INIT_AT_FORK): with
    them, none that a later test starts would be forked.
    """
    before = set(os.environ)
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    for name in set(os.environ) - before:
        del os.environ[name]
    transformer = Transformer(str(folder), max_seq_length=longest)
    model = SentenceTransformer(modules=[transformer, Pooling(384, mode), Normalize()], device="cpu")
    model.float().eval()
    return model


@pytest.fixture(scope="module")
def theirs(folder: Path) -> SentenceTransformer:
    return by_the_library(folder, 256)


def test_the_package_has_the_whole_encoder() -> None:
    with safe_open(WEIGHTS / "text_encoder" / "model.safetensors", framework="pt") as file:
        names = set(file.keys())
    layers = {name.split(".")[2] for name in names if name.startswith("encoder.layer.")}
    assert layers == {str(layer) for layer in range(6)}
    assert len(names) == 6 * 16 + 5 + 2  # of a layer 16 tensors, of the embeddings 5, of the pooler 2


def test_vectors_are_those_of_sentence_transformers(bundled: SentenceEncoder, theirs: SentenceTransformer) -> None:
    expected = theirs.encode(list(TEXTS), convert_to_numpy=True)
    for text, vector in zip(TEXTS, expected, strict=True):
        ours = numbers(bundled.encode(text).vector)
        assert ours.shape == (384,)
        assert np.linalg.norm(ours) == pytest.approx(1.0, abs=1e-5)
        assert 1.0 - float(ours @ vector) < 1e-6


def test_what_is_read_ends_at_256_tokens(bundled: SentenceEncoder) -> None:
    long = bundled.encode(TEXTS[3])
    assert (long.tokens, long.cut) == (256, True)
    assert (bundled.encode("a boat").tokens, bundled.encode("a boat").cut) == (4, False)
    assert bundled.encode(TEXTS[3] + " and what nobody reads").vector == long.vector
    fits = bundled.encode("sea " * 254)
    assert (fits.tokens, fits.cut) == (256, False)


def test_fewer_dimensions_are_the_first_ones_at_length_1(bundled: SentenceEncoder) -> None:
    whole, fewer = numbers(bundled.encode("a boat").vector), numbers(bundled.encode("a boat", 64).vector)
    assert np.allclose(fewer, whole[:64] / np.linalg.norm(whole[:64]), atol=1e-6)


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_has_the_same_bits_alone_and_after_others(bundled: SentenceEncoder, text: str) -> None:
    before = torch.get_num_threads()
    first = bundled.encode(text).vector
    for other in TEXTS:
        bundled.encode(other, 8)
    assert torch.get_num_threads() == before
    assert bundled.encode(text).vector == first


@pytest.mark.parametrize("mode", ["mean", "cls"])
def test_another_encoder_is_read_from_its_folder(folder: Path, tmp_path: Path, mode: str) -> None:
    theirs = by_the_library(folder, 32, mode)
    theirs.save_pretrained(str(tmp_path / "saved"))
    files = read_encoder(EncoderSpec(source=str(tmp_path / "saved")))
    assert (files.pooling, files.dimensions) == (mode, 384)
    ours = SentenceEncoder(files)
    assert ours.encode(TEXTS[3]).tokens == 32
    for text, vector in zip(TEXTS, theirs.encode(list(TEXTS)), strict=True):
        assert 1.0 - float(numbers(ours.encode(text).vector) @ vector) < 1e-6


@pytest.mark.parametrize(
    ("modules", "said"),
    [
        ([{"path": "2_Dense", "type": "sentence_transformers.models.Dense"}], "'Dense', which is not supported"),
        ([{"path": "../elsewhere", "type": "sentence_transformers.models.Transformer"}], "not supported"),
        ([], "safetensors"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, modules: object, said: str) -> None:
    (tmp_path / "modules.json").write_text(json.dumps(modules))
    (tmp_path / "pytorch_model.bin").write_bytes(b"a pickle")
    with pytest.raises(ModelLoadError, match=said) as caught:
        read_encoder(EncoderSpec(source=str(tmp_path)))
    assert str(tmp_path) not in str(caught.value)


def test_an_encoder_in_the_hubs_cache_is_found_by_its_name(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--somebody--minilm"
    shutil.copytree(folder, repository / "blobs")
    snapshot = repository / "snapshots" / ("a" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("a" * 40)
    for file in (repository / "blobs").iterdir():
        (snapshot / file.name).symlink_to(file)
    files = read_encoder(EncoderSpec(source="somebody/minilm"))
    assert files.transformer == snapshot
    assert SentenceEncoder(files).encode("a boat").tokens == 4
    with pytest.raises(ModelLoadError, match="safelight pull somebody/else"):
        read_encoder(EncoderSpec(source="somebody/else"))
