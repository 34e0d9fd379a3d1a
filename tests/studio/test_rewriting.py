"""A prompt that a chat model writes anew: the page shows what became of it before it is drawn."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, expect

from tests.clients.process import Served, serving
from tests.studio.visit import PHONE, Visit, visiting
from tests.web_server import Handler, WebServer, answering

OWN = "a boat"
MODELS = {"postcard": {"source": "postcard", "rewrite": "small"}, "plain": {"source": "postcard"}}


@contextmanager
def chat_model() -> Iterator[tuple[str, list[str]]]:
    """A chat model that answers each prompt with a longer one; its address, and what it was asked."""
    asked: list[str] = []

    class Answer(Handler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked.append(body["messages"][-1]["content"])
            text = f"{asked[-1]}, painted red, on a calm sea at dawn, number {len(asked)}"
            answer = json.dumps({"choices": [{"message": {"role": "assistant", "content": text}}]}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    server = WebServer(Answer)
    with answering(server):
        yield f"{server.url}/v1", asked


@pytest.fixture(scope="module")
def rewriting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, list[str]]]:
    with chat_model() as (url, asked):
        chat = json.dumps({"home": {"url": url, "models": ["small"]}})
        with serving(tmp_path_factory.mktemp("rewriting"), chat=chat, models=json.dumps(MODELS)) as served:
            yield served, asked


@pytest.fixture(params=["desktop", "phone"])
def visit(request: pytest.FixtureRequest, browser: Browser, rewriting: tuple[Served, list[str]]) -> Iterator[Visit]:
    served, asked = rewriting
    asked.clear()
    options = {"size": PHONE} if request.param == "phone" else {}
    with visiting(browser, served.url, served.new_key(), **options) as visit:  # type: ignore[arg-type]
        yield visit


def test_what_is_shown_is_drawn_and_not_written_anew_again(visit: Visit, rewriting: tuple[Served, list[str]]) -> None:
    page = visit.page
    visit.prompt.fill(OWN)
    page.get_by_role("button", name="Show it first").click()
    shown = page.get_by_role("region", name="Rewritten prompt")
    revised = f"{OWN}, painted red, on a calm sea at dawn, number 1"
    expect(shown).to_contain_text(revised)
    page.get_by_role("button", name="Generate").click()
    expect(page.get_by_title("Open the picture").get_by_role("img")).to_have_class(re.compile("there"))
    (job,) = visit.jobs()
    assert (job["request"]["prompt"], job["request"]["rewrite"]) == (revised, False)
    assert rewriting[1] == [OWN]
    visit.prompt.fill(f"{OWN} and a pier")
    expect(shown).not_to_be_visible()


def test_who_does_not_look_has_it_written_anew_when_it_is_drawn(
    visit: Visit, rewriting: tuple[Served, list[str]]
) -> None:
    page = visit.page
    visit.prompt.fill(OWN)
    page.get_by_role("button", name="Show it first").click()
    page.get_by_role("button", name="Rewrite again").click()
    shown = page.get_by_role("region", name="Rewritten prompt")
    expect(shown).to_contain_text("number 2")
    page.get_by_role("button", name="Discard the rewritten prompt").click()
    visit.generate(OWN)
    expect(page.get_by_title("Open the picture").get_by_role("img")).to_have_class(re.compile("there"))
    (job,) = visit.jobs()
    assert job["request"]["prompt"] == OWN
    assert job["revised_prompt"] == f"{OWN}, painted red, on a calm sea at dawn, number 3"
    assert rewriting[1] == [OWN] * 3


def test_a_model_that_draws_prompts_as_they_are_has_no_such_button(visit: Visit) -> None:
    visit.page.get_by_label("Model").select_option("plain")
    expect(visit.page.get_by_role("button", name="Show it first")).not_to_be_visible()
