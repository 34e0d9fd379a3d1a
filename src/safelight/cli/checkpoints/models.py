"""Models on this machine: `pull`, `list`, `show`, `rm`."""

from __future__ import annotations

import json
import shutil
import textwrap
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from safelight.adapters.home.pins import Pin, pinned_commit, read_pins, write_pins
from safelight.adapters.home.state_folder import prepare
from safelight.cli.checkpoints.described import described
from safelight.cli.checkpoints.fitting import Fit, fits
from safelight.cli.checkpoints.looking import look_at
from safelight.cli.running_server import as_served
from safelight.cli.show import print_parameters
from safelight.cli.terminal import bytes_in_one_unit, bytes_in_words, note, print_json, print_table
from safelight.contract.checkpoints.checkpoint_files import INDEXES, MODULES, PART_CONFIG, is_controlnet, read_json
from safelight.contract.checkpoints.classifiers import labels_of
from safelight.contract.checkpoints.hub import HubName, cache_folder
from safelight.contract.errors import ConfigurationError
from safelight.contract.models.traits import Traits
from safelight.contract.offers import capabilities_of
from safelight.protocol.messages import ModelSpec
from safelight.settings import Settings

if TYPE_CHECKING:  # the hub's library takes a while
    from safelight.adapters.hub.hub import Pulled


def pull(settings: Settings, text: str, *, variant: str | None, as_json: bool) -> None:
    """Fetch a model, or a sentence encoder, from the hub, and pin the commit that came.

    Raises:
        ConfigurationError, SafelightError: as `safelight.adapters.hub.hub.pull` says.
    """
    from safelight.adapters.hub import hub

    name = _hub_name(text)
    prepare(settings.home)
    pulled = hub.pull(name, variant=variant, bars=not as_json)
    keep(settings, pulled)
    if as_json:
        said = {"model": str(name), "commit": pulled.commit, "bytes": pulled.size, "folder": str(pulled.folder)}
        print_json(said | {"left_out": pulled.left_out, "draws": pulled.draws})
        return
    print(f"{name} is here, {bytes_in_words(pulled.size)}, at commit {pulled.commit[:12]}.")
    for part in pulled.left_out:
        note(f"Without its `{part}`: the weights are a pickle, which can run any code. The model is served without it.")
    note(f"\nServe it and open the studio: safelight run {name}" if pulled.draws else _beside(pulled))


def _beside(pulled: Pulled) -> str:
    """What to do with what does not draw by itself."""
    name = pulled.name
    if labels := _labels(pulled.folder):
        table = f'[image_classifier]\nsource = "{name}"\nrefuse = {{ {json.dumps(labels[-1])} = 0.5 }}'
        said = f"\nIt is an image classifier. It gives scores for {', '.join(labels)}."
        return f"{said} To have pictures refused by one, write in safelight.toml:\n\n{table}"
    if not (pulled.folder / MODULES).is_file():
        return f'\nName it in the options of a model that it was made for: controlnets = {{ NAME = "{name}" }}'
    table = f'[embeddings.{name.repo.rpartition("/")[2]}]\nsource = "{name}"'
    return f"\nIt is a sentence encoder. For `POST /v1/embeddings`, write in safelight.toml:\n\n{table}"


def _labels(folder: Path) -> tuple[str, ...]:
    """Those of an image classifier; none for anything else."""
    config = folder / PART_CONFIG
    return labels_of(read_json(config)) if config.is_file() else ()


def keep(settings: Settings, pulled: Pulled) -> None:
    """Pin the commit that came."""
    pins = read_pins(settings.home)
    write_pins(settings.home, pins | {str(pulled.name): Pin(pulled.commit, int(time.time()))})


def list_pulled(settings: Settings, *, as_json: bool) -> None:
    """Every model of the hub's cache that can be served, and under which ids it is."""
    found = [_row(settings, name, folder) for name, folder in _cached(settings)]
    if as_json:
        print_json(found)
    elif not found:
        note(f"No model in {cache_folder()}. `safelight pull org/name` fetches one; the bundled Postcard needs none.")
    else:
        columns = ("model", "commit", "size", "pulled", "served as")
        sizes = bytes_in_one_unit([row["bytes"] for row in found])
        print_table(columns, [_shown(row, size) for row, size in zip(found, sizes, strict=True)])


def show(settings: Settings, text: str, *, as_json: bool) -> None:
    """What a model is and needs: by the id that it is offered under, its name on the hub, a folder or a file.

    Raises:
        SafelightError: it cannot be served, and why.
    """
    from safelight.bootstrap.engines.catalogue import terms_of

    settings = as_served(settings)
    offered_as = next((name for name, entry in settings.models.items() if text in (name, *entry.aliases)), None)
    spec = _spec_of(settings, text, offered_as)
    if HubName.read(spec.source) is not None:
        cache_folder()  # a user who has none is told so at once
    found = described(settings.home, spec, look_at)
    on_cards = fits(found["bytes"]["bfloat16"])
    found |= {"source": spec.source, "commit": spec.commit, "fits": msgspec.to_builtins(on_cards)}
    capabilities = None
    if offered_as is not None:
        terms = terms_of(settings, offered_as)
        capabilities = capabilities_of(terms, msgspec.convert(found["traits"], Traits))
        found["capabilities"] = capabilities.as_json()
    if as_json:
        print_json(found)
        return
    _print_description(found)
    if capabilities is not None:
        print(f"\nParameters of {offered_as}:\n")
        print_parameters(found["capabilities"])
    _print_fits(on_cards)


def _spec_of(settings: Settings, text: str, offered_as: str | None) -> ModelSpec:
    """As the server loads it: by the settings where an id offers it."""
    from safelight.bootstrap.engines.specs import model_specs

    if offered_as is not None:
        return model_specs(settings)[settings.models[offered_as].source]
    return ModelSpec(source=text, commit=pinned_commit(settings.home, text))


def remove(settings: Settings, text: str, *, as_json: bool) -> None:
    """Delete a pulled model from the hub's cache, every revision of it.

    Raises:
        ConfigurationError: there is no such model.
    """
    name = _hub_name(text)
    folder = name.folder(cache_folder())
    pins = read_pins(settings.home)
    if not folder.is_dir():
        raise ConfigurationError(f"{name.repo} is not in {cache_folder()}. `safelight list` shows what is.")
    freed = sum(path.stat().st_size for path in (folder / "blobs").glob("*") if path.is_file())
    shutil.rmtree(folder)
    kept = {key: pin for key, pin in pins.items() if (read := HubName.read(key)) is None or read.repo != name.repo}
    if kept != pins:
        write_pins(settings.home, kept)
    if as_json:
        print_json({"model": name.repo, "freed_bytes": freed})
    else:
        print(f"{name.repo} is deleted; {bytes_in_words(freed)} are free again.")


def ensure(settings: Settings) -> None:
    """Fetch those of the offered models and encoders that are on the hub and not on this machine: `serve --pull`."""
    wanted = {model.source: model.options.variant for model in settings.models.values()}
    wanted |= {
        source: model.options.variant
        for model in settings.models.values()
        for source in model.options.controlnets.values()
    }
    wanted |= dict.fromkeys(_encoder_sources(settings))
    if settings.image_classifier is not None:
        wanted[settings.image_classifier.source] = None
    for source, variant in wanted.items():
        name = HubName.read(source)
        if name is not None and name.snapshot(cache_folder(), pinned_commit(settings.home, source)) is None:
            pull(settings, str(name), variant=variant, as_json=False)


def _encoder_sources(settings: Settings) -> dict[str, str]:
    """The ids of encoders by their sources."""
    named = {} if settings.embeddings == "off" else settings.embeddings
    return {encoder.source: name for name, encoder in named.items()}


def _hub_name(text: str) -> HubName:
    name = HubName.read(text)
    if name is None:
        raise ConfigurationError(f"A model on the hub is called org/name or org/name@revision; got {text!r}.")
    return name


def _cached(settings: Settings) -> list[tuple[HubName, Path]]:
    """Names and folders of all models and their like in the hub's cache; pulled ones by the name they were."""
    cache = cache_folder()
    pins = read_pins(settings.home)
    names = [name for text in pins if (name := HubName.read(text)) is not None]
    known = {name.repo for name in names}
    for folder in sorted(cache.glob("models--*--*")):
        repo = "/".join(folder.name.removeprefix("models--").split("--", 1))
        if repo not in known and (name := HubName.read(repo)) is not None:
            names.append(name)
    found = []
    for name in sorted(names, key=str):
        pin = pins.get(str(name))
        snapshot = name.snapshot(cache, pin.commit if pin else None)
        if snapshot is not None and _is_for_us(snapshot):
            found.append((name, snapshot))
    return found


def _is_for_us(folder: Path) -> bool:
    """Whether it is a model, an encoder, a ControlNet or a classifier. Other programs keep theirs there as well."""
    if any((folder / index).exists() for index in (*INDEXES, MODULES)) or _labels(folder):
        return True
    config = folder / PART_CONFIG
    return config.is_file() and is_controlnet(read_json(config))


def _row(settings: Settings, name: HubName, folder: Path) -> dict[str, Any]:
    pin = read_pins(settings.home).get(str(name))
    files = {path.resolve(): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
    return {
        "model": str(name),
        "commit": folder.name,
        "bytes": sum(files.values()),
        "pulled": pin.pulled if pin else None,
        "served_as": [*_served_as(settings, str(name))],
    }


def _served_as(settings: Settings, source: str) -> Iterator[str]:
    yield from (model for model, entry in settings.models.items() if entry.source == source)
    for model, entry in settings.models.items():
        yield from (f"{name} of {model}" for name, its in entry.options.controlnets.items() if its == source)
    if source in (encoders := _encoder_sources(settings)):
        yield encoders[source]
    if settings.image_classifier is not None and source == settings.image_classifier.source:
        yield "image_classifier"


def _shown(row: dict[str, Any], size: str) -> tuple[str, ...]:
    when = datetime.fromtimestamp(row["pulled"]).strftime("%Y-%m-%d %H:%M") if row["pulled"] else "by another"
    return row["model"], row["commit"][:12], size, when, ", ".join(row["served_as"]) or "-"


def _print_description(found: dict[str, Any]) -> None:
    traits, sizes = found["traits"], found["bytes"]
    guidance = traits.get("guidance_scale")
    total = {dtype: sum(parts.values()) for dtype, parts in sizes.items()}
    weights = bytes_in_one_unit(list(total.values()))
    rows = [
        ("model", found["name"] + (f" at {found['commit'][:12]}" if found["commit"] else "")),
        ("pipeline", traits["pipeline"] + (", distilled to few steps" if traits.get("few_steps") else "")),
        ("steps", str(traits["steps"])),
        ("guidance_scale", "off" if guidance is None else f"{guidance:g}"),
        ("negative prompt", "yes" if traits.get("negative_prompt") else "no"),
        ("size", f"{traits['width']}x{traits['height']}, sides in steps of {traits['side_multiple']}"),
        ("weights", ", ".join(f"{size} as {dtype}" for dtype, size in zip(total, weights, strict=True))),
        ("here", f"{found['dtype']} on {found['device']}" + _memory(found["device_bytes"])),
    ]
    print_table(("", ""), rows)
    print("".join(f"\n{textwrap.fill(text, 100)}" for text in traits.get("notes", ())))
    parts = found["components"].items()
    of_parts = bytes_in_one_unit([sizes["bfloat16"].get(part) for part, _ in parts])
    lines = [(part, kind, size) for (part, kind), size in zip(parts, of_parts, strict=True)]
    print_table(("part", "class", "as bfloat16"), lines)


def _print_fits(on_cards: tuple[Fit, ...]) -> None:
    print("\nWhat fits a card, computed from the weights in bfloat16 (a fifth of the card is left for drawing):\n")
    sizes = bytes_in_one_unit([fit.way.bytes if fit.way else None for fit in on_cards])
    rows = [
        (f"{fit.card_gb} GB", fit.way.settings if fit.way else "does not fit", size)
        for fit, size in zip(on_cards, sizes, strict=True)
    ]
    print_table(("card", "options", "weights on it"), rows)


def _memory(size: int | None) -> str:
    return "" if size is None else f" with {bytes_in_words(size)}"
