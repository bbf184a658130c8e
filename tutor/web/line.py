"""Who is answered next: first come, first served, so many at a time. Knows nothing of questions and answers."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

AT_ONCE = 8


@dataclass(frozen=True, eq=False)
class Place:
    """One who waits. `begin` is called when the turn comes, `moved` with how many are before whenever that changes.

    Both are called on whatever thread makes them due, and must return at once.
    """

    begin: Callable[[], None]
    moved: Callable[[int], None]


class Line:
    """`room` at a time are served."""

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: list[Place] = []
        self._served: list[Place] = []
        self._lock = threading.Lock()

    def join(self, place: Place) -> None:
        """Begins at once where there is room; is told its place otherwise."""
        with self._lock:
            self._waiting.append(place)
            self._move(len(self._waiting) - 1)

    def leave(self, place: Place) -> None:
        """One that was served makes room."""
        with self._lock:
            if place in self._served:
                self._served.remove(place)
                self._move(0)

    def give_up(self, place: Place) -> None:
        """One that waits will not begin; one that is served goes on."""
        with self._lock:
            if place in self._waiting:
                index = self._waiting.index(place)
                del self._waiting[index]
                self._move(index)

    def _move(self, changed: int) -> None:
        """Serve those whom there is room for, and tell the others; those before `changed` only if somebody was served."""
        while self._waiting and len(self._served) < self._room:
            first = self._waiting.pop(0)
            self._served.append(first)
            first.begin()
            changed = 0
        for before, place in enumerate(self._waiting[changed:], changed):
            place.moved(before)


Turn = Callable[[], bool]
"""Waits for one's turn; False where that was given up meanwhile."""

ANSWERS = Line(AT_ONCE)
"""Whoever waits for an answer: students of the chat, programs by the API or MCP."""
