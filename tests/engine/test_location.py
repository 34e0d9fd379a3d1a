"""Where a model comes from: the hub's cache, a folder, a single file; and what is refused about its files."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from safelight.contract.checkpoints.hub import cache_folder, offline
from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions
from safelight.engine.checkpoint.loading import load
from safelight.engine.machine.weights import memory
from safelight.engine.pipeline.model import LoadedModel
from safelight.protocol.messages import ModelSpec
from tests.engine.drawing import alone, job

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def loaded(source: object, commit: str | None = None, **options: Any) -> LoadedModel:
    return load(ModelSpec(source=str(source), dtype="float32", commit=commit, options=ModelOptions(**options)), "cpu")


@pytest.fixture
def folder(checkpoints: dict[str, Path], tmp_path: Path) -> Path:
    """A checkpoint of its own, to be changed."""
    return shutil.copytree(checkpoints["flux"], tmp_path / "model")


@pytest.fixture
def cache(checkpoints: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache with one model, laid out as huggingface_hub does: snapshots of links to blobs."""
    repository = tmp_path / "hub" / "models--acme--tiny"
    for path in checkpoints["flux"].rglob("*"):
        if path.is_file():
            blob = repository / "blobs" / hashlib.sha256(path.read_bytes()).hexdigest()
            blob.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, blob)
            link = repository / "snapshots" / COMMIT / path.relative_to(checkpoints["flux"])
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(blob)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(COMMIT)
    monkeypatch.setenv("HF_HUB_CACHE", str(repository.parent))
    return repository


def test_a_pulled_model_is_loaded_by_its_name(cache: Path) -> None:
    model = loaded("acme/tiny")
    assert model.name == "acme/tiny"
    assert loaded(f"acme/tiny@{COMMIT}").fingerprint == model.fingerprint
    assert loaded(cache / "snapshots" / COMMIT).fingerprint == model.fingerprint


def test_the_pinned_commit_counts_whatever_its_branch_stands_for_by_now(cache: Path) -> None:
    (cache / "refs" / "main").write_text("f" * 40)
    assert loaded("acme/tiny", commit=COMMIT).name == "acme/tiny"
    with pytest.raises(ModelLoadError, match=r"acme/tiny is not on this machine\. `safelight pull"):
        loaded("acme/tiny")


@pytest.mark.parametrize(("source", "pull"), [("acme/other", "acme/other"), ("acme/tiny@v2", "acme/tiny@v2")])
def test_what_was_not_pulled_is_not_fetched_but_said(cache: Path, source: str, pull: str) -> None:
    with pytest.raises(ModelLoadError, match=f"is not on this machine. `safelight pull {pull}` fetches it"):
        loaded(source)


def test_the_cache_lies_where_the_hubs_own_variables_say() -> None:
    assert cache_folder({"HF_HUB_CACHE": "/a"}) == Path("/a")
    assert cache_folder({"HF_HOME": "/b"}) == Path("/b/hub")
    assert cache_folder({"XDG_CACHE_HOME": "/c"}) == Path("/c/huggingface/hub")
    assert cache_folder({}) == Path.home() / ".cache" / "huggingface" / "hub"
    assert offline({"HF_HUB_OFFLINE": "1"})
    assert not offline({})


def test_a_link_out_of_the_models_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret-place"
    secret.mkdir()
    (folder / "vae" / "config.json").rename(secret / "config.json")
    (folder / "vae" / "config.json").symlink_to(secret / "config.json")
    with pytest.raises(ModelLoadError, match=r"vae/config.json is a link that leads out of its folder") as refused:
        loaded(folder)
    assert "secret-place" not in str(refused.value)


def test_a_link_out_of_the_cached_repository_is_refused(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "passwd").write_text("{}")
    link = cache / "snapshots" / COMMIT / "vae" / "config.json"
    link.unlink()
    link.symlink_to(tmp_path / "passwd")
    with pytest.raises(ModelLoadError, match="leads out of its folder"):
        loaded("acme/tiny")


def test_weights_that_are_there_as_a_variant_alone_are_found(folder: Path) -> None:
    before = loaded(folder)
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".fp16.safetensors"))
    after = loaded(folder)
    assert np.array_equal(alone(after, job(after)), alone(before, job(before)))


def test_of_two_variants_the_one_asked_for_is_loaded(folder: Path) -> None:
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    halved = {name: tensor * 0.5 for name, tensor in load_file(weights).items()}
    save_file(halved, weights.with_suffix(".half.safetensors"), metadata={"format": "pt"})
    plain, half = loaded(folder), loaded(folder, variant="half")
    name = next(iter(halved))
    assert (half.pipeline.transformer.state_dict()[name] == halved[name]).all()
    assert plain.fingerprint != half.fingerprint


def test_a_single_file_is_loaded_with_the_folder_that_describes_it(folder: Path, tmp_path: Path) -> None:
    before = loaded(folder)
    file = tmp_path / "fine-tuned.safetensors"
    (folder / "transformer" / "diffusion_pytorch_model.safetensors").rename(file)
    model = loaded(file, config=str(folder))
    assert model.name == "fine-tuned"
    assert np.array_equal(alone(model, job(model)), alone(before, job(before)))


def test_a_single_file_alone_does_not_say_what_it_is(folder: Path) -> None:
    with pytest.raises(ModelLoadError, match="Name as `config` a folder in diffusers' layout"):
        loaded(folder / "transformer" / "diffusion_pytorch_model.safetensors")


@pytest.mark.parametrize(("name", "message"), [("model.ckpt", "is a pickle"), ("model.gguf", "the denoiser alone")])
def test_a_file_of_another_kind_is_refused_with_what_to_do(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / name).write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(ModelLoadError, match=message):
        loaded(tmp_path / name)


def test_a_single_file_that_is_cut_short_is_damaged(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "cut.safetensors"
    file.write_bytes((folder / "transformer" / "diffusion_pytorch_model.safetensors").read_bytes()[:-10])
    with pytest.raises(ModelLoadError, match=r"cut\.safetensors is cut short"):
        loaded(file, config=str(folder))


def test_too_large_a_model_is_refused_before_loading_with_the_numbers(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "usable_memory", lambda: 100_000)
    weights = folder / "transformer" / "diffusion_pytorch_model.safetensors"
    shutil.copyfile(weights, folder / "transformer" / "unused.fp16.safetensors")  # does not count: it is not loaded
    with pytest.raises(ModelLoadError, match=r"take \d\.\d MB as float32 \(transformer .*and cpu has 0\.1 MB") as said:
        loaded(folder)
    files = [f for f in folder.rglob("*.safetensors") if "fp16" not in f.name]
    tensors = sum(t.numel() * 4 if t.is_floating_point() else t.nbytes for f in files for t in load_file(f).values())
    assert f"{tensors / 1e6:.1f} MB" in str(said.value)


def test_a_processor_whose_library_for_pictures_is_missing_reads_text_all_the_same(folder: Path) -> None:
    """FLUX.2 names a processor for text and pictures as tokenizer; a half of it needs torchvision. One that lacks its
    part for videos alone is loaded as it is: tests/engine/test_processors.py."""
    before = loaded(folder)
    index = json.loads((folder / "model_index.json").read_text())
    index["tokenizer"] = ["transformers", "PixtralProcessor"]
    (folder / "model_index.json").write_text(json.dumps(index))
    (folder / "tokenizer" / "preprocessor_config.json").write_text('{"image_processor_type": "Qwen2VLImageProcessor"}')
    model = loaded(folder)
    assert np.array_equal(alone(model, job(model)), alone(before, job(before)))
