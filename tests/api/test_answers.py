"""The script that keeps every answer finds what changed, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.api.app import ROUTES
from safelight.contract.requests.prompt_cut import PromptCut
from tests.api.answers import text_of
from tests.api.conftest import Running
from tests.api.questions import ASYNC, QUESTIONS, Question, draw, get
from tests.kept_lines import main

ASKED = (draw("picture"), draw("stream", stream=True), draw("job", ASYNC), get("model", "/v1/models"), get("no", "/no"))


async def answers(running: Running) -> list[str]:
    return [line for question in ASKED for line in await _answer(running, question)]


async def _answer(running: Running, question: Question) -> list[str]:
    content, headers = question.content, dict(question.headers)
    return text_of(await running.client.request(question.method, question.path, content=content, headers=headers))


def test_every_route_is_asked() -> None:
    asked = {(question.route, question.method) for question in QUESTIONS}
    unasked = [(r.path, r.method) for r in ROUTES if r.operation and (r.path, r.method) not in asked]
    assert unasked == [], "Ask each in QUESTIONS of tests/api/questions.py, with a key and without."


async def test_what_is_another_each_time_is_no_difference_and_what_changed_is_shown(
    running: Running, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, before = tmp_path / "kept.txt", await answers(running)
    assert main(None, lambda: before, ["keep", str(kept)]) == 0
    again = await answers(running)
    assert main(None, lambda: again, ["compare", str(kept)]) == 0
    assert capsys.readouterr().out.endswith(f"no difference in {len(before)} lines\n")
    running.engine.cuts = (PromptCut("prompt", read=1, tokens=2),)
    after = await answers(running)
    assert main(None, lambda: after, ["compare", str(kept)]) == 1
    assert "+x-safelight-prompt-truncated: prompt;read=1;tokens=2" in capsys.readouterr().out


async def test_another_picture_is_a_difference(running: Running) -> None:
    assert await _answer(running, draw("a", seed=7)) != await _answer(running, draw("a", seed=8))
