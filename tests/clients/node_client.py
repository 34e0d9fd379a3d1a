"""Runs one of Node's client scripts against a server, and shows what came of each of its cases and what it sent."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.clients.process import Served
from tests.clients.wire import Sent, wire_to

NODE = Path(__file__).parent / "node"
_SECONDS = 300


@dataclass(frozen=True)
class Outcomes:
    """The cases of a script by name, and the requests that it sent, in order."""

    cases: dict[str, Any]
    sent: list[Sent]

    def result(self, case: str) -> Any:
        """What a case returned."""
        assert "result" in self.cases[case], self.cases[case]
        return self.cases[case]["result"]

    def error(self, case: str) -> dict[str, Any]:
        """What a case threw."""
        assert "error" in self.cases[case], self.cases[case]
        return dict(self.cases[case]["error"])


def run(script: str, server: Served, **variables: str) -> Outcomes:
    """Run `node/<script>` to its end, with the variables that `safelight env` exports."""
    with wire_to(server.url) as wire:
        environment = server.safelight.environment(**server.environment() | variables | {"DIFFUSION_URL": wire.url})
        ran = subprocess.run(
            ["node", script], cwd=NODE, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    assert ran.returncode == 0, ran.stderr
    return Outcomes(json.loads(ran.stdout), wire.sent)
