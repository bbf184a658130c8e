"""An end in time for what may never come."""

from __future__ import annotations

import threading
import time

import pytest

from tutor.answering.deadline import OutOfTime, within


def until_it_ends(parts, error):
    """What `parts` yield before they raise `error`."""
    came = []
    try:
        for part in parts:
            came.append(part)
    except error:
        return came
    raise AssertionError(f"{error.__name__} was not raised after {came}")


def test_what_comes_in_time_comes_whole():
    assert list(within(30, lambda: iter(range(5)))) == [0, 1, 2, 3, 4]


def test_what_came_until_the_deadline_came():
    def slow():
        for number in range(1000):
            yield number
            time.sleep(0.05)

    came = until_it_ends(within(0.5, slow), OutOfTime)
    assert came[0] == 0
    assert came == list(range(len(came)))
    assert len(came) < 1000


def test_silence_ends_too_and_what_was_waited_for_is_closed_when_it_speaks():
    silent, closed = threading.Event(), threading.Event()

    def says_one_word():
        try:
            yield "word"
            silent.wait(30)
            yield "late"
        finally:
            closed.set()

    assert until_it_ends(within(0.3, says_one_word), OutOfTime) == ["word"]
    assert not closed.is_set()
    silent.set()
    assert closed.wait(5)


def test_a_reader_that_leaves_has_it_closed():
    closed = threading.Event()

    def endless():
        try:
            while True:
                yield "word"
                time.sleep(0.01)
        finally:
            closed.set()

    parts = within(30, endless)
    assert next(parts) == "word"
    parts.close()
    assert closed.wait(5)


@pytest.mark.parametrize("words", [0, 2])
def test_what_is_raised_is_raised_to_the_reader(words):
    def fails():
        yield from range(words)
        raise ZeroDivisionError("on the thread")

    assert until_it_ends(within(30, fails), ZeroDivisionError) == list(range(words))
