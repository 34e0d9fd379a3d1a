from __future__ import annotations

import json
import subprocess
import sys

from safelight.adapters.processes.children import child_environment
from safelight.engine.machine.device import usable_cores


def test_the_command_prints_one_line_of_json() -> None:
    command = [sys.executable, "-P", "-m", "safelight.engine.report", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, env=child_environment())
    machine = json.loads(done.stdout)
    assert done.stdout.count("\n") == 1
    assert machine["threads"] == usable_cores()
    assert machine["dtypes"]["float32"] == "native"
    assert machine["versions"]["torch"]
    assert isinstance(machine["problems"], list)
