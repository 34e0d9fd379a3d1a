"""`pull`, `list`, `show`, `rm` and `ps`, against a hub on this machine."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from benchmarks.checkpoints import tiny

from safelight.adapters.hub import asking, download
from safelight.cli.checkpoints.models import ensure
from safelight.cli.serving.serve_models import in_little_memory, offered
from safelight.cli.serving.served_models import at_work, standing
from safelight.cli.terminal import bytes_in_one_unit
from safelight.contract.errors import ConfigurationError
from safelight.settings import read_settings
from tests.cli.conftest import InProcess, Server, assert_sentence
from tests.cli.hub import COMMIT, Hub, serving

MODEL = "acme/tiny"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With what real repositories hold beside: a README, pickles, another variant, a file for other programs."""
    folder = tiny.save("stable-diffusion", tmp_path_factory.mktemp("hub") / "model")
    weights = folder / "unet" / "diffusion_pytorch_model.safetensors"
    shutil.copyfile(weights, weights.with_suffix(".fp16.safetensors"))
    weights.with_suffix(".bin").write_bytes(b"\x80\x02}q\x00.")
    (folder / "README.md").write_text("# Tiny")
    (folder / "all-in-one.safetensors").write_bytes(b"0" * 1000)
    return folder


@pytest.fixture
def hub(checkpoint: Path, tmp_path: Path) -> Iterator[Hub]:
    with serving({MODEL: checkpoint}) as hub:
        yield hub


def pulled(here: InProcess, name: str = MODEL, *options: str) -> Any:
    ran = here("pull", name, "--json", *options)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_what_diffusers_loads_is_fetched_and_nothing_else(here: InProcess, hub: Hub, checkpoint: Path) -> None:
    found = pulled(here)
    folder = Path(found["folder"])
    came = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    left = {"README.md", "all-in-one.safetensors", "unet/diffusion_pytorch_model.fp16.safetensors"}
    left |= {"unet/diffusion_pytorch_model.bin"}
    everything = {str(path.relative_to(checkpoint)) for path in checkpoint.rglob("*") if path.is_file()}
    assert came == everything - left
    assert all((folder / name).read_bytes() == (checkpoint / name).read_bytes() for name in came)
    assert found["commit"] == COMMIT
    assert found["bytes"] == sum((checkpoint / name).stat().st_size for name in came)


def test_a_second_pull_fetches_nothing_again(here: InProcess, hub: Hub) -> None:
    pulled(here)
    hub.asked.clear()
    pulled(here)
    assert all("/resolve/" not in path for method, path, _ in hub.asked if method == "GET")


def test_a_variant_is_fetched_where_it_is_asked_for(here: InProcess, hub: Hub) -> None:
    folder = Path(pulled(here, MODEL, "--variant", "fp16")["folder"])
    assert [path.name for path in (folder / "unet").glob("*.safetensors")] == [
        "diffusion_pytorch_model.fp16.safetensors"
    ]


def test_a_cut_transfer_says_so_and_the_next_pull_goes_on_from_there(here: InProcess, hub: Hub) -> None:
    hub.cut_after = 4096
    cut = here("pull", MODEL)
    assert_sentence(cut, 1, "could not be fetched whole", f"`safelight pull {MODEL}` goes on from there")
    hub.cut_after = None
    hub.asked.clear()
    pulled(here)
    ranges = {asked for method, path, asked in hub.asked if method == "GET" and path.endswith(".safetensors")}
    assert ranges == {"bytes=4096-"}


def test_what_comes_damaged_is_deleted_and_said(here: InProcess, hub: Hub) -> None:
    hub.damage = True
    assert_sentence(here("pull", MODEL), 1, "came damaged: its checksum is not the hub's", "pull again")
    hub.damage = False
    pulled(here)


def test_a_small_file_that_is_longer_than_was_said_is_not_fetched_on(here: InProcess, hub: Hub) -> None:
    hub.longer = 1000
    assert_sentence(here("pull", MODEL), 1, "model_index.json is longer than the hub said")
    hub.longer = 0
    pulled(here)


def test_a_bar_shows_how_far_it_is(here: InProcess) -> None:
    ran = here("pull", MODEL)
    assert ran.returncode == 0
    assert ran.stdout.startswith(f"{MODEL} is here, ")
    assert "100%" in ran.stderr
    assert f"safelight run {MODEL}" in ran.stderr


def test_a_list_of_files_without_end_is_given_up(here: InProcess, hub: Hub) -> None:
    hub.next_page = f"{hub.url}/api/models/{MODEL}/tree/{COMMIT}?page=more"
    assert_sentence(here("pull", MODEL), 1, "has more than 200 pages")
    assert len([path for _, path, _ in hub.asked if "/tree/" in path]) == 200
    assert not hub.sent()


def test_a_list_of_files_is_not_followed_to_another_host(here: InProcess, hub: Hub) -> None:
    hub.next_page = "http://localhost:1/elsewhere"
    assert_sentence(here("pull", MODEL), 1, "goes on at localhost, which is not the hub")
    assert not hub.sent()


@pytest.mark.parametrize("where", ["/revision/", "/tree/", "model_index.json", "diffusion_pytorch_model.safetensors"])
def test_a_hub_that_drips_bytes_for_ever_is_given_up(
    here: InProcess, hub: Hub, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(asking, "_MOST_SECONDS", 0.2)
    monkeypatch.setattr(download, "_LEAST_SECONDS", 0.2)
    hub.drips = where
    said = "has not ended after 0.2 s" if "/" in where else "could not be fetched whole (ReadTimeout)"
    assert_sentence(here("pull", MODEL), 1, said)


@pytest.mark.parametrize("where", ["/revision/", "/tree/", "/resolve/"])
@pytest.mark.parametrize(
    ("to", "said"),
    [
        ("{own}", "could not be fetched whole (TooManyRedirects)"),
        ("ftp://127.0.0.1/file", "leads from http to ftp:, which is not followed"),
        ("file:///etc/passwd", "leads from http to file:, which is not followed"),
    ],
    ids=["without end", "to ftp", "to a file"],
)
def test_a_hub_that_leads_nowhere_is_not_followed(here: InProcess, hub: Hub, where: str, to: str, said: str) -> None:
    hub.leads, hub.to = where, to.format(own=f"{hub.url}{where}again")
    assert_sentence(here("pull", MODEL), 1, said)
    assert len([path for _, path, _ in hub.asked if where in path]) <= 9
    assert not list(here.folder.rglob("*.part"))


def test_files_may_lie_at_another_host_which_is_not_shown_the_token_and_what_is_not_checked_may_not(
    here: InProcess, hub: Hub, checkpoint: Path
) -> None:
    here.variables["HF_TOKEN"] = "hf_secret"
    with serving({MODEL: checkpoint}) as mirror:
        other = mirror.url.replace("127.0.0.1", "localhost")
        for part in ("/tree/", "/revision/"):
            hub.leads, hub.to = part, f"{other}/api/models/{MODEL}{part}{COMMIT}"
            assert_sentence(here("pull", MODEL), 1, "answer is at localhost, which is not the hub")
        mirror.tokens.clear()
        hub.leads, hub.to = "model_index.json", f"{other}/{MODEL}/resolve/{COMMIT}/model_index.json"
        pulled(here)
        assert list(mirror.tokens.values()) == [None]
    assert hub.tokens.popitem()[1] == "Bearer hf_secret"


def test_an_optional_part_that_is_a_pickle_is_named_as_left_out(
    here: InProcess, hub: Hub, tmp_path: Path, checkpoint: Path
) -> None:
    checked = shutil.copytree(checkpoint, tmp_path / "checked")
    index = json.loads((checked / "model_index.json").read_text())
    index["safety_checker"] = ["stable_diffusion", "StableDiffusionSafetyChecker"]
    (checked / "model_index.json").write_text(json.dumps(index))
    (checked / "safety_checker").mkdir()
    (checked / "safety_checker" / "pytorch_model.bin").write_bytes(b"\x80\x02}q\x00.")
    hub.repositories["acme/checked"] = checked
    told = here("pull", "acme/checked")
    assert told.returncode == 0
    assert "Without its `safety_checker`: the weights are a pickle" in told.stderr
    assert pulled(here, "acme/checked")["left_out"] == ["safety_checker"]
    assert pulled(here)["left_out"] == []


def test_offline_nothing_is_fetched(here: InProcess, hub: Hub) -> None:
    assert_sentence(here("pull", MODEL, HF_HUB_OFFLINE="1"), 2, "HF_HUB_OFFLINE is set, so nothing is fetched")
    assert hub.asked == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("acme/other", "There is no model acme/other, or it is private"),
        (f"{MODEL}@v9", "acme/tiny has no revision 'v9'"),
        ("tiny", "called org/name or org/name@revision; got 'tiny'"),
    ],
)
def test_what_is_not_there_is_said(here: InProcess, name: str, said: str) -> None:
    assert_sentence(here("pull", name), 2, said)


def test_a_hub_that_does_not_answer_is_said(here: InProcess, hub: Hub) -> None:
    assert_sentence(here("pull", MODEL, HF_ENDPOINT="http://127.0.0.1:9"), 1, "could not be fetched whole")


def test_a_repository_without_the_layout_or_with_pickles_alone_is_refused_before_it_is_fetched(
    here: InProcess, hub: Hub, tmp_path: Path, checkpoint: Path
) -> None:
    single, pickles = tmp_path / "single", shutil.copytree(checkpoint, tmp_path / "pickles")
    single.mkdir()
    (single / "sd.safetensors").write_bytes(b"0")
    for path in (pickles / "unet").glob("*.safetensors"):
        path.unlink()
    hub.repositories |= {"acme/single": single, "acme/pickles": pickles}
    assert_sentence(here("pull", "acme/single"), 2, "no model_index.json", "sd.safetensors")
    assert_sentence(here("pull", "acme/pickles"), 2, "The weights of `unet` in acme/pickles are pickles alone")
    assert hub.sent() == []


def test_a_controlnet_is_fetched_from_a_repository_of_its_own(here: InProcess, hub: Hub, tmp_path: Path) -> None:
    folder, other = tmp_path / "canny", tmp_path / "other"
    for each, kind in ((folder, "ControlNetModel"), (other, "UNet2DConditionModel")):
        each.mkdir()
        (each / "config.json").write_text(json.dumps({"_class_name": kind}))
        for name in ("diffusion_pytorch_model", "diffusion_pytorch_model.fp16"):
            (each / f"{name}.safetensors").write_bytes(b"0" * 1000)
        (each / "diffusion_pytorch_model.bin").write_bytes(b"0")
        (each / "README.md").write_text("# Canny")
    pickled = shutil.copytree(folder, tmp_path / "pickled")
    for path in pickled.glob("*.safetensors"):
        path.unlink()
    hub.repositories |= {"acme/canny": folder, "acme/other": other, "acme/pickled": pickled}
    came = Path(pulled(here, "acme/canny")["folder"])
    assert {path.name for path in came.iterdir()} == {"config.json", "diffusion_pytorch_model.safetensors"}
    ran = here("pull", "acme/canny")
    assert 'controlnets = { NAME = "acme/canny" }' in ran.stderr
    table = '[models.mine]\nsource = "acme/tiny"\noptions.controlnets = { edges = "acme/canny" }\n'
    here.folder.joinpath("safelight.toml").write_text(table)
    (row,) = json.loads(here("list", "--json").stdout)
    assert (row["model"], row["served_as"]) == ("acme/canny", ["edges of mine"])
    assert_sentence(here("pull", "acme/other"), 2, "no model_index.json")
    assert_sentence(here("pull", "acme/pickled"), 2, "The weights of acme/pickled are pickles alone")


def test_list_tells_what_is_here_and_what_serves_it(here: InProcess) -> None:
    assert here("list", "--json").stdout == "[]\n"
    pulled(here)
    here.folder.joinpath("safelight.toml").write_text(f'[models.mine]\nsource = "{MODEL}"\n')
    (row,) = json.loads(here("list", "--json").stdout)
    assert (row["model"], row["commit"], row["served_as"]) == (MODEL, COMMIT, ["mine"])
    assert "acme/tiny" in here("list").stdout


def test_a_model_stays_at_the_commit_that_was_pulled(here: InProcess, hub: Hub) -> None:
    pulled(here)
    moved = here.folder / "hf" / "hub" / "models--acme--tiny" / "refs" / "main"
    moved.write_text("f" * 40)
    assert json.loads(here("list", "--json").stdout)[0]["commit"] == COMMIT


def test_show_tells_how_a_model_wants_to_be_run_and_ends_with_what_fits_which_card(here: InProcess) -> None:
    """In one test, since it is read in a process that imports PyTorch with this hub's address."""
    pulled(here)
    told = here("show", MODEL)
    assert told.returncode == 0, told.stderr
    table = told.stdout.partition("What fits a card, computed from the weights")[2]
    assert [line.split()[0] for line in table.splitlines() if " GB  " in line] == ["8", "16", "24", "48", "80"]
    found = json.loads(here("show", MODEL, "--json").stdout)
    assert found["fits"][0] == {
        "card_gb": 8,
        "way": {"settings": "nothing to set", "bytes": sum(found["bytes"]["bfloat16"].values())},
    }
    assert found["traits"] | {"steps": 50, "guidance_scale": 7.5, "negative_prompt": True} == found["traits"]
    assert found["commit"] == COMMIT
    assert found["components"]["unet"] == "UNet2DConditionModel"
    assert 0 < found["bytes"]["bfloat16"]["unet"] * 2 == found["bytes"]["float32"]["unet"]


def test_low_vram_moves_parts_and_decodes_in_tiles_whatever_the_file_says(tmp_path: Path) -> None:
    named = {"sd": {"source": "org/sd", "options": {"offload": "none", "attention": "native"}}}
    options = in_little_memory(named, tmp_path)["sd"]["options"]
    assert options == {"offload": "model", "vae_tiling": True, "attention": "native"}


@pytest.mark.parametrize("models", [None, {"postcard": {"source": "postcard"}}])
def test_low_vram_without_a_model_that_it_is_for_is_refused(models: Any, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="name one with --model"):
        in_little_memory(models, tmp_path)


def test_rm_deletes_a_model_and_its_pin(here: InProcess) -> None:
    pulled(here)
    gone = json.loads(here("rm", MODEL, "--json").stdout)
    assert gone["model"] == MODEL
    assert gone["freed_bytes"] > 0
    assert here("list", "--json").stdout == "[]\n"
    assert_sentence(here("rm", MODEL), 2, "acme/tiny is not in", "`safelight list`")


def test_a_server_told_to_pulls_what_is_not_here_and_no_other(
    here: InProcess, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HF_ENDPOINT", "HF_HOME"):
        monkeypatch.setenv(name, here.variables[name])
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)  # the engine sets it when a neighbour imports it
    models = {"tiny": {"source": MODEL}, "postcard": {"source": "postcard"}}
    settings = read_settings({"home": here.home, "models": models})
    ensure(settings)
    assert json.loads(here("list", "--json").stdout)[0]["model"] == MODEL
    hub.asked.clear()
    ensure(settings)
    assert hub.asked == []


def test_an_id_without_a_model_before_it_is_refused_before_anything_starts(quick: InProcess) -> None:
    ran = quick("serve", "--as", "x", "--model", "a/b")
    assert_sentence(ran, 2, "--as names the --model before it: there is none for `--as x`")


def test_ps_tells_the_models_of_the_running_server(server: Server, quick: InProcess) -> None:
    rows = json.loads(server.safelight("ps", "--json").stdout)
    assert {row["model"] for row in rows} == {"stable-image-ultra", "postcard"}
    assert {row["status"] for row in rows} <= {"ready", "loading"}
    assert {row["resident"] for row in rows if row["status"] == "ready"} <= {True}
    assert "put away" not in server.safelight("ps").stdout
    for row in rows:
        (worker,) = row["workers"]
        assert worker.keys() == {"worker", "device", "where", "host_bytes", "device_bytes", "pictures_per_minute"}
    assert re.search(
        r"^model +worker +device +device memory +host memory +pictures a minute",
        table := server.safelight("ps").stdout,
        re.M,
    )
    assert re.search(r"^stable-image-ultra, postcard +0 +none +- +- +0\.0", table, re.M)
    assert_sentence(quick("ps"), 1, "No server runs on this state folder")


@pytest.mark.parametrize(
    ("status", "where", "shown"),
    [
        ("ready", "device", ("ready", "2.0 GB")),
        ("ready", "host", ("in host memory", "2.0 GB")),
        ("ready", "none", ("put away", "-")),
        ("loading", "none", ("loading", "-")),
    ],
)
def test_ps_says_where_a_model_is(status: str, where: str, shown: tuple[str, str]) -> None:
    row = {"model": "sdxl", "drawn_by": "acme/sdxl", "status": status, "where": where, "memory_bytes": 2_000_000_000}
    assert standing([row]) == [("sdxl", "acme/sdxl", *shown)]


def test_a_table_has_one_unit() -> None:
    assert bytes_in_one_unit([24_000_000_000, 500_000_000, 1, 0, None]) == [
        "24.0 GB",
        "0.5 GB",
        "< 0.1 GB",
        "0.0 GB",
        "-",
    ]
    assert bytes_in_one_unit([1_500_000, 20_000]) == ["1.5 MB", "< 0.1 MB"]
    assert bytes_in_one_unit([20_000]) == ["20.0 kB"]
    assert bytes_in_one_unit([]) == []


def test_every_table_of_memory_has_one_unit(quick: InProcess) -> None:
    told = quick("show", "postcard").stdout
    for table in (told.partition("as bfloat16\n")[2].partition("\n\n")[0], told.partition("weights on it")[2]):
        units = set(re.findall(r"\d ([kMG]B) *$", table, re.MULTILINE))
        assert len(units) == 1, told


def test_ps_says_what_each_worker_has_and_does() -> None:
    first = {"worker": 0, "device": "cuda:0", "host_bytes": 2_000_000_000, "device_bytes": 24_000_000_000}
    row = {
        "model": "sdxl",
        "workers": [
            first | {"pictures_per_minute": 7.25},
            {"worker": 1, "device": None, "host_bytes": 0, "device_bytes": 0, "pictures_per_minute": 0},
        ],
    }
    assert at_work([row]) == [
        ("sdxl", "0", "cuda:0", "24.0 GB", "2.0 GB", "7.2"),
        ("sdxl", "1", "-", "-", "-", "0.0"),
    ]


def test_the_command_line_offers_models_with_what_the_file_says_of_their_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "safelight.toml").write_text('[models.ultra]\nsource = "postcard"\nsteps = 12\n')
    assert offered(["--model", "acme/tiny", "--as=ultra", "--port", "0", "--model=/srv/Other"], tmp_path) == {
        "ultra": {"source": "acme/tiny", "steps": 12},
        "other": {"source": "/srv/Other"},
    }
    assert offered(["--model", "acme/Tiny-XL.1"], tmp_path) == {"tiny-xl.1": {"source": "acme/Tiny-XL.1"}}
    assert offered(["--model", "/srv/Fine.safetensors"], tmp_path) == {"fine": {"source": "/srv/Fine.safetensors"}}
    assert offered([], tmp_path) is None
    assert offered(["--model", "a/b", "--model", "c/d", "--as", "x"], tmp_path) == {
        "b": {"source": "a/b"},
        "x": {"source": "c/d"},
    }
    with pytest.raises(ConfigurationError, match="there is none for `--as y`"):
        offered(["--model", "a/b", "--as", "x", "--as", "y"], tmp_path)
    with pytest.raises(ConfigurationError, match="Two models are called b"):
        offered(["--model", "a/b", "--model", "c/b"], tmp_path)


@pytest.mark.parametrize("said", ["../../../../outside", "/tmp/outside", "A" * 64, ""])
def test_a_hub_cannot_say_where_its_files_are_written(here: InProcess, hub: Hub, said: str) -> None:
    hub.checksum = said or "0" * 63
    ran = here("pull", MODEL)
    assert ran.returncode != 0
    assert "checksum that is none" in ran.stderr
    assert not list(here.folder.rglob("outside*"))
    assert hub.sent() == []


def test_a_hub_cannot_say_that_a_commit_is_a_path(here: InProcess, hub: Hub) -> None:
    hub.commit = "../../../outside"
    ran = here("pull", MODEL)
    assert "commit that is none" in ran.stderr
    assert not list(here.folder.rglob("outside*"))
