"""A new route is one file: it is answered and documented by being in the room of routes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import httpx
import pytest

from safelight.api import routes
from safelight.api.app import create_app, found_routes
from safelight.api.routes import pictures
from tests.api.conftest import Running

MODULE = '''
"""Says hello."""

from starlette.requests import Request
from starlette.responses import Response

from safelight.api.exchange.envelope import JsonResponse
from safelight.api.exchange.operations import Answer, Operation, Route, json_answer


class Greeting(Answer, frozen=True, kw_only=True):
    """What is said to whoever comes."""

    text: str


async def greet(request: Request) -> Response:
    return JsonResponse(Greeting(text=f"Hello, {request.path_params['name']}."))


ROUTES = (
    Route(
        "/v1/greetings/{name}",
        "GET",
        greet,
        Operation(name="greet", summary="A greeting.", key=False, answers=json_answer("A greeting.", Greeting)),
    ),
)
'''


@pytest.fixture(params=[routes, pictures], ids=["routes", "a room of routes"])
def with_one_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[None]:
    room: ModuleType = request.param
    (tmp_path / "greetings.py").write_text(MODULE)
    monkeypatch.setattr(room, "__path__", [*room.__path__, str(tmp_path)])
    importlib.invalidate_caches()
    yield
    monkeypatch.delitem(sys.modules, f"{room.__name__}.greetings", raising=False)


async def test_a_module_in_the_room_is_answered_and_documented(running: Running, with_one_more: None) -> None:
    transport = httpx.ASGITransport(create_app(running.services, tuple(found_routes())))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/v1/greetings/Ada")).json() == {"text": "Hello, Ada."}
        assert (await client.options("/v1/greetings/Ada")).headers["allow"] == "GET, HEAD, OPTIONS"
        document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/v1/greetings/{name}"]["get"]
    assert operation["operationId"] == "greet"
    assert operation["parameters"] == [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}]
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Greeting"}
    assert document["components"]["schemas"]["Greeting"]["required"] == ["text"]
