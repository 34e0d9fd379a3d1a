"""The balancers' files of `deploy/`, by Caddy and nginx themselves, before two servers of ours."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from tests.deploy.test_cluster import CADDY, NGINX
from tests.test_balancer import Backend, served


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@asynccontextmanager
async def balanced_by(program: str, folder: Path, backends: list[int]) -> AsyncIterator[int]:
    """That program with its file, which names these servers instead; the port that it listens on."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{program} is missing: Debian has a package for it")
    port = free_port()
    text = (CADDY if program == "caddy" else NGINX).read_text()
    for number, backend in enumerate(backends, 1):
        text = text.replace(f"api-{number}:8484", f"127.0.0.1:{backend}")
    if program == "caddy":
        file = folder / "Caddyfile"
        file.write_text(text.replace(":8080", f"http://127.0.0.1:{port}").replace("/readyz", "/"))
        command = [found, "run", "--adapter", "caddyfile", "--config", str(file)]
    else:
        file = folder / "nginx.conf"
        listening = re.sub(r"listen 8080", f"listen 127.0.0.1:{port}", text)
        paths = "".join(
            f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        own = f"pid {folder}/pid; error_log stderr; daemon off; events {{}}"
        file.write_text(f"{own} http {{ access_log off; {paths} {listening} }}")
        command = [found, "-c", str(file)]
    log = (folder / "log").open("wb")
    process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, env={"HOME": str(folder)})
    try:
        while True:
            assert process.returncode is None, (folder / "log").read_text()
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)  # it has no other way to tell
            else:
                writer.close()
                await writer.wait_closed()
                break
        yield port
    finally:
        process.terminate()
        await process.wait()
        log.close()


@pytest.mark.parametrize("program", ["nginx", "caddy"])
async def test_requests_go_round_streams_come_as_they_are_sent_and_who_leaves_has_left(
    program: str, tmp_path: Path
) -> None:
    backends = Backend("a"), Backend("b")
    async with (
        served(backends) as ports,
        balanced_by(program, tmp_path, ports) as port,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        names = [(await client.get("/")).headers["x-name"] for _ in range(8)]
        assert set(names) == {"a", "b"}
        assert max(names.count("a"), names.count("b")) <= 5
        assert (await client.get("/cluster/steps")).status_code == 404
        body = bytes(range(256)) * 8000
        assert (await client.post("/", content=body)).content == body
        async with client.stream("GET", "/stream") as answer:
            assert await anext(answer.aiter_raw()) == b"one"
            name = answer.headers["x-name"]
        left = next(backend.left for backend in backends if backend.name == name)
        await asyncio.wait_for(left.wait(), 60)
