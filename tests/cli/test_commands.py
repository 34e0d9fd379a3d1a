"""The commands, but for `generate` and `doctor`, as a person or a script meets them."""

from __future__ import annotations

import json
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from safelight import __version__
from tests.cli.conftest import CommandLine, InProcess, Server, assert_sentence


def test_help_needs_nothing_that_is_slow_to_import() -> None:
    script = (
        "import sys; from safelight.cli import app\n"
        "try: app.app(['--help'])\n"
        "except SystemExit: print(sorted(set(sys.modules) & "
        "{'torch', 'numpy', 'sqlalchemy', 'pydantic', 'starlette', 'httpx', 'structlog', 'asyncio'}))"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.rstrip().endswith("\n[]")


def test_the_server_starts_without_importing_torch() -> None:
    script = "import sys, safelight.bootstrap.serve; print('torch' in sys.modules or 'diffusers' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout == "False\n"


def test_the_version_is_the_packages(quick: InProcess) -> None:
    assert quick("version").stdout == f"safelight {__version__}\n"
    assert json.loads(quick("version", "--json").stdout) == {"version": __version__}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("paint",), "No such command 'paint'"),
        (("serve", "--prot", "1"), "No such option: --prot"),
        (("serve", "--port", "http"), "valid integer"),
        (("serve", "--port", "70000"), "`port` from the command line"),
        (("serve", "--engine", "gpu"), "'local', 'ray' or 'fake'"),
        (("keys", "revoke"), "Missing argument"),
        (("keys", "revoke", "key-0"), "There is no key 'key-0'"),
        (("keys", "create", "--model", "dall-e-3"), "There is no model 'dall-e-3' here"),
        (("keys", "create", "--name", "a\nb"), "printable"),
        (("env",), "No key is kept in"),
    ],
)
def test_a_mistake_is_a_sentence_and_exit_code_2(quick: InProcess, arguments: tuple[str, ...], said: str) -> None:
    assert_sentence(quick(*arguments), 2, said)


def test_an_unknown_variable_stops_every_command_that_reads_settings(quick: InProcess) -> None:
    assert_sentence(quick("env", SAFELIGHT_PROT="1"), 2, "SAFELIGHT_PROT", "Did you mean SAFELIGHT_PORT?")


def test_a_state_folder_that_cannot_be_made_is_said(quick: InProcess) -> None:
    quick.home.write_text("in the way")
    assert_sentence(quick("keys", "list"), 2, "a file is in its way")


def test_a_damaged_database_is_said(quick: InProcess) -> None:
    quick.home.mkdir()
    (quick.home / "safelight.db").write_bytes(b"no database " * 1000)
    assert_sentence(quick("keys", "list"), 2, "damaged or not a database")


def test_keys_are_created_listed_and_revoked(quick: InProcess) -> None:
    assert quick("keys", "list").stdout == ""
    created = quick("keys", "create", "--name", "bob", "--model", "stability-image-ultra")
    text = created.stdout.strip()
    assert text.startswith("sl-")
    assert len(text) == 46
    assert text not in created.stderr
    (record,) = json.loads(quick("keys", "list", "--json").stdout)
    assert (record["name"], record["hint"], record["revoked"]) == ("bob", text[-4:], None)
    assert record["models"] == ["stable-image-ultra"]
    listed = quick("keys", "list").stdout
    assert record["id"] in listed
    assert "valid" in listed
    assert text not in listed
    assert quick("keys", "revoke", record["id"]).returncode == 0
    assert "revoked" in quick("keys", "list").stdout


def test_a_saved_key_is_what_env_prints_until_it_is_revoked(quick: InProcess) -> None:
    created = json.loads(quick("keys", "create", "--save", "--json").stdout)
    assert stat.S_IMODE((quick.home / "key").stat().st_mode) == 0o600
    assert json.loads(quick("env", "--json").stdout)["DIFFUSION_KEY"] == created["key"]
    quick("keys", "revoke", created["id"])
    assert_sentence(quick("env"), 2, "keys create --save")


def test_a_shell_can_evaluate_env_whatever_the_key_holds(quick: InProcess) -> None:
    key = "it's;$(touch${IFS}spoilt)"
    line = quick("env", "--host", "0.0.0.0", "--port", "9000", SAFELIGHT_API_KEY=key).stdout
    assert line.startswith("export DIFFUSION_URL=http://127.0.0.1:9000 DIFFUSION_KEY=")
    script = f'{line}\nprintf "%s|%s" "$DIFFUSION_KEY" "$DIFFUSION_MODEL_ID"'
    ran = subprocess.run(["sh", "-c", script], cwd=quick.folder, capture_output=True, text=True, check=True)
    assert ran.stdout == f"{key}|stable-image-ultra"
    assert not (quick.folder / "spoilt").exists()


def test_env_in_another_terminal_prints_the_port_that_is_really_served(server: Server) -> None:
    assert json.loads(server.safelight("env", "--json").stdout) == {
        "DIFFUSION_URL": server.url,
        "DIFFUSION_KEY": server.key,
        "DIFFUSION_MODEL_ID": "stable-image-ultra",
    }
    assert server.url != "http://127.0.0.1:8484"


def test_models_tells_what_each_supports(quick: InProcess) -> None:
    first, second = json.loads(quick("models", "--json").stdout)
    assert (first["id"], first["aliases"], first["drawn_by"]) == (
        "stable-image-ultra",
        ["stability-image-ultra"],
        "postcard",
    )
    assert len(first["capabilities"]["parameters"]) == 8
    assert second["id"] == "postcard"
    text = quick("models").stdout
    assert "1344x768" in text
    assert "integer from 0 to 4294967295" in text
    assert "`safelight show postcard`" in text


def test_show_tells_what_the_checkpoint_behind_an_id_can_do(quick: InProcess) -> None:
    parameters = json.loads(quick("show", "postcard", "--json").stdout)["capabilities"]["parameters"]
    assert "svg" in parameters["output_format"]["values"]
    assert parameters["size"]["multiple_of"] == 1
    assert parameters["steps"]["default"] > 0


def test_config_show_tells_value_and_origin_and_hides_the_key(quick: InProcess) -> None:
    (quick.folder / "safelight.toml").write_text('[models.mine]\nsource = "/models/sdxl"\n')
    variables = {"PORT": "5000", "SAFELIGHT_API_KEY": "hunter2"}
    shown = json.loads(quick("config", "show", "--json", **variables).stdout)
    assert shown["port"] == {"value": 5000, "origin": "environment (PORT)"}
    assert shown["api_key"]["value"] == "(hidden)"
    assert shown["models"]["origin"] == "file (safelight.toml)"
    assert shown["models"]["value"]["mine"]["source"] == "/models/sdxl"
    text = quick("config", "show", **variables).stdout
    assert "source=/models/sdxl" in text
    assert "hunter2" not in text


def test_a_reader_that_leaves_early_is_no_error_to_talk_about(safelight: CommandLine) -> None:
    process = safelight.start("models", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(300) == 1


def test_ctrl_c_is_quiet(safelight: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = safelight.start("generate", "a boat", "--url", url, "--key", "k", stderr=subprocess.PIPE)
        connection, _ = silent.accept()
        with connection:
            connection.recv(1)  # it is in the middle of asking
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=300)
    assert process.returncode == 130
    assert said.strip() == ""


def test_a_port_in_use_is_said(safelight: CommandLine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert_sentence(safelight("serve", "--engine", "fake", "--port", port), 2, port)


def test_a_key_has_its_weight_in_the_list(quick: InProcess) -> None:
    assert json.loads(quick("keys", "create", "--weight", "2.5", "--json").stdout)["weight"] == 2.5
    assert " 2.5 " in quick("keys", "list").stdout
    assert_sentence(quick("keys", "create", "--weight", "0"), 2, "from 0.01 to 100")


def test_a_key_made_while_the_server_runs_counts_at_once_and_so_does_its_end(server: Server, tmp_path: Path) -> None:
    created = json.loads(server.safelight("keys", "create", "--json").stdout)
    draw = ("generate", "a boat", "--url", server.url, "--key", created["key"], "-o", str(tmp_path / "boat.png"))
    assert server.safelight(*draw).returncode == 0
    server.safelight("keys", "revoke", created["id"])
    assert_sentence(server.safelight(*draw), 2, "was revoked on")
