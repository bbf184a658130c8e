"""A log of the test's own, and rows as an answered question leaves them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tutor.activity.exchange import Exchange, new_id, now
from tutor.activity.store import ActivityStore

Asked = Callable[..., Exchange]
PLAIN = Exchange(
    id="",
    time="",
    course="algorithms",
    student="student-00000001",
    question="what is a heap?",
    answer="A heap is a tree. [1]",
    model="some-model",
    style="explain",
    outcome="answered",
    section=("2 Sorting", "2.3 Heaps"),
    book="Algorithms",
    file="algorithms.pdf",
    page=20,
    label="12",
    passages=("p1", "p2"),
    prompt="Passages:\n[1] 2.3 Heaps\nA heap is a tree.\n\n[2] 2.3 Heaps\nIt is full.\n\nQuestion: what is a heap?",
)


@pytest.fixture
def store(tmp_path: Path) -> ActivityStore:
    return ActivityStore(tmp_path / "home")


@pytest.fixture
def asked(store: ActivityStore) -> Asked:
    """Put a question into the log: an answered one on heaps, of just now, but for what is said otherwise."""

    def add(**different: object) -> Exchange:
        row = replace(PLAIN, **{"id": new_id(), "time": now(), **different})
        store.add(row)
        return row

    return add
