"""What Heroku would start, started as a dyno starts it: `PORT` and `DATABASE_URL` come from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
from benchmarks.server import free_port

ROOT = Path(__file__).parent.parent.parent
_HOME = "/tmp/safelight"


def test_the_procfile_serves_at_the_port_and_with_the_database_that_heroku_gives(
    with_postgres: Callable[[], str], tmp_path: Path
) -> None:
    """Heroku's address begins with `postgres://`, and its router passes the app's own name on in `Host`."""
    command = (ROOT / "Procfile").read_text().removeprefix("web: ")
    assert _HOME in command
    port, database = free_port(), with_postgres()
    given = {name: each.get("value", "made-by-heroku") for name, each in _app()["env"].items()}
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("SAFELIGHT_", "PORT"))}
    dyno = {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PORT": str(port),
        "DATABASE_URL": database.replace("postgresql://", "postgres://"),
        "SAFELIGHT_ENGINE": "fake",
    }
    process = subprocess.Popen(
        ["sh", "-c", command.replace(_HOME, str(tmp_path / "home"))],
        cwd=tmp_path,
        env=ours | given | dyno,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        said = ""
        while "Safelight serves" not in said:
            line = next(lines, None)
            assert line is not None, said
            said += line
        head = {"host": "my-app-1234.herokuapp.com", "authorization": f"Bearer {given['SAFELIGHT_API_KEY']}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=head, timeout=300) as client:
            drawn = client.post("/v1/images/generations", json={"model": "stable-image-ultra", "prompt": "a boat"})
            assert drawn.status_code == 200, drawn.text
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=300)
    assert not list(tmp_path.rglob("*.db")), "keys and jobs are in the database that Heroku gave"


def _app() -> dict[str, dict[str, dict[str, str]]]:
    app: dict[str, dict[str, dict[str, str]]] = json.loads((ROOT / "app.json").read_text())
    return app
