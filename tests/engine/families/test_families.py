"""One contract for every family of diffusers: through Safelight's own loading code, and no code about any of them."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.checkpoints.build import EDIT_ONLY, FAMILIES, Family
from benchmarks.checkpoints.modular import by_diffusers
from numpy.typing import NDArray
from PIL import Image

from safelight.contract.models.options import ModelOptions
from safelight.contract.requests.order import InputPicture, Order
from safelight.engine.checkpoint.loading import load
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.tasks.task import as_asked
from safelight.protocol.messages import Cancelled, Failed, Finished, ModelSpec, Preview, Started, Stepped, Watch
from tests.engine.drawing import Drawing, job, pixels
from tests.engine.families.edits import EDITS, Edits, beside, called, mask, picture
from tests.orders import changed

# The pipelines of diffusers are older than parts of itself, of NumPy and of PyTorch that they use.
# In bfloat16 PyTorch says of Kandinsky 5's norms that they take the slower way.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight:UserWarning"),
    pytest.mark.filterwarnings("ignore:.* is deprecated and will be removed in version 1.0.0:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*FluxPosEmbed. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The default of `overwrite_modular_index`:FutureWarning"),
    pytest.mark.filterwarnings("ignore:In CPU autocast:UserWarning"),  # around the model that tells depths
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]

_NEGATIVE = "blurry"
# The same contract on another device or in another number format: `python -m benchmarks.gpu` sets both.
_DEVICE = os.environ.get("TEST_DEVICE", "cpu")
_DTYPE: Any = os.environ.get("TEST_DTYPE", "float32")


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def loaded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Loaded:
    """Each family saved by diffusers and loaded by Safelight; forgotten before the next one."""
    for package in FAMILIES[request.param].needs:
        pytest.importorskip(package)
    return saved_and_loaded(request.param, tmp_path_factory.mktemp("families") / request.param)


def saved_and_loaded(name: str, folder: Path) -> Loaded:
    family = (FAMILIES | EDIT_ONLY)[name]
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pipeline = family.build()
        wake(getattr(pipeline, "transformer", None))
        pipeline.save_pretrained(str(folder))  # modular ones take no path
    dtype: Any = family.dtype or _DTYPE
    spec = ModelSpec(source=str(folder), dtype=dtype, options=ModelOptions(arguments=family.arguments))
    return Loaded(family, folder, load(spec, _DEVICE), EDITS.get(name))


def wake(transformer: torch.nn.Module | None) -> None:
    """Layers that training starts at zero get values: with them at zero, the prompt has no say in the picture."""
    for weights in transformer.parameters() if transformer is not None else ():
        if weights.ndim > 1 and not weights.any():
            torch.nn.init.normal_(weights, std=0.1)


class Loaded:
    """A loaded family, and what diffusers' own call draws with it, nothing of Safelight in between."""

    def __init__(self, family: Family, folder: Path, model: LoadedModel, edits: Edits | None) -> None:
        self.family = family
        self.edits = edits
        self.folder = folder
        self.model = model
        self._drawn: dict[str, NDArray[np.uint8]] = {}
        for pipeline in self._pipelines():
            family.shrink(pipeline)
            pipeline.set_progress_bar_config(disable=True)
            if edits is not None:
                edits.shrink(pipeline)

    def _pipelines(self) -> list[Any]:
        ways = [way.pipeline for way in (self.model.ways.pictures, self.model.ways.masked) if way is not None]
        return [self.model.pipeline, *ways]

    def job(self, name: str = "job", **changes: Any) -> Order:
        width, height = self.family.size
        said: dict[str, Any] = {"steps": self.family.steps, "width": width, "height": height}
        said |= {} if self.family.prompt is None else {"prompt": self.family.prompt}
        return job(self.model, name, **(said | changes))

    def alone(self, wanted: Order) -> NDArray[np.uint8]:
        """As the family's model card calls it."""
        recipe = wanted.recipe
        key = f"{recipe.seed} {recipe.options}"
        if key not in self._drawn:
            arguments = {**self.family.arguments, **self.family.call}
            if recipe.negative_prompt:
                assert self.family.negative is not None
                arguments |= {**self.family.negative, "negative_prompt": recipe.negative_prompt}
            if "guidance_scale" in recipe.options:
                arguments["guidance_scale"] = recipe.options["guidance_scale"]
            picture = by_diffusers(self.model.pipeline)(
                prompt=recipe.prompt,
                height=recipe.height,
                width=recipe.width,
                num_inference_steps=recipe.steps,
                generator=torch.Generator("cpu").manual_seed(recipe.seed),
                **arguments,
            )[0][0]
            if isinstance(picture, list):  # a video
                (picture,) = picture
            self._drawn[key] = np.asarray(as_asked(picture, recipe.width, recipe.height))
        return self._drawn[key]

    def edited(self) -> list[Order]:
        """A job for everything that the family makes of pictures."""
        edits, first = self.edits, picture()
        assert edits is not None
        jobs = [self.job("as it is", inputs=(first,), strength=1.0 if edits.strength else None)]
        if edits.strength:
            jobs.append(self.job("half", inputs=(first,), strength=0.5))
        if edits.most > 1:
            jobs += [self.job(f"two {n}", inputs=two) for n, two in enumerate(_both_ways(first, picture(64, 96, 1)))]
        if edits.mask is not None:
            width, height = edits.mask_size or self.family.size
            jobs.append(self.job("masked", inputs=(first, mask()), width=width, height=height))
        return jobs

    def edited_alone(self, wanted: Order) -> NDArray[np.uint8]:
        """By diffusers' own pipeline for it."""
        assert self.edits is not None
        masked = wanted.recipe.inputs[-1].role == "mask"
        name = self.edits.mask if masked else self.edits.picture
        assert name is not None
        pipeline = beside(self.model.pipeline, name)
        self.family.shrink(pipeline)
        self.edits.shrink(pipeline)
        arguments = {**self.family.arguments, **self.family.call, **self.edits.arguments}
        return called(pipeline, wanted, self.edits.fitted, arguments)


def _both_ways(one: InputPicture, other: InputPicture) -> list[tuple[InputPicture, ...]]:
    return [(one, other), (other, one)]


def test_what_it_supports_is_read_off_the_checkpoint(loaded: Loaded) -> None:
    traits = loaded.model.traits
    assert (traits.steps, traits.guidance_scale) == loaded.family.defaults
    assert traits.negative_prompt == (loaded.family.negative is not None)
    assert traits.few_steps == (traits.steps <= 9 or "Distilled" in traits.pipeline)
    assert traits.width % traits.side_multiple == traits.height % traits.side_multiple == 0
    assert traits.pipeline == type(loaded.model.pipeline).__name__


def test_alone_it_draws_what_diffusers_draws_and_tells_every_step(loaded: Loaded) -> None:
    wanted = loaded.job()
    with Drawing(loaded.model) as drawing:
        end = drawing.draw(wanted)[0]
    assert np.array_equal(pixels(end), loaded.alone(wanted))
    told = [event for event in drawing.events if isinstance(event, Started | Stepped | Finished)]
    steps = [(event.step, event.steps) for event in told if isinstance(event, Stepped)]
    total, before = loaded.family.told or loaded.family.steps, loaded.family.prior
    assert steps[:before] == [(step, before) for step in range(1, before + 1)]
    assert steps[before:] == [(before + step, before + total) for step in range(1, loaded.family.steps + 1)]
    assert isinstance(told[0], Started)
    assert isinstance(told[-1], Finished)


def test_it_shows_the_picture_while_it_is_drawn(loaded: Loaded) -> None:
    wanted = loaded.job("watched", seed=8)
    drawing: Drawing

    def watch(event: object) -> None:  # from the engine's thread: its second step cannot come before
        if isinstance(event, Started) and event.job_id == "watched":
            drawing.loop.put(Watch(job_id="watched", longest=256))

    with Drawing(loaded.model, on_event=watch) as drawing:
        drawing.draw(loaded.job())  # previews are learned from the model's own pictures
        (end,) = drawing.draw(wanted)
    shown = [event for event in drawing.events if isinstance(event, Preview)]
    assert bool(shown) == loaded.family.shown
    assert all(Image.open(io.BytesIO(each.image)).size == loaded.family.size for each in shown)
    assert np.array_equal(pixels(end), loaded.alone(wanted))  # being watched changes nothing


def test_in_company_it_draws_the_same_and_a_cancelled_run_leaves_no_trace(loaded: Loaded) -> None:
    one, other, doomed = loaded.job("one"), loaded.job("other", seed=8), loaded.job("doomed", seed=9)

    def on_event(event: object) -> None:
        if isinstance(event, Stepped) and event.job_id == "doomed":
            drawing.cancel(doomed)

    with Drawing(loaded.model, on_event=on_event) as drawing:
        ends = drawing.draw(one, doomed, other)
    assert np.array_equal(pixels(ends[0]), loaded.alone(one))
    assert isinstance(ends[1], Cancelled)
    assert np.array_equal(pixels(ends[2]), loaded.alone(other))
    assert not np.array_equal(loaded.alone(one), loaded.alone(other))


def test_a_negative_prompt_counts_or_is_refused_by_name(loaded: Loaded) -> None:
    wanted = loaded.job(negative_prompt=_NEGATIVE)
    with Drawing(loaded.model) as drawing:
        end = drawing.draw(wanted)[0]
    if loaded.family.negative is None:
        assert end == Failed(
            job_id="job",
            reason="This model takes no `negative_prompt`.",
            retry_helps=False,
            code="unknown_parameter",
            param="negative_prompt",
        )
        return
    assert np.array_equal(pixels(end), loaded.alone(wanted))
    assert not np.array_equal(pixels(end), loaded.alone(loaded.job()))


def test_it_takes_pictures_as_diffusers_has_pipelines_for_them(loaded: Loaded) -> None:
    found, ways = loaded.model.traits.edits, loaded.model.ways
    if loaded.edits is None:
        assert found is None
        return
    assert found is not None
    assert (found.maximum, found.mask, found.strength) == (
        loaded.edits.most,
        loaded.edits.mask is not None,
        loaded.edits.strength,
    )
    named = {loaded.edits.picture: ways.pictures, loaded.edits.mask: ways.masked}
    for name, way in named.items():
        assert (way is None) == (name is None)
        if way is not None:
            assert type(way.pipeline).__name__ == name
            own = loaded.model.pipeline.components  # nothing is there twice
            assert all(part is own[part_name] for part_name, part in way.pipeline.components.items())


def test_an_edit_is_what_diffusers_draws_alone_and_in_company_or_is_refused(loaded: Loaded) -> None:
    if loaded.edits is None:
        with Drawing(loaded.model) as drawing:
            (end,) = drawing.draw(loaded.job(inputs=(picture(),)))
        said = "This model takes no pictures."
        assert end == Failed(job_id="job", reason=said, retry_helps=False, code="unsupported_operation", param="model")
        return
    jobs = loaded.edited()
    if loaded.edits.fails:
        with Drawing(loaded.model) as drawing:
            assert all(isinstance(end, Failed) for end in drawing.draw(*jobs))
        return
    doomed, words = loaded.job("doomed", seed=9, inputs=(picture(),)), loaded.job("words")

    def on_event(event: object) -> None:
        if isinstance(event, Stepped) and event.job_id == "doomed":
            drawing.cancel(doomed)
        if isinstance(event, Started) and event.job_id == jobs[0].id:
            drawing.loop.put(Watch(job_id=jobs[0].id, longest=64))

    with Drawing(loaded.model, on_event=on_event) as drawing:
        (first,) = drawing.draw(words)  # previews are learned from the model's own pictures
        ends = drawing.draw(*jobs, doomed)
    assert np.array_equal(pixels(first), loaded.alone(words))
    assert isinstance(ends.pop(), Cancelled)
    for wanted, end in zip(jobs, ends, strict=True):
        assert np.array_equal(pixels(end), loaded.edited_alone(wanted)), wanted.id
        steps = [(e.step, e.steps) for e in drawing.events if isinstance(e, Stepped) and e.job_id == wanted.id]
        assert steps[-1][0] == steps[-1][1] == len(steps) or loaded.family.told, wanted.id
        assert end.timings.of("encode_picture") > 0 or not hasattr(loaded.model.pipeline, "vae")  # type: ignore[union-attr]
    shown = [event for event in drawing.events if isinstance(event, Preview) and event.job_id == jobs[0].id]
    assert bool(shown) == loaded.family.shown


def test_every_family_is_in_the_documentation_with_what_it_supports() -> None:
    text = (Path(__file__).parents[3] / "docs" / "models-reference.md").read_text().partition("## Families")[2]
    rows = re.findall(r"^\| ([\w.-]+) \| (\w+Pipeline) \| (\d+), ([\d.]+|off) \| (yes|no) \|", text, re.M)
    documented = {name: (int(steps), guidance, negative) for name, _, steps, guidance, negative in rows}
    tested = {
        name: (
            family.defaults[0],
            "off" if family.defaults[1] is None else f"{family.defaults[1]:g}",
            "no" if family.negative is None else "yes",
        )
        for name, family in FAMILIES.items()
    }
    assert documented == tested


@pytest.mark.parametrize("name", sorted(EDIT_ONLY))
def test_a_checkpoint_that_works_from_pictures_alone_is_served_for_edits_and_says_so(name: str, tmp_path: Path) -> None:
    loaded = saved_and_loaded(name, tmp_path / name)
    traits, jobs = loaded.model.traits, loaded.edited()
    assert not traits.draws_from_words
    assert traits.negative_prompt == (loaded.family.negative is not None)
    assert (traits.steps, traits.guidance_scale) == loaded.family.defaults
    test_it_takes_pictures_as_diffusers_has_pipelines_for_them(loaded)
    doomed = loaded.job("doomed", seed=9, inputs=(picture(),))

    def on_event(event: object) -> None:
        if isinstance(event, Stepped) and event.job_id == "doomed":
            drawing.cancel(doomed)

    with Drawing(loaded.model, on_event=on_event) as drawing:
        (refused, cancelled, *ends) = drawing.draw(loaded.job("words"), doomed, *jobs)
    assert isinstance(cancelled, Cancelled)
    said = "This model works from a picture: send one to `/v1/images/edits`."
    assert refused == Failed(
        job_id="words", reason=said, retry_helps=False, code="unsupported_operation", param="model"
    )
    for wanted, end in zip(jobs, ends, strict=True):
        assert np.array_equal(pixels(end), loaded.edited_alone(wanted)), wanted.id


def test_every_familys_edits_are_in_the_documentation() -> None:
    text = (Path(__file__).parents[3] / "docs" / "models-reference.md").read_text().partition("### Edits")[2]
    rows = re.findall(r"^\| ([\w.-]+) \| (\w+Pipeline) \| (\w+) \| (\d+) \| (yes|no) \|", text, re.M)
    documented = {name: (picture, masked, int(most), strength) for name, picture, masked, most, strength in rows}
    tested = {
        name: (edits.picture, edits.mask or "no", edits.most, "yes" if edits.strength else "no")
        for name, edits in EDITS.items()
    }
    assert documented == tested


# Convolutions in two dimensions, in three, hardly any, and a decoder of another kind.
@pytest.mark.parametrize("name", ["stable-diffusion-xl", "qwen-image", "flux.1-dev", "sana"])
def test_it_draws_nearly_the_same_in_bfloat16(name: str, tmp_path: Path) -> None:
    loaded = saved_and_loaded(name, tmp_path / name)
    options = ModelOptions(arguments=loaded.family.arguments)
    half = load(ModelSpec(source=str(loaded.folder), dtype="bfloat16", options=options), "cpu")
    wanted = loaded.job()
    with Drawing(half) as drawing:
        (end,) = drawing.draw(changed(wanted, source=half.source))
    difference = pixels(end).astype(float) - loaded.alone(wanted)
    assert np.sqrt((difference**2).mean()) < 255 / 10**1.5  # 30 dB; benchmarks/precision.py says how near it is


# One graph for all calls; one for each of two lengths of prompts, of which the second makes the first fail; PyTorch.
@pytest.mark.parametrize("name", ["sana", "qwen-image", "lumina-2"])
@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.* is deprecated:DeprecationWarning")
def test_it_draws_the_same_by_openvino(name: str, tmp_path: Path) -> None:
    loaded = saved_and_loaded(name, tmp_path / name)
    options = ModelOptions(arguments=loaded.family.arguments, runtime="openvino")
    other = load(ModelSpec(source=str(loaded.folder), dtype="float32", options=options), "cpu")
    wanted = loaded.job()
    for _ in range(2):
        with Drawing(other) as drawing:
            (end,) = drawing.draw(changed(wanted, source=other.source))
        assert np.abs(pixels(end).astype(int) - loaded.alone(wanted).astype(int)).max() <= 2
