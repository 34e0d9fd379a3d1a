"""Weights whose bytes lie apart are the whole file to whoever hashes, counts or loads them."""

from __future__ import annotations

import json
import resource
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hatch_build import split

from safelight.contract.checkpoints import split_weights
from safelight.contract.checkpoints.split_weights import MARK, blocks_of, header_of, is_split, size_of, whole_folder
from safelight.contract.errors import ModelLoadError

# More than two blocks, and no multiple of one.
NUMBERS = split_weights._BLOCK + 12345


def safetensors(numbers: int) -> bytes:
    """A file of one tensor of 16-bit numbers that all differ from their neighbours."""
    header = {"a": {"dtype": "F16", "shape": [numbers], "data_offsets": [0, 2 * numbers]}}
    text = json.dumps({"__metadata__": {"format": "pt", "note": "Ä"}} | header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return (
        struct.pack("<Q", len(text)) + text + struct.pack(f"<{numbers}H", *(i * 7919 % 65536 for i in range(numbers)))
    )


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A folder with a split part, a whole one, and a configuration of each."""
    for name, content in (("text_encoder", split(safetensors(NUMBERS))), ("decoder", safetensors(20))):
        (tmp_path / "model" / name).mkdir(parents=True)
        (tmp_path / "model" / name / "model.safetensors").write_bytes(content)
        (tmp_path / "model" / name / "config.json").write_text(json.dumps({"of": name}))
    return tmp_path / "model"


def test_joined_it_is_the_whole_file_to_the_bit(checkpoint: Path) -> None:
    path, whole = checkpoint / "text_encoder" / "model.safetensors", safetensors(NUMBERS)
    assert path.read_bytes() != whole
    assert is_split(path)
    assert b"".join(blocks_of(path)) == whole
    assert size_of(path) == len(whole)
    assert header_of(path) == json.loads(whole[8 : 8 + int.from_bytes(whole[:8], "little")])


def test_any_other_file_is_read_as_it_is(checkpoint: Path) -> None:
    path = checkpoint / "decoder" / "model.safetensors"
    assert not is_split(path)
    assert b"".join(blocks_of(path)) == path.read_bytes() == safetensors(20)
    assert size_of(path) == path.stat().st_size
    assert header_of(path)["a"]["shape"] == [20]
    assert b"".join(blocks_of(checkpoint / "decoder" / "config.json")) == b'{"of": "decoder"}'


def test_a_folder_is_whole_while_it_is_loaded_and_nothing_is_left_behind(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with whole_folder(checkpoint) as whole:
        assert whole.parent == tmp_path / "temporary"
        assert (whole / "text_encoder" / "model.safetensors").read_bytes() == safetensors(NUMBERS)
        assert (whole / "decoder" / "model.safetensors").resolve() == checkpoint / "decoder" / "model.safetensors"
        assert json.loads((whole / "text_encoder" / "config.json").read_text()) == {"of": "text_encoder"}
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_folder_without_split_weights_is_used_as_it_is(checkpoint: Path) -> None:
    with whole_folder(checkpoint / "decoder") as whole:
        assert whole == checkpoint / "decoder"
    with whole_folder(checkpoint, but={"text_encoder"}) as whole:
        assert whole == checkpoint


@contextmanager
def no_file_over(limit: int) -> Iterator[None]:
    """As on a full disk: writing fails after so many bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


NEEDED = r"1 MB of them are put together in the folder for temporary files, and that failed: {}\. .* TMPDIR"


def test_where_there_is_no_room_for_it_the_error_says_how_much_it_needs(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with (
        no_file_over(100_000),
        pytest.raises(ModelLoadError, match=NEEDED.format("File too large")),
        whole_folder(checkpoint),
    ):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_where_there_is_no_folder_for_it_the_error_says_so(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(checkpoint / "nowhere"))
    with pytest.raises(ModelLoadError, match=NEEDED.format("No such file or directory")), whole_folder(checkpoint):
        pass


@pytest.mark.parametrize(
    "header",
    [
        b"1",
        b'{"a": ',
        MARK + b'1},"low":{"data_offsets":[0,1]}}',
        MARK + b'"{}"}}',
        MARK + b'"[]"},"low":{"data_offsets":[0,1]}}',
        MARK + b'"{}"},"low":{"data_offsets":[0]}}',
    ],
)
def test_a_damaged_header_is_said_to_be_one(tmp_path: Path, header: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(ValueError):  # noqa: PT011 - json's own, or ours
        header_of(path)
