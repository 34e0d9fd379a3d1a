"""The whole recipe in miniature: sample, caption, encode, train, distil, export, evaluate."""

import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.postcard.weights import WEIGHTS

ROOT = Path(__file__).parents[2]
TINY = shlex.split("""
    --seed 3 --processes 2 --device cpu --shards 2 --shard-size 400 --width 64 --layers 2 --text-layers 1
    --steps 60 --distil-steps 12 --batch-size 32 --checkpoint-every 30 --seeds 1 --no-sheets
""")


@pytest.mark.timeout(600)  # a minute on two free cores
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
    assert "1,920 in training, 384 in distillation" in (tmp_path / "weights/README.md").read_text()
