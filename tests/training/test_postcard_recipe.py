"""The whole recipe in miniature: sample, caption, encode, train, distil, export, evaluate."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.postcard.weights import WEIGHTS
from training.postcard.card import spent

ROOT = Path(__file__).parents[2]
TINY = shlex.split("""
    --seed 3 --processes 2 --device cpu --shards 2 --shard-size 150 --width 64 --layers 2 --text-layers 1
    --steps 42 --distil-steps 6 --batch-size 32 --checkpoint-every 21 --seeds 1 --no-sheets
""")


@pytest.mark.timeout(1800)  # a minute on two free cores
def test_the_recipe_runs_from_nothing_to_a_pipeline_with_a_card(tmp_path: Path) -> None:
    again = tmp_path / "again"
    again.mkdir()
    (again / "data").symlink_to(tmp_path / "data")
    environment = {
        "PATH": "/usr/bin:/bin",
        "OMP_NUM_THREADS": "1",
        "PYTHON": _python(tmp_path),
        "PYTHONPATH": f"{ROOT}/src:{ROOT}",
        "RUN": str(tmp_path),
        "WEIGHTS": str(WEIGHTS),
        "OUT": str(tmp_path / "weights"),
        "AGAIN": _three_steps_from(tmp_path / "weights", again),
    }
    subprocess.run([ROOT / "training/postcard/run.sh", *TINY], check=True, env=environment, cwd=ROOT)

    losses = [json.loads(line)["loss"] for line in (tmp_path / "train/log.jsonl").read_text().splitlines()]
    assert losses[-1] < 0.8 * losses[0]
    assert (tmp_path / "train/loss.png").stat().st_size > 1000
    index = json.loads((tmp_path / "weights/model_index.json").read_text())
    assert index["_class_name"] == "PostcardPipeline"
    assert json.loads((tmp_path / "weights/transformer/config.json").read_text())["guidance_embeds"] is True
    found = json.loads((tmp_path / "evaluation.json").read_text())
    assert found["categories"]["scene"]["asked"] > 50
    assert "1,344 in training, 192 in distillation" in (tmp_path / "weights/README.md").read_text()

    more = [json.loads(line)["loss"] for line in (again / "train/log.jsonl").read_text().splitlines()]
    assert len(more) == 1, "the second process must not write to the log"
    assert more[0] < 0.85 * losses[0], "training went on from the exported weights"
    assert spent(again / "train")[0] == 1344 + 3 * 32


def _python(folder: Path) -> str:
    """One that imports what the recipe needs once, for it and for what is trained again."""
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m tests.training.one_import "$@"\n')
    program.chmod(0o700)
    return str(program)


def _three_steps_from(start: Path, run: Path) -> str:
    """What trains from exported weights; two processes share each batch."""
    command = ["-m", "training.postcard.recipe", "train", "--run", str(run), "--start", str(start)]
    return shlex.join([*command, "--text", str(WEIGHTS), *TINY, "--steps", "3"])
