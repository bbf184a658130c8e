"""The line of those who wait for an answer: in order, told their place, left at once."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from tutor.phrases import ENGLISH, Phrases
from tutor.web.line import Line, Place, Turn
from tutor.web.reply import Frame, Reply


class Waiter:
    """Keeps what it is told."""

    def __init__(self, name: str, began: list[str]) -> None:
        self.told: list[int] = []
        self.place = Place(lambda: began.append(name), self.told.append)


def test_who_came_first_is_served_first_and_the_others_are_counted_down() -> None:
    began: list[str] = []
    line = Line(2)
    a, b, c, d, e = waiters = [Waiter(name, began) for name in "abcde"]
    for waiter in waiters:
        line.join(waiter.place)
    assert began == ["a", "b"]
    assert [waiter.told for waiter in waiters] == [[], [], [0], [1], [2]]
    line.leave(b.place)
    assert began == ["a", "b", "c"]
    assert [d.told, e.told] == [[1, 0], [2, 1]]
    line.leave(a.place)
    line.leave(c.place)
    assert began == ["a", "b", "c", "d", "e"]


def test_who_gives_up_is_not_served_and_only_those_behind_move() -> None:
    began: list[str] = []
    line = Line(1)
    a, b, c, d = waiters = [Waiter(name, began) for name in "abcd"]
    for waiter in waiters:
        line.join(waiter.place)
    line.give_up(c.place)
    assert [waiter.told for waiter in (b, c, d)] == [[0], [1], [2, 1]]
    line.give_up(a.place)  # it is served, and goes on
    assert began == ["a"]
    line.leave(a.place)
    line.leave(a.place)
    assert began == ["a", "b"]
    line.leave(b.place)
    assert began == ["a", "b", "d"]


def replies(count: int, room: int, stop: int | None = None, say: Phrases = ENGLISH) -> list[list[str]]:
    """What each of `count` replies shows that come one after the other, `room` answered at a time; one of them is stopped."""
    line = Line(room)
    gates = [threading.Event() for _ in range(count)]

    async def all_of_them() -> list[list[str]]:
        shown: list[list[str]] = [[] for _ in range(count)]
        running = [Reply("course", [{"role": "user", "content": "why?"}], say) for _ in range(count)]

        def steps(number: int, turn: Turn):  # type: ignore[no-untyped-def]
            if not turn():
                return
            gates[number].wait(20)
            yield Frame(f"answer {number}", "", last=True)

        async def read(number: int) -> None:
            async for frame in running[number].frames(lambda turn: steps(number, turn), line):
                shown[number].append(frame.reply)

        tasks = []
        for number in range(count):
            tasks.append(asyncio.create_task(read(number)))
            while number >= room and not shown[number]:  # it is told its place before the next one comes
                await asyncio.sleep(0.001)
        if stop is not None:
            running[stop].stop()
            await asyncio.wait_for(tasks[stop], 5)
        for gate, task in zip(gates, tasks, strict=True):
            gate.set()
            await asyncio.wait_for(task, 10)
        return shown

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, all_of_them()).result()


def test_a_reply_that_waits_says_how_many_are_before_it() -> None:
    first, second, third, fourth = replies(4, room=1)
    two, one, following = "*2 questions are before yours…*", "*1 question is before yours…*", "*Your question is next…*"
    assert first == ["answer 0"]
    assert second == [following, "answer 1"]
    assert third == [one, following, "answer 2"]
    assert fourth == [two, one, following, "answer 3"]


def test_a_reply_that_is_stopped_while_it_waits_leaves_the_line_at_once_and_is_not_worked_out() -> None:
    first, second, third, fourth = replies(4, room=1, stop=2)
    assert third == ["*1 question is before yours…*", "---\n*Stopped.*"]
    assert fourth[:2] == ["*2 questions are before yours…*", "*1 question is before yours…*"]
    assert [first[-1], second[-1], fourth[-1]] == ["answer 0", "answer 1", "answer 3"]


def test_many_at_once_are_all_answered_and_never_more_than_there_is_room_for() -> None:
    line = Line(3)
    lock = threading.Lock()
    three = threading.Barrier(3)  # each waits for two others, so fewer than three at once would get no further
    at_work = most = 0

    def steps(number: int, turn: Turn):  # type: ignore[no-untyped-def]
        nonlocal at_work, most
        assert turn()
        with lock:
            at_work += 1
            most = max(most, at_work)
        three.wait(10)
        yield Frame("some", "")
        with lock:
            at_work -= 1
        yield Frame(f"answer {number}", "", last=True)

    async def read(number: int) -> str:
        running = Reply("course", [{"role": "user", "content": "why?"}])
        return [frame.reply async for frame in running.frames(lambda turn: steps(number, turn), line)][-1]

    async def all_of_them() -> list[str]:
        return await asyncio.wait_for(asyncio.gather(*(read(number) for number in range(60))), 20)

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(asyncio.run, all_of_them()).result() == [f"answer {number}" for number in range(60)]
    assert most == 3


def test_what_a_reply_shows_before_its_turn_stays_while_it_waits() -> None:
    """Passages are there at once, however many are before."""
    line = Line(1)
    line.join(Place(lambda: None, lambda before: None))  # served, and never done

    def steps(turn: Turn):  # type: ignore[no-untyped-def]
        yield Frame("*Reading…*", "the passages", waiting=True)
        turn()

    async def read() -> list[Frame]:
        running = Reply("course", [{"role": "user", "content": "why?"}])
        frames = []
        async for frame in running.frames(steps, line):
            frames.append(frame)
            if len(frames) == 2:
                running.stop()
        return frames

    with ThreadPoolExecutor(1) as pool:
        frames = pool.submit(asyncio.run, asyncio.wait_for(read(), 10)).result()
    assert [(frame.reply, frame.passages) for frame in frames] == [
        ("*Reading…*", "the passages"),
        ("*Your question is next…*", "the passages"),
        ("---\n*Stopped.*", "the passages"),
    ]
