"""`safelight top`: how a server stands, live in a terminal, or look by look into a pipe."""

# Tested in tests/cli/test_top.py.

from __future__ import annotations

import contextlib
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import httpx
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from safelight.adapters.home.state_folder import served_url
from safelight.cli.running_server import known_key
from safelight.cli.terminal import bytes_in_words, print_json, seconds_in_words
from safelight.contract.errors import ConfigurationError, SafelightError
from safelight.settings import Settings

_ASK_SECONDS = 10.0
# A table in a pipe is not cut to the 80 columns that rich assumes there.
_PIPED_COLUMNS = 200


def show(settings: Settings, url: str | None, key: str | None, *, every: float, once: bool, as_json: bool) -> None:
    """Show how the server stands until `q` or Ctrl-C, or once.

    Raises:
        ConfigurationError: no server, no key, or one that is no admin key.
        SafelightError: it does not answer.
    """
    base = url or served_url(settings.home)
    if base is None:
        raise ConfigurationError(
            "No server runs on this state folder. `safelight serve` starts one; --url names another."
        )
    text = key or known_key(settings)
    if text is None:
        raise ConfigurationError("No key is known here. Give an admin key with --key.")
    with httpx.Client(headers={"authorization": f"Bearer {text}"}, timeout=_ASK_SECONDS) as client:
        asked = f"{base.rstrip('/').removesuffix('/v1')}/v1/state"
        state = _ask(client, asked)
        if as_json:
            _print_json(client, asked, state, every, once=once)
        elif once or not sys.stdout.isatty():
            _print(client, asked, state, every, once=once)
        else:
            _live(client, asked, state, every)


def _ask(client: httpx.Client, url: str) -> dict[str, Any]:
    try:
        answer = client.get(url)
        state: dict[str, Any] = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise SafelightError(f"The server at {url} does not tell how it stands: {error}") from None
    if answer.status_code != httpx.codes.OK:
        message = state.get("error", {}).get("message", f"It answered {answer.status_code}.")
        raise (ConfigurationError if answer.status_code < 500 else SafelightError)(message)
    return state


def _print_json(client: httpx.Client, url: str, state: dict[str, Any], every: float, *, once: bool) -> None:
    print_json(state)
    while not once:
        sys.stdout.flush()
        time.sleep(every)
        print_json(_ask(client, url))


def _print(client: httpx.Client, url: str, state: dict[str, Any], every: float, *, once: bool) -> None:
    width = None if sys.stdout.isatty() else _PIPED_COLUMNS
    console = Console(markup=False, highlight=False, emoji=False, width=width)
    console.print(picture_of(state))
    while not once:
        sys.stdout.flush()
        time.sleep(every)
        console.print(picture_of(_ask(client, url)))


def _live(client: httpx.Client, url: str, state: dict[str, Any], every: float) -> None:
    console = Console(markup=False, highlight=False, emoji=False)
    with _single_keys(), Live(picture_of(state), console=console, screen=True, auto_refresh=False) as live:
        live.refresh()
        while not _pressed_q(every):
            try:
                live.update(picture_of(_ask(client, url)), refresh=True)
            except SafelightError as error:  # it may be back in a moment
                live.update(Text(str(error)), refresh=True)


@contextlib.contextmanager
def _single_keys() -> Iterator[None]:
    """Keys come as they are pressed, and the terminal is as it was in the end."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _pressed_q(seconds: float) -> bool:
    """Whether q was pressed within that time. Where nobody can press anything, time just passes."""
    if not sys.stdin.isatty():
        time.sleep(seconds)
        return False
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        if select.select([sys.stdin], [], [], left)[0] and sys.stdin.read(1) in ("q", "Q", ""):
            return True
    return False


def picture_of(state: Mapping[str, Any]) -> Group:
    """Everything that a look shows."""
    queue, jobs = state["queue"], state["jobs"]
    draining = ", draining" if state["draining"] else ""
    lines = [
        f"Safelight {state['version']}{draining}, {state['servers']} server{'' if state['servers'] == 1 else 's'}",
        f"Queue: {queue['waiting']} wait, {queue['running']} are drawn, "
        f"{seconds_in_words(queue['work_seconds']) if queue['work_seconds'] else 'no'} work ahead",
        f"Jobs: {jobs['waiting']} wait, {jobs['running']} are drawn",
    ]
    return Group(*map(Text, lines), Text(""), _workers(state), Text(""), _models(state), Text(""), _keys(state))


def _workers(state: Mapping[str, Any]) -> Table:
    rows = [
        (
            str(worker["number"]),
            worker["device"] or "loading",
            bytes_in_words(worker["host_bytes"]),
            bytes_in_words(worker["device_bytes"]),
            "-" if worker["device_percent"] is None else f"{worker['device_percent']} %",
            f"{sum(worker['pictures_per_minute'].values()):.1f}",
        )
        for worker in state["workers"]
    ]
    return _table(("worker", "device", "memory", "of the device's", "in use", "pictures a minute"), rows)


def _models(state: Mapping[str, Any]) -> Table:
    rates = [worker["pictures_per_minute"] for worker in state["workers"]]
    rows = [
        (model["id"], model["status"], model["where"], f"{sum(rate.get(model['id'], 0.0) for rate in rates):.1f}")
        for model in state["models"]
    ]
    return _table(("model", "status", "weights", "pictures a minute"), rows)


def _keys(state: Mapping[str, Any]) -> Table:
    rows = [
        (key["key_id"], key["name"], f"{key['seconds_under_way']:.1f} s", str(key["pictures_today"]))
        for key in state["keys"]
    ]
    return _table(("key", "name", "under way", "pictures today"), rows)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(*columns, box=None, pad_edge=False, header_style="bold", padding=(0, 3, 0, 0))
    for row in rows:
        table.add_row(*row)
    return table
