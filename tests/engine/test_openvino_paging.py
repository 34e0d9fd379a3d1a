"""Weights in a file: the same numbers, out of memory once they are put away, and back when somebody reads them."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import torch

from safelight.engine.runtimes.denoiser import run_by_openvino
from safelight.engine.runtimes.kept import KeptGraphs
from safelight.engine.runtimes.paging import lay_in_file, put_away
from tests.engine.by_openvino import Part, Pipeline

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems keep them")


def module() -> torch.nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return torch.nn.Sequential(*(torch.nn.Linear(1024, 1024, dtype=torch.bfloat16) for _ in range(3)))


def resident(tensor: torch.Tensor) -> int:
    """Bytes of the mapping around a tensor that are in memory."""
    pages = Path("/proc/self/smaps").read_text()
    mapping = r"^([0-9a-f]+)-([0-9a-f]+) [^\n]*\n(?:[A-Z][^\n]*\n)*?Rss:\s+(\d+) kB"
    for place in re.finditer(mapping, pages, re.MULTILINE):
        if int(place[1], 16) <= tensor.data_ptr() < int(place[2], 16):
            return int(place[3]) * 1024
    raise AssertionError("no such mapping")


def test_they_are_the_same_numbers_and_are_out_of_memory_until_they_are_read(tmp_path: Path) -> None:
    one, plain = module(), module()
    first = next(one.parameters())
    before = first.data_ptr()
    lay_in_file(one, tmp_path)
    assert first.data_ptr() != before
    assert not [*tmp_path.iterdir()], "it has no name"
    for laid, meant in zip(one.parameters(), plain.parameters(), strict=True):
        assert torch.equal(laid, meant)
    there = resident(first)
    put_away(one)
    assert there >= 3 * first.nbytes
    assert resident(first) < there / 4
    x = torch.rand(2, 1024, dtype=torch.bfloat16)
    assert torch.equal(one[0](x), plain[0](x))  # type: ignore[index]


def test_what_was_written_to_them_is_not_lost(tmp_path: Path) -> None:
    one = module()
    lay_in_file(one, tmp_path)
    first = next(one.parameters())
    with torch.no_grad():
        first[5] = 7
    put_away(one)
    assert bool((first[5] == 7).all())


def test_where_there_is_no_folder_or_no_room_they_stay(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    place = tmp_path / "file"
    place.write_text("no folder")
    one = module()
    before = [tensor.data_ptr() for tensor in one.parameters()]
    lay_in_file(one, None)
    lay_in_file(one, place)
    assert "stay in memory" in caplog.text
    put_away(one)
    assert before == [tensor.data_ptr() for tensor in one.parameters()]


def test_those_of_a_file_already_are_not_written_again(tmp_path: Path) -> None:
    one = module()
    lay_in_file(one, tmp_path)
    before = [tensor.data_ptr() for tensor in one.parameters()]
    lay_in_file(one, tmp_path)
    assert before == [tensor.data_ptr() for tensor in one.parameters()]


def test_a_denoisers_are_put_away_once_a_form_was_compared_and_read_for_the_next(tmp_path: Path) -> None:
    part, plain = Part(module()), module()
    run_by_openvino(Pipeline(part), torch.bfloat16, KeptGraphs(tmp_path, "a key"))
    weight = next(parameter for parameter in part.parameters() if parameter.ndim == 2)
    lines = (torch.rand(count, 1024, dtype=torch.bfloat16) for count in (2, 3, 2))
    with torch.no_grad():
        for x in lines:
            torch.testing.assert_close(part(x)[0], plain(x), rtol=0.05, atol=0.05)
            assert resident(weight) < weight.nbytes / 2
    assert part.calls <= 4, "PyTorch computed two forms, twice each"
