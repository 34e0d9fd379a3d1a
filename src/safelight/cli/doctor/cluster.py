"""`safelight doctor` with a cluster: Ray, its token, whether this machine is a node, and the hosts."""

# Tested in tests/cli/test_doctor.py.

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib.metadata import version

from safelight.bootstrap.engines.cluster import INSTALL, Seen, check_ray, look_at_cluster, ray_can_be_had
from safelight.cli.doctor.findings import Finding
from safelight.contract.errors import SafelightError
from safelight.settings import Settings


def cluster(settings: Settings) -> Iterator[Finding]:
    """Look at one thing after another, as long as the next makes sense. Models and devices are the hosts', so nothing
    is said of this machine's.
    """
    if not ray_can_be_had():
        yield Finding(what="ray", state="wrong", detail="Ray is not installed.", mend=f"{INSTALL}, as on every node.")
        return
    yield Finding(what="ray", state="ok", detail=f"Ray {version('ray')} is installed.")
    try:
        check_ray()
    except SafelightError as error:
        yield Finding(what="token", state="wrong", detail=str(error), mend="Then run `safelight doctor` again.")
        return
    yield Finding(what="token", state="ok", detail="Ray lets in only who knows the token, and it is known here.")
    try:
        seen = asyncio.run(look_at_cluster())
    except SafelightError as error:
        yield Finding(what="cluster", state="wrong", detail=str(error), mend="Then run `safelight doctor` again.")
        return
    yield Finding(what="cluster", state="ok", detail="It is reached, and its line answers.")
    yield from hosts(settings, seen)


def hosts(settings: Settings, seen: Seen) -> Iterator[Finding]:
    """Whether every kind of the settings runs."""
    running = {kind.kind: kind for kind in seen.hosts.kinds}
    for name, said in settings.hosts.items():
        kind = running.get(name)
        if kind is None:
            detail = f"No host of the kind {name} was ever sent to the cluster."
            yield Finding(what="hosts", state="wrong", detail=detail, mend="`safelight deploy` sends them.")
        elif kind.running < said.least:
            detail = f"{name}: {kind.running} of {said.least} hosts run. {kind.message}".rstrip()
            mend = "`ray status` says what they wait for; `safelight deploy` sends what the settings say now."
            yield Finding(what="hosts", state="wrong", detail=detail, mend=mend)
        else:
            hosts = "host runs" if kind.running == 1 else "hosts run"
            yield Finding(what="hosts", state="ok", detail=f"{name}: {kind.running} {hosts}.")
