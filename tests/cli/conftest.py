"""The real command line, in processes of its own."""

from __future__ import annotations

import functools
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import typer.main

from safelight.cli import main
from tests.cli.hub import Hub


@dataclass(frozen=True)
class CommandLine:
    """Runs `safelight` in `folder`, with the state folder `folder/home` and nothing else configured.

    `limits` are a shell's commands that come before it.
    """

    folder: Path
    variables: dict[str, str] = field(default_factory=dict)
    limits: str = ""

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `variables` are added to the environment."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.folder,
            env=self.environment(**variables),
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def start(self, *arguments: str, **pipes: Any) -> subprocess.Popen[str]:
        """Start a command; `pipes` are Popen's."""
        return subprocess.Popen(self.command(*arguments), cwd=self.folder, env=self.environment(), text=True, **pipes)

    @contextmanager
    def started(self, *arguments: str, **pipes: Any) -> Iterator[subprocess.Popen[str]]:
        """The same; its end is waited for, which a block that fails might never bring about: then it is killed."""
        with self.start(*arguments, **pipes) as process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise

    @contextmanager
    def until(self, words: str, *arguments: str) -> Iterator[str]:
        """A server on a free port, stopped in the end, and what it said up to the line with those words."""
        process = self.start(*arguments, "--port", "0", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        assert process.stderr is not None
        said = ""
        while words not in said:
            line = process.stderr.readline()
            assert line, said
            said += line
        try:
            yield said
        finally:
            process.terminate()
            process.communicate(timeout=300)
        assert process.returncode == 0

    def command(self, *arguments: str) -> list[str]:
        shell = ["sh", "-c", f'{self.limits} && exec "$@"', "sh"] if self.limits else []
        return [*shell, sys.executable, "-P", "-m", "safelight", *arguments]

    def environment(self, **variables: str) -> dict[str, str]:
        ours = ("SAFELIGHT_", "DIFFUSION_", "PORT", "HF_")  # the engine, imported by a test here, sets HF_HUB_OFFLINE
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        return inherited | {"SAFELIGHT_HOME": str(self.home)} | self.variables | variables


@pytest.fixture
def safelight(tmp_path: Path) -> CommandLine:
    return CommandLine(tmp_path)


# Typer reads the signatures of all commands whenever it is called: 40 ms of a processor, half of a short command. A
# process of `safelight` calls it once, a test's some hundred times for the same.
_commands_of = functools.cache(typer.main.get_command)


class InProcess(CommandLine):
    """The same without a new process, for commands whose process matters to nobody: seven times as fast."""

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        out, err = io.StringIO(), io.StringIO()
        before, folder, wanted = dict(os.environ), os.getcwd(), self.environment(**variables)
        os.environ.clear()
        os.environ.update(wanted)
        os.chdir(self.folder)
        try:
            with (
                redirect_stdout(out),
                redirect_stderr(err),
                patch.object(typer.main, "get_command", _commands_of),
                pytest.raises(SystemExit) as end,
            ):
                main(arguments)
        finally:
            os.chdir(folder)
            os.environ.clear()
            os.environ.update(before)
        assert isinstance(end.value.code, int)
        return subprocess.CompletedProcess(arguments, end.value.code, out.getvalue(), err.getvalue())


@pytest.fixture
def quick(tmp_path: Path) -> InProcess:
    return InProcess(tmp_path)


@pytest.fixture
def here(quick: InProcess, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> InProcess:
    """The command line with the module's hub and a cache of its own."""
    # The hub's library reads the variable when it is imported, by a neighbour in this process that has the engine say
    # that it is offline. In a process of its own the command is not.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    quick.variables.update(HF_ENDPOINT=hub.url, HF_HOME=str(quick.folder / "hf"))
    return quick


@dataclass(frozen=True)
class Server:
    """A running `safelight serve`, by its address, its first key and the command line on its state folder."""

    url: str
    key: str
    safelight: CommandLine


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the shipped fake engine on a free port."""
    safelight = CommandLine(tmp_path_factory.mktemp("server"))
    process = safelight.start("serve", "--engine", "fake", "--port", "0", stderr=subprocess.PIPE)
    assert process.stderr is not None
    said = ""
    while "Safelight serves http" not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    url = said.rpartition("Safelight serves ")[2].strip()
    yield Server(url, (safelight.home / "key").read_text().strip(), safelight)
    process.terminate()
    process.communicate(timeout=300)
    assert process.returncode == 0


def assert_sentence(ran: subprocess.CompletedProcess[str], status: int, *said: str) -> None:
    """The command ended with that status, and told a person why, without a trace."""
    assert ran.returncode == status, ran.stderr
    assert "Traceback" not in ran.stderr
    for words in said:
        assert words in ran.stderr
