"""The recipe's steps as a command; `run.sh` gives it all of them, from top to bottom.

Each step goes on where it was cut off and does nothing when it is done already.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from tqdm import tqdm
from training.postcard.build import fresh_pipeline, load_text
from training.postcard.card import write_card, write_origin
from training.postcard.data import Samples, encode_shard, shard_path
from training.postcard.distil import guidance_distillation, student_of
from training.postcard.export import export
from training.postcard.ranks import join, rank
from training.postcard.sheets import SHEET_PROMPTS, loss_plot, sheet
from training.postcard.train import Plan, flow_matching, load_average, load_exported, train

from safelight.postcard import text
from safelight.postcard.pipeline import PostcardPipeline


def sample(arguments: argparse.Namespace) -> None:
    """Sample scenes and their captions."""
    from training.postcard.sampling import sample_shards

    run: Path = arguments.run
    sample_shards(run / "data", arguments.seed, range(arguments.shards), arguments.shard_size, arguments.processes)


def encode(arguments: argparse.Namespace) -> None:
    """Read all captions with the text encoder, once."""
    tokenizer, encoder = load_text(arguments.text)
    encoder.to(arguments.device)
    for i in tqdm(range(arguments.shards), desc="encode", unit="shard"):
        encode_shard(shard_path(arguments.run / "data", i), tokenizer, encoder, arguments.device)


def _samples(arguments: argparse.Namespace, pipeline: PostcardPipeline) -> Samples:
    states, _ = text.encode(pipeline.tokenizer, pipeline.text_encoder, "", "cpu")
    return Samples([shard_path(arguments.run / "data", i) for i in range(arguments.shards)], states[0].detach())


def _pipeline(arguments: argparse.Namespace) -> PostcardPipeline:
    start = arguments.start if _exported(arguments.start) else None
    return fresh_pipeline(
        arguments.text, arguments.seed, arguments.width, arguments.layers, arguments.text_layers, start
    )


def _exported(start: Path | None) -> bool:
    """Whether a start is what export wrote, and not a training folder."""
    return start is not None and (start / "model_index.json").exists()


def _plan(arguments: argparse.Namespace, steps: int, learning_rate: float) -> Plan:
    return Plan(
        steps=steps,
        batch_size=arguments.batch_size,
        learning_rate=learning_rate,
        warmup=min(200, max(steps // 10, 1)),
        cooldown=arguments.cooldown,
        ema=arguments.ema,
        seed=arguments.seed,
        checkpoint_every=arguments.checkpoint_every,
        device=arguments.device,
        compiled=arguments.compile,
    )


def _look(pipeline: PostcardPipeline, folder: Path, arguments: argparse.Namespace) -> Callable[[int], None]:
    """At every checkpoint: the loss so far and a sheet of pictures, drawn with the averaged weights."""

    def look(step: int) -> None:
        loss_plot(folder / "log.jsonl", folder / "loss.png")
        if arguments.sheets:
            shown = PostcardPipeline(**pipeline.components)
            shown.transformer = type(pipeline.transformer).from_config(pipeline.transformer.config)
            shown.transformer.load_codes(dict(pipeline.decoder.named_buffers()))
            load_average(folder, shown.transformer)
            shown.transformer.eval()
            shown.set_progress_bar_config(disable=True)
            sheet(shown, SHEET_PROMPTS, folder / f"sheet-{step:06d}.png")

    return look


def learn(arguments: argparse.Namespace) -> None:
    """Train the denoiser."""
    join()
    pipeline = _pipeline(arguments)
    if arguments.start:
        (load_exported if _exported(arguments.start) else load_average)(arguments.start, pipeline.transformer)
    folder = arguments.run / "train"
    if rank() == 0:
        write_origin(folder, arguments.start)
    plan = _plan(arguments, arguments.steps, arguments.learning_rate)
    objective = flow_matching(pipeline.decoder.codec)
    train(
        pipeline.transformer, _samples(arguments, pipeline), plan, objective, folder, _look(pipeline, folder, arguments)
    )


def distil(arguments: argparse.Namespace) -> None:
    """Fold guidance into the denoiser."""
    join()
    pipeline = _pipeline(arguments)
    load_average(arguments.run / "train", pipeline.transformer)
    teacher = pipeline.transformer.to(arguments.device)
    student = student_of(teacher)
    pipeline.transformer = student
    folder = arguments.run / "distil"
    samples = _samples(arguments, pipeline)
    objective = guidance_distillation(pipeline.decoder.codec, teacher, samples.empty)
    plan = _plan(arguments, arguments.distil_steps, arguments.learning_rate / 4)
    train(student, samples, plan, objective, folder, _look(pipeline, folder, arguments))


def export_run(arguments: argparse.Namespace) -> None:
    """Write the folder that ships."""
    pipeline = _pipeline(arguments)
    folder = arguments.run / "train"
    if (arguments.run / "distil" / "step.json").exists():
        pipeline.transformer = student_of(pipeline.transformer)
        folder = arguments.run / "distil"
    load_average(folder, pipeline.transformer)
    export(pipeline, arguments.out)


def evaluate_weights(arguments: argparse.Namespace) -> None:
    """Evaluate what was exported and write its model card."""
    from training.postcard.evaluate import Sampling, evaluate

    pipeline = PostcardPipeline.from_pretrained(arguments.out, dtype=torch.float32)
    found = evaluate(pipeline, Sampling(seeds=arguments.seeds), draw=arguments.sheets)
    (arguments.run / "evaluation.json").write_text(json.dumps(found, indent=1, ensure_ascii=False))
    facts = {
        "parameters": sum(p.numel() for p in pipeline.transformer.parameters()) / 1e6,
        "seed": arguments.seed,
        "device": arguments.device,
    }
    write_card(arguments.run, arguments.out, found, facts)


STEPS: dict[str, Callable[[argparse.Namespace], None]] = {
    "sample": sample,
    "encode": encode,
    "train": learn,
    "distil": distil,
    "export": export_run,
    "evaluate": evaluate_weights,
}


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("steps_to_take", metavar="step", nargs="+", choices=STEPS, help=", ".join(STEPS))
    parser.add_argument("--run", type=Path, required=True, help="folder for data, checkpoints, plots and sheets")
    parser.add_argument("--text", type=Path, required=True, help="folder with text_encoder/ and tokenizer/")
    parser.add_argument("--out", type=Path, help="where export writes the pipeline")
    parser.add_argument("--start", type=Path, help="weights to start from: another run's train/, or what export wrote")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--shards", type=int, default=20)
    parser.add_argument("--shard-size", type=int, default=8000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--layers", type=int, default=8)
    parser.add_argument("--text-layers", type=int, default=2)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--distil-steps", type=int, default=800)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--cooldown", type=float, default=0.5, help="share of steps over which the rate falls")
    parser.add_argument("--ema", type=float, default=0.998, help="how much of the averaged weights a step keeps")
    parser.add_argument("--checkpoint-every", type=int, default=500)
    parser.add_argument("--seeds", type=int, default=2, help="seeds for each prompt of the evaluation")
    parser.add_argument(
        "--compile", action="store_true", help="compile the denoiser for training: needs a C++ compiler"
    )
    parser.add_argument("--no-sheets", dest="sheets", action="store_false", help="draw nothing")
    return parser


def main() -> None:
    arguments = parser().parse_args()
    for step in arguments.steps_to_take:
        STEPS[step](arguments)


if __name__ == "__main__":
    main()
