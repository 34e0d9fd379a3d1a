"""The whole recipe in miniature: sample, caption, encode, train, distil, export, evaluate."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.server import free_port
from tests.postcard.weights import WEIGHTS
from training.postcard.card import spent

ROOT = Path(__file__).parents[2]
TINY = shlex.split("""
    --seed 3 --processes 2 --device cpu --shards 2 --shard-size 150 --width 64 --layers 2 --text-layers 1
    --steps 42 --distil-steps 6 --batch-size 32 --checkpoint-every 21 --seeds 1 --no-sheets
""")
# The second is forked off the first once PyTorch is imported, which takes seconds, and before anything has a thread.
TWO_RANKS = """
import os, sys
from training.postcard.recipe import main
other = os.fork()
os.environ["RANK"] = "0" if other else "1"
main()
if other:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(other, 0)[1]))
"""


@pytest.mark.timeout(1800)  # a minute on two free cores
def test_the_recipe_runs_from_nothing_to_a_pipeline_with_a_card(tmp_path: Path) -> None:
    environment = {
        "PATH": "/usr/bin:/bin",
        "OMP_NUM_THREADS": "1",
        "PYTHON": sys.executable,
        "PYTHONPATH": f"{ROOT}/src:{ROOT}",
        "RUN": str(tmp_path),
        "WEIGHTS": str(WEIGHTS),
        "OUT": str(tmp_path / "weights"),
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

    again = tmp_path / "again"
    again.mkdir()
    (again / "data").symlink_to(tmp_path / "data")
    _train_in_two_processes(again, tmp_path / "weights", environment)
    more = [json.loads(line)["loss"] for line in (again / "train/log.jsonl").read_text().splitlines()]
    assert len(more) == 1, "the second process must not write to the log"
    assert more[0] < 0.85 * losses[0], "training went on from the exported weights"
    assert spent(again / "train")[0] == 1344 + 3 * 32


def _train_in_two_processes(run: Path, start: Path, environment: dict[str, str]) -> None:
    """Three steps that start from exported weights, each batch shared by two processes."""
    command = [sys.executable, "-c", TWO_RANKS, "train", "--run", str(run), "--start", str(start)]
    command += ["--text", str(WEIGHTS), *TINY, "--steps", "3"]
    meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    subprocess.run(command, check=True, env=environment | meeting, cwd=ROOT)
