"""`safelight c2pa`: a certificate to try with, and what a file says."""

from __future__ import annotations

import json
import stat

from tests.cli.conftest import InProcess, assert_sentence
from tests.contract.test_unsigned import file_of


def test_from_nothing_to_a_signed_picture(quick: InProcess) -> None:
    made = quick("c2pa", "new", "--folder", "keys", "--name", "Northlight Press")
    assert made.returncode == 0, made.stderr
    folder = quick.folder / "keys"
    assert stat.S_IMODE((folder / "key.pem").stat().st_mode) == 0o600
    (quick.folder / "safelight.toml").write_text(made.stdout)
    drawn = quick(
        "generate",
        "a boat",
        "--engine",
        "fake",
        "-o",
        "boat.png",
        "--model",
        "postcard",
        "--size",
        "64x64",
        "--seed",
        "7",
    )
    assert drawn.returncode == 0, drawn.stderr
    said = quick("c2pa", "check", "boat.png", "--unsigned", "bare.png")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "somebody who is trusted" in said.stdout
    assert "Northlight Press" in said.stdout
    bare = quick("c2pa", "check", "bare.png", "--json")
    found = json.loads(bare.stdout)
    assert (bare.returncode, found["state"], found["marked"]) == (1, "not_present", True)
    assert found["unsigned_sha256"] in said.stdout


def test_what_is_there_is_not_written_over(quick: InProcess) -> None:
    assert quick("c2pa", "new").returncode == 0
    assert_sentence(quick("c2pa", "new"), 2, "is there already")


def test_a_file_that_is_no_picture_is_told(quick: InProcess) -> None:
    (quick.folder / "a.png").write_bytes(b"GIF89a")
    assert_sentence(quick("c2pa", "check", "a.png"), 2, "is no PNG, JPEG or WebP file")


def test_an_unsigned_file_exits_with_one(quick: InProcess) -> None:
    (quick.folder / "a.png").write_bytes(file_of("PNG"))
    said = quick("c2pa", "check", "a.png")
    assert (said.returncode, said.stdout.splitlines()[0]) == (1, "It is not signed.")
