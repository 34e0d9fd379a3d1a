"""What was kept is compared with what is made now, by the same machine alone."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.kept.__main__ import HERE, Part, compare, keep, main, parts


def test_what_is_as_it_was_is_no_difference_and_what_is_another_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = ["a: 1", "b: 2"]
    chosen = {"pictures": Part("tests.e2e.digests", lambda: lines, "this processor")}
    assert keep(chosen, tmp_path) == 0
    assert compare(chosen, tmp_path) == 0
    assert capsys.readouterr().out == "pictures: no difference in 2 lines\n"
    lines[1] = "b: 3"
    assert compare(chosen, tmp_path) == 1
    assert {"-b: 2", "+b: 3"} <= set(capsys.readouterr().out.splitlines())


def test_what_another_machine_made_is_not_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep({"pictures": Part("tests.e2e.digests", list, "one processor")}, tmp_path)
    assert compare({"pictures": Part("tests.e2e.digests", list, "another")}, tmp_path) == 1
    said = capsys.readouterr().out
    assert "kept by one processor, and this is another: compare `since` a revision" in said


def test_every_part_has_a_script_and_a_kept_file() -> None:
    assert all((HERE / f"{name}.txt").read_text().startswith("# By ") for name in parts())
    modules = [Path(*part.module.split(".")).with_suffix(".py") for part in parts().values()]
    assert [str(module) for module in modules if not (HERE.parents[1] / module).is_file()] == []


def test_a_part_that_is_none_is_refused_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["compare", "picture"])
    assert "there is no part picture: answers, drawings, pictures" in capsys.readouterr().err


def test_a_revision_that_is_none_ends_it() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        main(["since", "no-such-revision", "drawings"])
