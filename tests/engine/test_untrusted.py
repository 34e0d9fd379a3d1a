"""What a checkpoint from elsewhere may try: to be unpickled, to reach other files, to run its code, to have no end."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import torch

from safelight.adapters.processes.children import child_environment
from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import Lora, ModelOptions
from safelight.engine.checkpoint import loading
from safelight.engine.checkpoint.files import untrusted
from safelight.engine.checkpoint.files.untrusted import nothing_unpickled
from safelight.engine.checkpoint.loading import describe, load
from safelight.protocol.messages import ModelSpec
from tests.engine.test_loading import change_index


class Evil:
    """Unpickling it ends the process."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os._exit, (9,)


PICKLE = pickle.dumps(Evil())


@pytest.fixture
def folder(checkpoints: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(checkpoints["stable-diffusion"], tmp_path / "model")


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was given to `torch.load` or to pickle while a model was loaded."""
    seen: list[str] = []

    def spying(name: str) -> Callable[..., Any]:
        def spy(*arguments: Any, **options: Any) -> Any:
            seen.append(name)
            raise AssertionError(f"{name} was reached")

        return spy

    @contextmanager
    def spied() -> Iterator[None]:
        with monkeypatch.context() as patch:
            for module, name in ((torch, "load"), (pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")):
                patch.setattr(module, name, spying(f"{module.__name__}.{name}"))
            yield

    monkeypatch.setattr(loading, "nothing_unpickled", spied)
    return seen


def pickle_weights(folder: Path, part: str) -> None:
    for weights in (folder / part).glob("*.safetensors"):
        weights.unlink()
    for name in ("pytorch_model.bin", "diffusion_pytorch_model.bin"):
        (folder / part / name).write_bytes(PICKLE)


def a_pickled_part(folder: Path) -> None:
    pickle_weights(folder, "unet")


def a_pipeline_as_a_part(folder: Path) -> None:
    inner = shutil.copytree(folder, folder / "prior")
    pickle_weights(inner, "unet")
    change_index(folder, prior=["diffusers", "StableDiffusionPipeline"])


def a_part_that_chooses_its_class(folder: Path) -> None:
    pickle_weights(folder, "text_encoder")
    change_index(folder, text_encoder=["transformers", "AutoModel"])


def a_part_that_chooses_diffusers_class(folder: Path) -> None:
    pickle_weights(folder, "unet")
    change_index(folder, unet=["diffusers", "AutoModel"])


def a_class_that_is_no_part(folder: Path) -> None:
    change_index(folder, text_encoder=["transformers", "RagRetriever"])


def a_pickle_called_safetensors(folder: Path) -> None:
    (folder / "unet" / "diffusion_pytorch_model.safetensors").write_bytes(PICKLE)


def shards_that_are_pickles(folder: Path) -> None:
    (folder / "unet" / "evil.bin").write_bytes(PICKLE)
    index = {"metadata": {}, "weight_map": {"conv_in.weight": "evil.bin"}}
    (folder / "unet" / "diffusion_pytorch_model.safetensors.index.json").write_text(json.dumps(index))


def weights_named_by_the_configuration(folder: Path) -> None:
    change_config(folder, "text_encoder", transformers_weights="evil.bin")
    (folder / "text_encoder" / "evil.bin").write_bytes(PICKLE)


def an_adapter_in_place_of_a_part(folder: Path) -> None:
    (folder / "text_encoder" / "adapter_config.json").write_text('{"base_model_name_or_path": "/srv/other"}')
    (folder / "text_encoder" / "adapter_model.bin").write_bytes(PICKLE)


def code_from_the_hub(folder: Path) -> None:
    change_config(folder, "text_encoder", attn_implementation="evil/kernels")


def code_of_its_own(folder: Path) -> None:
    change_index(folder, _class_name=["mine", "MyPipeline"])
    (folder / "mine.py").write_text("import os; os._exit(9)")


def a_part_above_its_folder(folder: Path) -> None:
    shutil.copytree(folder / "unet", folder.parent / "elsewhere")
    change_index(folder, **{"../elsewhere": ["diffusers", "UNet2DConditionModel"]})


def a_part_at_an_absolute_path(folder: Path) -> None:
    change_index(folder, **{str(folder / "vae"): ["diffusers", "AutoencoderKL"]})


def a_pipe_for_a_configuration(folder: Path) -> None:
    (folder / "unet" / "config.json").unlink()
    os.mkfifo(folder / "unet" / "config.json")


def a_pipe_for_the_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()
    os.mkfifo(folder / "model_index.json")


def a_device_for_the_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()
    (folder / "model_index.json").symlink_to("/dev/zero")


def a_device_for_a_configuration(folder: Path) -> None:
    (folder / "vae" / "config.json").unlink()
    (folder / "vae" / "config.json").symlink_to("/dev/zero")


def an_index_nested_without_end(folder: Path) -> None:
    (folder / "model_index.json").write_text("[" * 1_000_000)


def a_configuration_nested_without_end(folder: Path) -> None:
    (folder / "unet" / "config.json").write_text('{"a":' * 500_000)


def an_index_that_is_huge(folder: Path) -> None:
    with (folder / "model_index.json").open("r+b") as file:
        file.truncate(1 << 40)  # sparse: it takes no room


def a_configuration_that_is_huge(folder: Path) -> None:
    with (folder / "vae" / "config.json").open("r+b") as file:
        file.truncate(1 << 40)


def layers_without_end(folder: Path) -> None:
    change_config(folder, "vae", layers_per_block=10**9)


def folders_without_end(folder: Path) -> None:
    deep = folder / "unet"
    for _ in range(12):
        deep = deep / "deeper"
    deep.mkdir(parents=True)


def change_config(folder: Path, part: str, **changes: Any) -> None:
    path = folder / part / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


ATTEMPTS: list[tuple[Callable[[Path], None], str]] = [
    (a_pickled_part, "`unet` are a pickle"),
    (a_pipeline_as_a_part, "`prior` is a pipeline within the pipeline"),
    (a_part_that_chooses_its_class, r"transformers\.AutoModel, which is no kind of part"),
    (a_part_that_chooses_diffusers_class, r"diffusers\.AutoModel, which is no kind of part"),
    (a_class_that_is_no_part, "RagRetriever, which is no kind of part"),
    (a_pickle_called_safetensors, "`unet` are damaged"),
    (shards_that_are_pickles, r"lack evil\.bin"),
    (weights_named_by_the_configuration, "names its weights itself"),
    (an_adapter_in_place_of_a_part, "from another place"),
    (code_from_the_hub, "wants code from the hub"),
    (code_of_its_own, "its own pipeline code"),
    (a_part_above_its_folder, "no name of a folder of its own"),
    (a_part_at_an_absolute_path, "no name of a folder of its own"),
    (a_pipe_for_a_configuration, "is neither a file nor a folder"),
    (a_pipe_for_the_index, "cannot be read .no ordinary file"),
    (a_device_for_the_index, "cannot be read .no ordinary file"),
    (a_device_for_a_configuration, "leads out of its folder"),
    (an_index_nested_without_end, "cannot be read .nested too deep"),
    (a_configuration_nested_without_end, "cannot be read .nested too deep"),
    (an_index_that_is_huge, "cannot be read .longer than"),
    (a_configuration_that_is_huge, "cannot be read .longer than"),
    (layers_without_end, "`layers_per_block` is 1000000000, which no model has"),
    (folders_without_end, "folders more than 8 deep"),
]


@pytest.mark.parametrize(("attempt", "message"), ATTEMPTS, ids=lambda value: getattr(value, "__name__", None))
def test_it_is_refused_before_weights_are_read_and_nothing_is_unpickled(
    folder: Path, reached: list[str], attempt: Callable[[Path], None], message: str
) -> None:
    attempt(folder)
    with pytest.raises(ModelLoadError, match=message):
        describe(ModelSpec(source=str(folder)))
    with pytest.raises(ModelLoadError, match=message):
        load(ModelSpec(source=str(folder), dtype="float32"), "cpu")
    assert reached == []


@pytest.mark.parametrize("name", ["model.ckpt", "model.pt", "model.bin", "model.safetensors", "model.sft", "other"])
def test_no_single_file_is_unpickled_whatever_it_is_called(folder: Path, reached: list[str], name: str) -> None:
    file = folder.parent / name
    file.write_bytes(PICKLE)
    with pytest.raises(ModelLoadError):
        load(ModelSpec(source=str(file), dtype="float32", options=ModelOptions(config=str(folder))), "cpu")
    assert reached == []


@pytest.mark.parametrize("name", ["x.safetensors", "x.sft", "x.gguf", "x.bin", "x.pt"])
@pytest.mark.parametrize("kind", ["transformer", "lora"])
def test_no_file_beside_a_checkpoint_is_unpickled(folder: Path, reached: list[str], kind: str, name: str) -> None:
    file = folder.parent / name
    file.write_bytes(PICKLE)
    options = (
        ModelOptions(transformer=str(file)) if kind == "transformer" else ModelOptions(loras=(Lora(file=str(file)),))
    )
    with pytest.raises(ModelLoadError):
        load(ModelSpec(source=str(folder), dtype="float32", options=options), "cpu")
    assert reached == []


def test_what_gets_to_torch_load_all_the_same_ends_there(tmp_path: Path) -> None:
    torch.save({"a": 1}, tmp_path / "x.pt")
    before = torch.load
    with pytest.raises(ModelLoadError, match="is a pickle"), nothing_unpickled():
        torch.load(tmp_path / "x.pt")
    assert torch.load is before


def test_a_tokenizers_own_code_is_not_asked_about_and_not_run(folder: Path, reached: list[str]) -> None:
    """`auto_map` names code; the class of the index is loaded, and nobody is asked on a terminal."""
    path = folder / "tokenizer" / "tokenizer_config.json"
    code = {"auto_map": {"AutoTokenizer": ["mine.MyTokenizer", None]}, "trust_remote_code": True}
    path.write_text(json.dumps(json.loads(path.read_text()) | code))
    (folder / "tokenizer" / "mine.py").write_text("import os; os._exit(9)")
    model = load(ModelSpec(source=str(folder), dtype="float32"), "cpu")
    assert type(model.pipeline.tokenizer).__name__.startswith("CLIPTokenizer")
    assert reached == []


def test_too_many_files_are_no_checkpoint(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(untrusted, "_MOST_FILES", 10)
    with pytest.raises(ModelLoadError, match="over 10 files"):
        describe(ModelSpec(source=str(folder)))


def test_describing_a_pipe_ends_in_a_process_of_its_own(folder: Path) -> None:
    a_pipe_for_the_index(folder)
    ran = subprocess.run(
        [sys.executable, "-P", "-m", "safelight.engine.describe"],
        input=msgspec.json.encode(ModelSpec(source=str(folder))),
        capture_output=True,
        timeout=120,
        check=False,
        env=child_environment(),
    )
    assert ran.returncode == 4
    assert b"no ordinary file" in ran.stderr
