"""Answers are worked out on threads, a few at a time, and read on the server's loop.

Knows nothing of what is worked out.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from tutor.web.line import ANSWERS, Line, Place, Turn

ENDING = 3  # seconds
T = TypeVar("T")
_END = object()


@dataclass(frozen=True)
class Waiting:
    """The steps wait for their turn; so many are `before` them."""

    before: int


class Work(Generic[T]):
    """What `steps` yields on a thread of its own. They are given what waits for their turn in the `line`."""

    def __init__(self, steps: Callable[[Turn], Generator[T, None, None]], line: Line = ANSWERS) -> None:
        self._steps = steps
        self._line = line
        self._enough, self._due = threading.Event(), threading.Event()
        self._place = Place(self._due.set, lambda before: self._tell(Waiting(before)))
        self._tell: Callable[[Any], None] = lambda what: None

    def stop(self) -> None:
        """Nothing more is read, from any thread; the steps are closed as soon as they yield again, which ends a generation."""
        self._enough.set()
        self._line.give_up(self._place)
        self._due.set()
        self._tell(_END)

    async def results(self) -> AsyncGenerator[T | Waiting, None]:
        """What the steps yield, and their places in the line. Raises what they raise. A reader that leaves stops the work."""
        loop = asyncio.get_running_loop()
        came: asyncio.Queue[Any] = asyncio.Queue()

        def tell(what: Any) -> None:
            with contextlib.suppress(RuntimeError):  # the server has ended, nobody listens
                loop.call_soon_threadsafe(came.put_nowait, what)

        self._tell = tell
        threading.Thread(target=self._work, daemon=True, name="answer").start()
        try:
            while not self._enough.is_set() and (what := await came.get()) is not _END and not self._enough.is_set():
                if isinstance(what, Exception):
                    raise what
                yield what
        finally:
            self.stop()

    def _work(self) -> None:
        try:
            if self._enough.is_set():
                return
            # Closing it ends the generation, not only the reading.
            with contextlib.closing(self._steps(self._turn)) as running:
                for item in running:
                    if self._enough.is_set():
                        break
                    self._tell(item)
        except Exception as error:  # noqa: BLE001  carried to the reader, and raised there
            self._tell(error)
        finally:
            self._line.give_up(self._place)
            self._line.leave(self._place)
            self._tell(_END)

    def _turn(self) -> bool:
        self._line.join(self._place)
        self._due.wait()
        return not self._enough.is_set()


def wait_for_the_last() -> None:
    """Wait, ENDING seconds at most, for answers that nobody reads any more: an interpreter that ends meanwhile is aborted."""
    until = time.monotonic() + ENDING
    for thread in threading.enumerate():
        if thread.name in ("answer", "generation"):
            thread.join(max(0.0, until - time.monotonic()))
