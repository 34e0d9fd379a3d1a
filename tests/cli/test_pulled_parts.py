"""`safelight pull` of what is not one folder of parts: modular pipelines of several repositories, sentence encoders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.checkpoints import modular, parts

from safelight.cli.checkpoints.models import ensure
from safelight.contract.errors import ModelLoadError
from safelight.engine.checkpoint.loading import load
from safelight.engine.checkpoint.sentence_encoder import SentenceEncoder, read_encoder
from safelight.protocol.messages import EncoderSpec, ModelSpec
from safelight.settings import read_settings
from tests.cli.conftest import InProcess, assert_sentence
from tests.cli.hub import COMMIT, Hub, serving

pytestmark = pytest.mark.filterwarnings("ignore:The default of `overwrite_modular_index`:FutureWarning")

MODEL, WORDS, VAES, ENCODER = "acme/anima", "acme/words", "acme/vaes", "acme/sentences"
INDEX = "modular_model_index.json"
MOVED = {"text_encoder": (WORDS, ""), "tokenizer": (WORDS, ""), "vae": (VAES, "small/vae")}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A modular pipeline as diffusers saves it: all of its parts beside each other."""
    folder = tmp_path_factory.mktemp("whole") / "anima"
    modular.anima().save_pretrained(str(folder))
    return folder


@pytest.fixture(scope="module")
def repositories(whole: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same with parts in two others: one is nothing else, the other has them in folders."""
    place = tmp_path_factory.mktemp("hub")
    split = shutil.copytree(whole, place / "split")
    index = json.loads((split / INDEX).read_text())
    for part, (repository, folder) in MOVED.items():
        target = place / repository.replace("/", "-") / folder
        shutil.copytree(split / part, target, dirs_exist_ok=True)
        shutil.rmtree(split / part)
        index[part][2] |= {"pretrained_model_name_or_path": repository, "subfolder": folder}
    index["vae"][2]["revision"] = "v1"
    index["vae"][:2] = [None, None]  # as where it was not loaded when that was saved
    (split / INDEX).write_text(json.dumps(index))
    (place / "acme-words" / "README.md").write_text("# Words")
    (place / "acme-vaes" / "large").mkdir()
    (place / "acme-vaes" / "large" / "vae.safetensors").write_bytes(b"0" * 1000)
    encoder = _encoder(place / "sentences")
    return {MODEL: split, WORDS: place / "acme-words", VAES: place / "acme-vaes", ENCODER: encoder}


def _encoder(folder: Path) -> Path:
    """In the layout of sentence-transformers, with what their repositories hold for other programs."""
    parts.bert().save_pretrained(folder)
    parts.bert_tokenizer().save_pretrained(folder)
    kinds = {"": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [{"path": path, "type": f"sentence_transformers.models.{kind}"} for path, kind in kinds.items()]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text('{"pooling_mode_mean_tokens": true}')
    others = ("onnx/model.onnx", "onnx/config.json", "openvino/model.safetensors", "pytorch_model.bin", "README.md")
    for other in others:
        (folder / other).parent.mkdir(exist_ok=True)
        (folder / other).write_bytes(b"0")
    return folder


@pytest.fixture
def hub(repositories: dict[str, Path]) -> Iterator[Hub]:
    with serving(dict(repositories)) as hub:
        yield hub


def pulled(here: InProcess, name: str) -> Any:
    ran = here("pull", name, "--json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_parts_of_other_repositories_come_with_a_modular_pipeline(here: InProcess, hub: Hub, whole: Path) -> None:
    found = pulled(here, MODEL)
    folder = Path(found["folder"])
    # The tokenizer lies where the text encoder does, so both have the files of both.
    assert files_in(whole) - files_in(folder) == set()
    assert {Path(name).parts[0] for name in files_in(folder) - files_in(whole)} <= {"text_encoder", "tokenizer"}
    assert all((folder / name).read_bytes() == (whole / name).read_bytes() for name in files_in(whole) - {INDEX})
    traits = json.loads(here("show", MODEL, "--json").stdout)["traits"]
    assert traits["pipeline"] == "AnimaModularPipeline"
    loaded = load(ModelSpec(source=str(folder), dtype="float32"), "cpu")
    assert type(loaded.pipeline.vae).__name__ == "AutoencoderKLQwenImage"
    hub.asked.clear()
    pulled(here, MODEL)
    assert not [path for method, path, _ in hub.asked if method == "GET" and "/resolve/" in path]


def test_all_of_it_is_freed_at_once(here: InProcess) -> None:
    size = pulled(here, MODEL)["bytes"]
    freed = json.loads(here("rm", MODEL, "--json").stdout)["freed_bytes"]
    assert 0 < freed <= size  # what two parts share is there once
    assert not list((here.folder / "hf" / "hub").glob("models--*"))


def test_a_part_that_moved_on_in_its_repository_is_exchanged(
    here: InProcess, hub: Hub, repositories: dict[str, Path], tmp_path: Path
) -> None:
    folder = Path(pulled(here, MODEL)["folder"])
    newer = shutil.copytree(repositories[WORDS], tmp_path / "words")
    (newer / "config.json").write_text((newer / "config.json").read_text() + "\n")
    hub.repositories[WORDS] = newer
    pulled(here, MODEL)
    assert (folder / "text_encoder" / "config.json").read_bytes() == (newer / "config.json").read_bytes()


def _without_its_parts(hub: Hub, place: Path) -> None:
    hub.repositories[WORDS] = place


def _gone(hub: Hub, place: Path) -> None:
    del hub.repositories[WORDS]


def _pickles(hub: Hub, place: Path) -> None:
    (place / "pytorch_model.bin").write_bytes(b"0")
    hub.repositories[WORDS] = place


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_gone, f"There is no model {WORDS}"),
        (_without_its_parts, "There is nothing of it in its root"),
        (_pickles, f"The weights of {WORDS} are pickles alone"),
    ],
)
def test_what_is_wrong_with_another_repository_is_said_with_its_part(
    here: InProcess, hub: Hub, tmp_path: Path, change: Callable[[Hub, Path], None], said: str
) -> None:
    (tmp_path / "words").mkdir()
    change(hub, tmp_path / "words")
    assert_sentence(here("pull", MODEL), 2, f"`text_encoder` of {MODEL} comes from {WORDS}.", said)
    assert hub.sent() == []


def test_a_folder_that_lacks_parts_of_other_repositories_says_where_they_are(repositories: dict[str, Path]) -> None:
    with pytest.raises(ModelLoadError, match=r"`text_encoder` is missing\. It comes from acme/words; `safelight pull`"):
        load(ModelSpec(source=str(repositories[MODEL]), dtype="float32"), "cpu")


def test_an_index_that_names_too_many_repositories_is_refused(
    here: InProcess, hub: Hub, repositories: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(repositories[MODEL], tmp_path / "many")
    index = json.loads((folder / INDEX).read_text())
    for number in range(20):
        library, kind, source = index["tokenizer"]
        index[f"part_{number}"] = [library, kind, source | {"pretrained_model_name_or_path": f"acme/words{number}"}]
        hub.repositories[f"acme/words{number}"] = repositories[WORDS]
    (folder / INDEX).write_text(json.dumps(index))
    hub.repositories[MODEL] = folder
    assert_sentence(here("pull", MODEL), 2, f"{MODEL} takes its parts from more than 16 repositories")
    assert hub.sent() == []


def test_a_sentence_encoder_is_pulled_listed_and_encodes(here: InProcess, hub: Hub) -> None:
    found = pulled(here, ENCODER)
    folder = Path(found["folder"])
    assert not found["draws"]
    assert {"config.json", "model.safetensors", "modules.json", "1_Pooling/config.json"} <= files_in(folder)
    assert not {"onnx", "openvino", "pytorch_model.bin", "README.md"} & {Path(n).parts[0] for n in files_in(folder)}
    assert '[embeddings.sentences]\nsource = "acme/sentences"' in here("pull", ENCODER).stderr
    here.folder.joinpath("safelight.toml").write_text(f'[embeddings.mine]\nsource = "{ENCODER}"\n')
    (row,) = json.loads(here("list", "--json").stdout)
    assert (row["model"], row["commit"], row["served_as"]) == (ENCODER, COMMIT, ["mine"])
    encoder = SentenceEncoder(read_encoder(EncoderSpec(source=str(folder))))
    assert len(encoder.encode("a boat").vector) == 4 * parts.WIDTH


def test_a_sentence_encoder_does_not_draw_and_that_is_said(here: InProcess, hub: Hub) -> None:
    assert_sentence(here("run", ENCODER, "--yes"), 2, f"{ENCODER} is no model that draws")
    folder = pulled(here, ENCODER)["folder"]
    with pytest.raises(ModelLoadError, match="a sentence encoder, which draws nothing"):
        load(ModelSpec(source=folder, dtype="float32"), "cpu")


def test_a_server_told_to_pulls_encoders_too(here: InProcess, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_ENDPOINT", "HF_HOME"):
        monkeypatch.setenv(name, here.variables[name])
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)  # the engine sets it when a neighbour imports it
    settings = read_settings({"home": here.home, "embeddings": {"mine": {"source": ENCODER}}})
    ensure(settings)
    assert json.loads(here("list", "--json").stdout)[0]["model"] == ENCODER
