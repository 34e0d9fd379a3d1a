"""Addresses beside the API: the front door, and the reference for people."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest

from tests.api.conftest import Running


@pytest.fixture
async def anonymous(running: Running) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{running.port}") as client:
        yield client


async def test_the_front_door_leads_to_the_studio_behind_any_prefix(anonymous: httpx.AsyncClient) -> None:
    response = await anonymous.get("/")
    assert (response.status_code, response.headers["location"]) == (303, "studio/")
    assert (await anonymous.get("/", follow_redirects=True)).headers["content-type"].startswith("text/html")


class _Page(HTMLParser):
    """Where a page's links lead, what it loads, and its ids."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        said = dict(attrs)
        self.links += [said["href"] or ""] if "href" in said else []
        self.ids += [said["id"] or ""] if "id" in said else []


async def test_the_reference_shows_every_operation_and_loads_nothing(anonymous: httpx.AsyncClient) -> None:
    response = await anonymous.get("/docs")
    document = (await anonymous.get("/openapi.json")).json()
    page = _Page()
    page.feed(response.text)
    operations = [
        operation["operationId"]
        for item in document["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
    ]
    assert page.ids == operations
    assert set(page.links) == {"openapi.json", *(f"#{name}" for name in operations)}
    assert not page.tags & {"script", "img", "link", "iframe", "form"}
    style = re.findall(r"<style>(.*?)</style>", response.text, re.S)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response.headers["content-security-policy"]
    for parameter in document["components"]["schemas"]["ImageRequest"]["anyOf"][0]["properties"]:
        assert f"<code>{parameter}</code>" in response.text
