"""The snippets of docs/clients.md and of the README run as they are pasted, and draw what they say."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.node_client import NODE as NODE_PROJECT
from tests.clients.pictures import drawn, opened
from tests.clients.process import Served

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "clients.md"
_SNIPPET = re.compile(r"^## (?P<client>[^\n]+)\n(?P<words>.*?)```(?P<language>\w+)\n(?P<code>.*?)^```$", re.M | re.S)

SNIPPETS = {found["client"]: (found["language"], found["code"]) for found in _SNIPPET.finditer(PAGE.read_text())}
PYTHON = [client for client, (language, _) in SNIPPETS.items() if language == "python"]
NODE = [client for client, (language, _) in SNIPPETS.items() if language == "js"]


def paste(client: str, command: list[str], server: Served, folder: Path) -> None:
    """Run a snippet in `folder`; it must have written the lighthouse there."""
    variables = server.environment() | {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    ran = subprocess.run(
        command,
        cwd=folder,
        env=server.safelight.environment(**variables),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    (written,) = folder.glob("*.png")
    negative_prompt = "" if client == "curl" else "people"
    expected = drawn(seed=7, prompt="A lighthouse at dawn", negative_prompt=negative_prompt, size=(1344, 768))
    assert written.read_bytes() == expected


def test_every_client_has_its_snippet() -> None:
    assert set(SNIPPETS) == {
        "curl", "openai-python", "LiteLLM", "openai-node", "AI SDK", "Heroku's provider for the AI SDK",
        "Embeddings: openai-python, LiteLLM, LangChain",
    }  # fmt: skip


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine lacks curl")
def test_the_snippet_of_curl_draws_what_it_says(server: Served, tmp_path: Path) -> None:
    paste("curl", ["bash", "-o", "pipefail", "-c", SNIPPETS["curl"][1]], server, tmp_path)


@pytest.mark.parametrize("client", PYTHON)
def test_a_python_snippet_draws_what_it_says(client: str, server: Served, tmp_path: Path) -> None:
    paste(client, [sys.executable, "-c", SNIPPETS[client][1]], server, tmp_path)


def test_the_snippet_that_streams_continues_the_one_above_it(server: Served, tmp_path: Path) -> None:
    section = PAGE.read_text().partition("## openai-python\n")[2].partition("\n## ")[0]
    code = "".join(re.findall(r"```py(?:thon)?\n(.*?)```", section, re.S))
    environment = server.safelight.environment(**server.environment())
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, timeout=300, check=False)
    assert ran.returncode == 0
    assert sorted(file.name for file in tmp_path.glob("*.png")) == [
        "0.png",
        "1.png",
        "openai-python.png",
        "picture.png",
    ]


README = (ROOT / "README.md").read_text()
_CURL = next(code for code in re.findall(r"^```\n(.*?)^```$", README, re.M | re.S) if code.startswith("curl"))


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine lacks curl")
def test_the_curl_and_the_python_of_the_readme_draw_the_same_picture(server: Served, tmp_path: Path) -> None:
    environment = server.safelight.environment(**server.environment())
    python, *more = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
    drawings = []
    for command in (["bash", "-e", "-o", "pipefail", "-c", _CURL], [sys.executable, "-c", python]):
        subprocess.run(command, cwd=tmp_path, env=environment, timeout=300, check=True)
        drawings.append((tmp_path / "picture.png").read_bytes())
        (tmp_path / "picture.png").unlink()
    assert drawings == [drawn(seed=7, size=(1344, 768))] * 2
    subprocess.run(
        [sys.executable, "-c", python + "".join(more)], cwd=tmp_path, env=environment, timeout=300, check=True
    )
    assert len(list(tmp_path.glob("partial-*.png"))) > 0


@pytest.mark.skipif(shutil.which("curl") is None, reason="this machine lacks curl")
@pytest.mark.parametrize("recipe", [_CURL, SNIPPETS["curl"][1]], ids=["README", "clients.md"])
def test_the_curl_prints_what_is_wrong_and_writes_no_picture(recipe: str, server: Served, tmp_path: Path) -> None:
    wrong = server.environment() | {"DIFFUSION_KEY": "sl-wrong"}
    environment = server.safelight.environment(**wrong)
    ran = subprocess.run(
        ["bash", "-c", recipe], cwd=tmp_path, env=environment, timeout=60, capture_output=True, check=False
    )
    assert json.loads(ran.stdout)["error"]["code"] == "invalid_api_key"
    assert list(tmp_path.glob("*.png")) == []


@pytest.mark.parametrize("client", NODE)
def test_a_node_snippet_draws_what_it_says(client: str, server: Served, node_modules: Path, tmp_path: Path) -> None:
    (tmp_path / "node_modules").symlink_to(node_modules, target_is_directory=True)
    (tmp_path / "picture.mjs").write_text(SNIPPETS[client][1])
    paste(client, ["node", "picture.mjs"], server, tmp_path)


def test_the_lock_of_nodes_packages_names_no_registry() -> None:
    packages = json.loads((NODE_PROJECT / "package-lock.json").read_text())["packages"]
    assert len(packages) > 4
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_the_tutorials_first_picture_is_drawn_as_it_is_pasted(server: Served, tmp_path: Path) -> None:
    """With what every system has: no `jq`, which is not on a new one."""
    (block,) = re.findall(r"^```\neval [^\n]*\n(.*?)^```$", (ROOT / "docs" / "start.md").read_text(), re.M | re.S)
    assert "jq" not in block
    variables = server.safelight.environment(**server.environment())
    subprocess.run(["sh", "-ec", block], cwd=tmp_path, env=variables, capture_output=True, timeout=300, check=True)
    assert opened((tmp_path / "lighthouse.png").read_bytes()).size == (1216, 832)
