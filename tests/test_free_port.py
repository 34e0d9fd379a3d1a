"""Ports for servers that are started again where they were: nobody else is given one meanwhile."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks.server import free_port

_GIVEN_TO_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ANOTHER = """
from benchmarks import server
server._PORTS = range({first}, {last})
try:
    print(server.free_port())
except RuntimeError as error:
    print(error)
"""


def test_a_port_is_given_once_and_to_no_connection() -> None:
    ports = [free_port() for _ in range(40)]
    assert len(set(ports)) == 40
    if _GIVEN_TO_CONNECTIONS.exists():
        least, _ = map(int, _GIVEN_TO_CONNECTIONS.read_text().split())
        assert max(ports) < max(least, 32_000)


@pytest.mark.skipif(sys.platform != "linux", reason="It is Linux that has names which one process has at a time")
def test_another_process_is_not_given_it() -> None:
    port = free_port()
    asked = [sys.executable, "-c", _ANOTHER.format(first=port, last=port + 1)]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert said == f"Every port from {port} to {port} is taken\n"
