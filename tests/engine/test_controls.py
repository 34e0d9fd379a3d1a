"""ControlNets: what follows a picture is what diffusers draws, and what cannot be followed is refused by name."""

from __future__ import annotations

import functools
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from benchmarks.checkpoints.build import FAMILIES
from msgspec.structs import replace

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions
from safelight.contract.requests.order import Order
from safelight.engine.checkpoint.loading import describe, load, weight_of
from safelight.engine.describe import describe_here
from safelight.engine.machine.weights.memory import memory_of, tensors_of
from safelight.engine.pipeline.edits.controls import WORDS, follower
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.residency.host_memory import move
from safelight.engine.tuning.apply import tune
from safelight.engine.tuning.offloading import Part, computes_on
from safelight.protocol.messages import Cancelled, Failed, Finished, ModelSpec, Preview, Started, Stepped, Watch
from tests.engine.drawing import Drawing, job, pixels
from tests.engine.families.controls import CONTROLS, control_map, controlnet, followed
from tests.engine.families.edits import mask, picture
from tests.engine.families.test_families import saved_and_loaded

pytestmark = [
    pytest.mark.filterwarnings("ignore:.* is deprecated and will be removed in version 1.0.0:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*FluxPosEmbed. is deprecated:FutureWarning"),
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]


class Followed:
    """A family with two ControlNets, saved by diffusers and loaded by Safelight."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.family, self.control = name, FAMILIES[name], CONTROLS[name]
        base = saved_and_loaded(name, folder / "base")
        for number, each in enumerate(("canny", "depth")):
            controlnet(base.model.pipeline, self.control, number).save_pretrained(folder / each)
        named = {each: str(folder / each) for each in ("canny", "depth")}
        options = ModelOptions(arguments=self.family.arguments, controlnets=named)
        self.spec = ModelSpec(source=str(folder / "base"), dtype="float32", options=options)
        self.model = load(self.spec, "cpu")

    def job(self, name: str = "job", *maps: str, **changes: Any) -> Order:
        width, height = self.family.size
        inputs = (*changes.pop("before", ()), *map(control_map, maps or ("canny",)), *changes.pop("after", ()))
        asked = {"steps": self.family.steps, "width": width, "height": height, "inputs": inputs}
        return job(self.model, name, **{**asked, **changes})

    def alone(self, wanted: Order) -> Any:
        """By diffusers' own pipeline for it, nothing of Safelight in between."""
        roles = {each.role for each in wanted.recipe.inputs}
        control = self.control
        name = control.masked if "mask" in roles else control.pictures if "image" in roles else control.words
        assert name is not None
        nets = [self.model.controls.nets[p.name] for p in wanted.recipe.inputs if p.role == "control"]
        arguments = {**self.family.arguments, **self.family.call, **control.arguments}
        if "image" in roles and "guidance_scale" not in arguments:
            arguments["guidance_scale"] = self.family.defaults[1]
        return followed(self.model.pipeline, name, nets, wanted, arguments)

    def jobs(self) -> list[Order]:
        """One for everything that can be followed."""
        found = [self.job("one"), self.job("weak", "depth", control_strength=0.25)]
        if self.control.several:
            found.append(self.job("both", "canny", "depth", control_strength=0.5))
        if self.control.pictures is not None:
            found.append(self.job("changed", before=(picture(),), strength=0.7))
        if self.control.masked is not None:
            found.append(self.job("masked", before=(picture(),), after=(mask(),), strength=1.0))
        return found


@pytest.fixture(scope="module", params=sorted(CONTROLS))
def family(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Followed:
    return Followed(request.param, tmp_path_factory.mktemp("controls") / request.param)


@pytest.fixture(scope="module")
def diffusion(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    return Followed("stable-diffusion-1.5", tmp_path_factory.mktemp("control"))


def test_what_follows_is_what_diffusers_draws_alone_and_in_company(family: Followed) -> None:
    jobs, words = family.jobs(), family.job("words", inputs=())
    doomed = family.job("doomed", seed=9)

    def on_event(event: object) -> None:
        if isinstance(event, Stepped) and event.job_id == "doomed":
            drawing.cancel(doomed)
        if isinstance(event, Started) and event.job_id == "one":
            drawing.loop.put(Watch(job_id="one", longest=64))

    expected = {wanted.id: family.alone(wanted) for wanted in jobs}
    with Drawing(family.model, on_event=on_event) as drawing:
        (plain,) = drawing.draw(words)  # previews are learned from the model's own pictures
        ends = drawing.draw(*jobs, doomed)
    assert isinstance(ends.pop(), Cancelled)
    drawn = {wanted.id: pixels(end) for wanted, end in zip(jobs, ends, strict=True)}
    for name, picture_drawn in drawn.items():
        assert np.array_equal(picture_drawn, expected[name]), name
        steps = [event for event in drawing.events if isinstance(event, Stepped) and event.job_id == name]
        assert steps[-1].step == steps[-1].steps == len(steps), name
    different = len({each.tobytes() for each in [*drawn.values(), pixels(plain)]})
    assert different == len(drawn) + 1 or not family.control.deep
    assert any(isinstance(event, Preview) and event.job_id == "one" for event in drawing.events)


def test_what_can_be_followed_is_read_off_diffusers(family: Followed) -> None:
    traits, control = family.model.traits, family.control
    assert (traits.controls, traits.controls_together) == (("canny", "depth"), control.several)
    assert traits.edits is None or traits.edits.controls == (control.pictures is not None)
    for wanted in family.jobs():
        assert isinstance(family.alone(wanted), np.ndarray)


def test_nothing_is_loaded_twice(family: Followed) -> None:
    model = family.model
    names = ("canny", "depth") if family.control.several else ("canny",)
    found = model.controls.follower(type(model.pipeline), names, WORDS)
    assert found is not None
    made = model.controls.pipeline(model.pipeline, found, names)
    assert made is model.controls.pipeline(model.pipeline, found, names)
    own = model.pipeline.components
    assert all(part is own[name] for name, part in made.components.items() if name != "controlnet")
    assert type(made).__name__ == family.control.words
    shared = {tensor.data_ptr() for tensor in tensors_of(model.pipeline)}  # Z-Image's has layers of the transformer
    more = {t.data_ptr(): t.nbytes for t in tensors_of(model.controls.parts) if t.data_ptr() not in shared}
    assert model.bytes == memory_of(model.pipeline) + sum(more.values())
    assert more


def test_other_families_have_nothing_to_follow() -> None:
    import diffusers

    nets = [getattr(diffusers, control.net) for control in CONTROLS.values()]
    for name in ("flux.2", "pixart-sigma", "kandinsky-2.2", "chroma", "lumina-2"):
        own: Any = type(FAMILIES[name].build())
        assert not any(follower(own, net, WORDS) for net in nets), name
    assert follower(diffusers.StableDiffusionPipeline, diffusers.FluxControlNetModel, WORDS) is None


def test_its_weights_and_settings_are_in_the_fingerprint(diffusion: Followed, tmp_path: Path) -> None:
    without = load(replace(diffusion.spec, options=ModelOptions()), "cpu").fingerprint
    other = tmp_path / "other"
    shutil.copytree(diffusion.spec.options.controlnets["canny"], other)
    named = {"canny": str(other), "depth": diffusion.spec.options.controlnets["depth"]}
    controlnet(diffusion.model.pipeline, diffusion.control, seed=7).save_pretrained(other)
    changed = load(replace(diffusion.spec, options=ModelOptions(controlnets=named)), "cpu").fingerprint
    assert len({without, changed, diffusion.model.fingerprint}) == 3


def test_what_cannot_be_followed_is_refused_by_name(diffusion: Followed, tmp_path: Path) -> None:
    refused = {
        "no ControlNet `pose`": (diffusion.job("a", "pose"), "control"),
        "`control_strength` needs": (diffusion.job("b", inputs=(), control_strength=1.0), "control_strength"),
    }
    with Drawing(diffusion.model) as drawing:
        for said, (order, param) in refused.items():
            (end,) = drawing.draw(order)
            assert isinstance(end, Failed)
            assert said in end.reason
            assert (end.code, end.param) == ("invalid_value", param)
    sana = Followed("sana", tmp_path)
    with Drawing(sana.model) as drawing:
        (end,) = drawing.draw(sana.job("c", "canny", "depth"))
    assert isinstance(end, Failed)
    assert "does not follow these ControlNets together" in end.reason
    assert end.code == "invalid_value"


def wrong(spec: ModelSpec, source: str) -> str:
    """What loading says of that ControlNet."""
    with pytest.raises(ModelLoadError) as caught:
        load(replace(spec, options=ModelOptions(controlnets={"canny": source})), "cpu")
    return str(caught.value)


def test_one_of_another_base_is_refused_with_the_shapes(diffusion: Followed, tmp_path: Path) -> None:
    net = controlnet(diffusion.model.pipeline, diffusion.control, cross_attention_dim=48)
    net.save_pretrained(tmp_path)
    said = wrong(diffusion.spec, str(tmp_path))
    assert "The ControlNet `canny` was made for another model" in said
    assert "attn2.to_k.weight (16, 48) instead of (16, 32)" in said


def test_what_is_no_controlnet_is_refused_before_weights_are_read(diffusion: Followed, tmp_path: Path) -> None:
    spec, canny = diffusion.spec, Path(diffusion.spec.options.controlnets["canny"])
    assert "The ControlNet `canny` cannot be used. Its folder is not there" in wrong(spec, str(tmp_path / "gone"))
    assert "org/none is not on this machine. `safelight pull org/none` fetches it." in wrong(spec, "org/none")
    assert "is a UNet2DConditionModel, which is no ControlNet" in wrong(spec, str(Path(spec.source) / "unet"))
    assert "names no class" in wrong(spec, str(Path(spec.source) / "tokenizer"))
    copy = tmp_path / "copy"
    shutil.copytree(canny, copy)
    weights = next(copy.glob("*.safetensors"))
    weights.rename(copy / "diffusion_pytorch_model.bin")
    assert "are a pickle" in wrong(spec, str(copy))
    (copy / "diffusion_pytorch_model.bin").unlink()
    assert "are missing" in wrong(spec, str(copy))
    config = json.loads((copy / "config.json").read_text())
    (copy / "config.json").write_text(json.dumps(config | {"_class_name": "FluxControlNetModel"}))
    shutil.copy(canny / weights.name, copy)
    assert "no pipeline that draws as StableDiffusionPipeline does with a FluxControlNetModel" in wrong(spec, str(copy))
    (copy / "config.json").write_text(json.dumps(config | {"num_mode": 4}))
    assert "several in one" in wrong(spec, str(copy))
    with pytest.raises(ModelLoadError, match="Its folder is not there"):
        describe(replace(spec, options=ModelOptions(controlnets={"canny": str(tmp_path / "gone")})))


def test_a_description_counts_what_they_weigh(diffusion: Followed) -> None:
    plain = replace(diffusion.spec, options=ModelOptions())
    found = describe_here(diffusion.spec)
    assert found.traits.controls == ("canny", "depth")
    assert set(found.bytes["float32"]) >= {"controlnet canny", "controlnet depth"}
    assert found.components["controlnet canny"] == "ControlNetModel"
    assert (
        weight_of(diffusion.spec, "cpu")
        > weight_of(plain, "cpu")
        == sum(describe_here(plain).bytes["float32"].values())
    )


@pytest.mark.parametrize("kind", ["model", "group"])
def test_they_take_turns_with_the_other_parts(tmp_path: Path, kind: Any) -> None:
    """On the CPU, where `load` refuses it for want of a use: the weights stay, and all else is as on an accelerator."""
    apart = Followed("stable-diffusion-1.5", tmp_path)
    wanted = [apart.job("one"), apart.job("both", "canny", "depth", seed=8)]
    expected = [apart.alone(each) for each in wanted]
    model = apart.model
    tune(model.pipeline, ModelOptions(offload=kind), "cpu", beside=model.controls.parts)
    with Drawing(model) as drawing:
        ends = drawing.draw(*wanted)
    assert [np.array_equal(pixels(end), each) for end, each in zip(ends, expected, strict=True)] == [True, True]
    for net in model.controls.nets.values():
        assert computes_on(net) == torch.device("cpu")
        assert isinstance(getattr(net, "_hf_hook", None), Part) == (kind == "model")


def test_every_family_that_follows_is_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "models-reference.md").read_text().partition("### ControlNets")[2]
    rows = re.findall(r"^\| ([\w.-]+) \| (\w+Pipeline) \| (\w+) \| (\w+) \| (yes|no) \|", text, re.M)
    tested = [
        (name, each.words, each.pictures or "no", each.masked or "no", "yes" if each.several else "no")
        for name, each in CONTROLS.items()
    ]
    assert sorted(rows) == sorted(tested)


def _noted(moved: list[Any], net: Any, function: Any, recurse: bool = True) -> Any:
    moved.append(net)
    return net


def test_they_go_and_come_with_their_model(diffusion: Followed) -> None:
    model: LoadedModel = diffusion.model
    moved = list[Any]()
    for net in model.controls.nets.values():
        net._apply = functools.partial(_noted, moved, net)
    try:
        move(model, "cpu", free=lambda: None)
    finally:
        for net in model.controls.nets.values():
            del net._apply
    assert moved == [*model.controls.nets.values()]
    wanted = diffusion.job()
    with torch.no_grad(), Drawing(model) as drawing:
        (end,) = drawing.draw(wanted)
    assert isinstance(end, Finished)
    assert np.array_equal(pixels(end), diffusion.alone(wanted))
