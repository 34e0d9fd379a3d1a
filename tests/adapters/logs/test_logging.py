"""Log lines: complete, readable by machines, and without what callers wrote."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from safelight.adapters.logs.logging import LogFormat, configure_logging
from safelight.service.access.minting import mint
from safelight.service.ports.stores.keys import KeyTerms


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_holds_the_event_the_level_the_time_and_the_request() -> None:
    stream = io.StringIO()
    configure_logging("auto", "info", stream)
    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        structlog.get_logger("safelight.test").info("drawn", seconds=1.5)
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "level": "info",
        "event": "drawn",
        "request_id": "req_1",
        "seconds": 1.5,
        "logger": "safelight.test",
    }


def test_the_standard_librarys_loggers_come_out_the_same_way() -> None:
    stream = io.StringIO()
    configure_logging("json", "info", stream)
    with structlog.contextvars.bound_contextvars(request_id="req_1"):
        logging.getLogger("uvicorn.error").warning(
            "%s of %d", "one", 2, extra={"color_message": "red", "_ray_timestamp_ns": 1}
        )
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["request_id"]) == ("one of 2", "warning", "req_1")
    assert not {"color_message", "_ray_timestamp_ns"} & set(line)  # additions of uvicorn's and Ray's


def test_uvicorns_own_line_per_request_is_left_out() -> None:
    stream = io.StringIO()
    configure_logging("json", "debug", stream)
    logging.getLogger("uvicorn.access").info("GET /?key=x")
    assert stream.getvalue() == ""


def test_less_than_the_level_is_not_logged() -> None:
    stream = io.StringIO()
    configure_logging("json", "warning", stream)
    structlog.get_logger("safelight.test").info("no")
    structlog.get_logger("safelight.test").warning("yes")
    assert [line["event"] for line in lines(stream)] == ["yes"]


@pytest.mark.parametrize("log_format", ["json", "pretty"])
def test_neither_prompt_nor_key_is_ever_on_a_line(log_format: Any) -> None:
    stream = io.StringIO()
    configure_logging(log_format, "info", stream)
    key = mint(KeyTerms(), 0).text
    log = structlog.get_logger("safelight.test")
    log.info("asked", prompt="a red fox", negative_prompt="a red fox", job={"prompt": "a red fox"}, api_key="hunter2")
    log.info(f"header was Bearer {key}", value=key, several=[key])
    prompt = "a red fox"
    try:
        raise ValueError(f"bad token {key}, {len(prompt)}")
    except ValueError:
        log.exception("failed")
    text = stream.getvalue()
    assert "failed" in text
    assert "ValueError" in text
    for private in ("a red fox", "hunter2", key):
        assert private not in text


def test_a_terminal_gets_pretty_lines_and_a_file_gets_json() -> None:
    terminal, file = Terminal(), io.StringIO()
    configure_logging("auto", "info", terminal)
    structlog.get_logger("safelight.test").info("hello", a=1)
    configure_logging("auto", "info", file)
    structlog.get_logger("safelight.test").info("hello", a=1)
    assert "hello" in terminal.getvalue()
    assert "\x1b[" in terminal.getvalue()
    assert lines(file)[0]["a"] == 1


@pytest.mark.parametrize("log_format", ["pretty", "json"])
def test_what_happened_to_what_is_said_before_who_saw_it(log_format: LogFormat) -> None:
    stream = io.StringIO()
    configure_logging(log_format, "info", stream)
    fields = {
        "request_id": "req_1",
        "key_id": "key-1",
        "outcome": "finished",
        "seconds": 1.5,
        "size": "1x1",
        "model": "m",
    }
    structlog.get_logger("safelight.test").info("picture", **fields)
    said = stream.getvalue()
    places = [said.index(word) for word in ("picture", "model", "size", "seconds", "outcome", "key_id", "request_id")]
    assert places == sorted(places), said


def test_a_file_name_that_is_no_text_can_be_logged() -> None:
    stream = io.StringIO()
    configure_logging("json", "info", stream)
    structlog.get_logger("safelight.test").info("read", file="a\udcff")
    assert lines(stream)[0]["file"] == "a\\udcff"
