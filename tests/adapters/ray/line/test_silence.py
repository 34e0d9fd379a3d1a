"""When a line that does not answer is ended, and when it is not."""

from __future__ import annotations

import asyncio

from safelight.adapters.ray.line.silence import Silence


class Line:
    """One that is in its `life`, and was ended so often."""

    def __init__(self) -> None:
        self.life: int | None = 0
        self.ended = 0
        self.now = 0.0
        self.silence = Silence(self.look, self.end, lambda: self.now)

    async def look(self) -> int | None:
        return self.life

    async def end(self) -> None:
        self.ended += 1
        assert self.life is not None
        self.life += 1

    async def unanswered(self, began: float, given_up: float) -> None:
        self.now = given_up
        await self.silence.unanswered(began)


async def test_a_line_that_answers_no_two_calls_in_turn_is_ended_once() -> None:
    line = Line()
    await line.unanswered(0.0, 5.0)
    await line.unanswered(1.0, 6.0)  # it was on its way already: a process that wakes finds all of them given up
    assert line.ended == 0
    await line.unanswered(5.0, 10.0)
    assert line.ended == 1
    await line.unanswered(10.0, 15.0)  # that one begins still
    assert line.ended == 1
    await line.unanswered(15.0, 20.0)
    assert line.ended == 2, "one that began and froze at once is ended, too"


async def test_a_line_that_answered_in_between_is_not_ended() -> None:
    line = Line()
    await line.unanswered(0.0, 5.0)
    line.silence.answered()
    await line.unanswered(5.0, 10.0)
    assert line.ended == 0


async def test_another_life_is_not_ended_for_the_one_before() -> None:
    line = Line()
    await line.unanswered(0.0, 5.0)
    line.life = 1  # another process ended it
    await line.unanswered(5.0, 10.0)
    assert line.ended == 0


async def test_a_line_that_is_begun_just_now_is_left_alone() -> None:
    line = Line()
    line.life = None
    for began in range(0, 50, 5):
        await line.unanswered(began, began + 5.0)
    assert line.ended == 0


async def test_an_answer_while_it_is_looked_at_saves_it() -> None:
    line = Line()
    await line.unanswered(0.0, 5.0)
    looking, looked = asyncio.Event(), asyncio.Event()

    async def look() -> int | None:
        looking.set()
        await looked.wait()
        return 0

    line.silence._life = look
    task = asyncio.create_task(line.unanswered(5.0, 10.0))
    await looking.wait()
    line.silence.answered()
    looked.set()
    await task
    assert line.ended == 0
