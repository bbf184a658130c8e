"""An answer on its way: whatever its thread still says, a stopped one has said its last word."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tutor.web.reply import Frame, Reply


def run(work):
    """The result of a coroutine, on a thread of its own: the browser's tests leave a running loop on this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def reply() -> Reply:
    return Reply("course", [{"role": "user", "content": "why?"}])


async def read(running: Reply, steps, stop_after: int | None = None) -> list[Frame]:
    frames = []
    async for frame in running.frames(lambda turn: steps()):
        frames.append(frame)
        if len(frames) == stop_after:
            running.stop()
    return frames


def three():
    yield Frame("*Reading…*", "cards", waiting=True)
    yield Frame("One.", "cards")
    yield Frame("One. Two.", "cards, marked", last=True)


def test_an_answer_that_is_not_stopped_is_shown_to_its_end() -> None:
    assert run(read(reply(), three)) == list(three())


@pytest.mark.parametrize(("after", "shown"), [(1, "---\n*Stopped.*"), (2, "One.\n\n---\n*Stopped.*")])
def test_a_stopped_answer_ends_with_what_was_shown_and_says_so(after: int, shown: str) -> None:
    frames = run(read(reply(), three, stop_after=after))
    assert frames[:after] == list(three())[:after]
    assert frames[after:] == [Frame(shown, "cards", last=True)]


def test_a_stop_behind_the_last_frame_changes_nothing() -> None:
    assert run(read(reply(), three, stop_after=3)) == list(three())


def test_a_stop_before_the_first_frame_is_told_at_once_and_the_work_is_not_begun() -> None:
    running = reply()
    running.stop()
    (only,) = run(read(running, lambda: pytest.fail("begun")))
    assert only.reply == "---\n*Stopped.*"


def test_a_stop_does_not_wait_for_a_silent_model_and_the_generation_is_closed() -> None:
    running, silent, closed = reply(), threading.Event(), threading.Event()

    def steps():
        try:
            yield Frame("*Reading…*", "", waiting=True)
            silent.wait(30)
            yield Frame("late", "")
        finally:
            closed.set()

    frames = run(asyncio.wait_for(read(running, steps, stop_after=1), 5))
    assert frames[-1].reply == "---\n*Stopped.*"
    silent.set()
    assert closed.wait(5)
    assert "late" not in [frame.reply for frame in frames]


def test_what_goes_wrong_on_the_thread_is_raised_to_the_reader() -> None:
    def steps():
        yield Frame("One.", "")
        raise ZeroDivisionError("on the thread")

    with pytest.raises(ZeroDivisionError, match="on the thread"):
        run(read(reply(), steps))


def test_an_answer_begins_once_and_is_over_when_it_was_told_or_could_not_begin() -> None:
    refused = reply()
    assert refused.close()  # the queue was full
    running = reply()
    assert [running.begin(), running.begin()] == [True, False]
    assert not running.close()
    run(read(running, three))
    assert running.close()
    assert running.is_over
