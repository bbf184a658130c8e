"""The log's file: what was put in is found again, by several at once, and what was deleted is gone from the disk."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from index_store.errors import ActivityError
from tutor.activity.exchange import new_id
from tutor.activity.preferences import Preferences
from tutor.activity.store import ActivityStore

REPOSITORY = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path
from dataclasses import replace
from tests.activity.conftest import PLAIN
from tutor.activity.exchange import new_id, now
from tutor.activity.store import ActivityStore
store = ActivityStore(Path(sys.argv[1]))
for number in range(100):
    row = replace(PLAIN, id=new_id(), time=now(), question=f"{sys.argv[2]} {number}")
    store.add(row)
    assert store.rate(row.id, row.student, -1)
"""


def ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat(timespec="seconds")


def bytes_of(home: Path) -> bytes:
    return b"".join(file.read_bytes() for file in home.iterdir())


def test_what_was_put_in_is_found_again_as_it_was(store: ActivityStore, asked) -> None:
    row = asked(question="why “heap”?", section=("1 A > B", "1.1 C"), passages=("x", "y"), leans=True, seconds=2.5)
    assert store.get(row.id) == row
    assert store.get(new_id()) is None
    assert store.of_course("algorithms") == [row]
    assert store.of_course("statistics") == []


def test_a_log_that_is_not_there_is_empty_and_is_not_made_by_looking(store: ActivityStore) -> None:
    assert store.of_course("algorithms") == []
    assert store.get("x") is None
    assert store.delete(course="algorithms") == 0
    assert not store.file.exists()


def test_only_the_owner_may_read_it_even_while_it_is_open(store: ActivityStore, asked) -> None:
    asked()
    with store.open() as database:
        database.execute("UPDATE exchanges SET rating = 1")
        files = sorted(file.name for file in store.file.parent.iterdir())
        modes = {stat.S_IMODE(file.stat().st_mode) for file in store.file.parent.iterdir()}
    assert files == ["activity.sqlite", "activity.sqlite-shm", "activity.sqlite-wal"]
    assert modes == {0o600}


def test_three_processes_write_and_rate_at_once_and_nothing_is_lost(store: ActivityStore) -> None:
    command = [sys.executable, "-c", WRITER, str(store.file.parent)]
    writers = [subprocess.Popen([*command, name], cwd=REPOSITORY, env={"PYTHONPATH": str(REPOSITORY)}) for name in "abc"]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    rows = store.of_course("algorithms")
    assert {row.question for row in rows} == {f"{name} {number}" for name in "abc" for number in range(100)}
    assert {row.rating for row in rows} == {-1}


def test_a_later_rating_overwrites_and_only_who_asked_may_rate(store: ActivityStore, asked) -> None:
    row = asked(student="student-0000000a")
    assert store.rate(row.id, "student-0000000a", 1)
    assert store.rate(row.id, "student-0000000a", -1)
    assert not store.rate(row.id, "student-0000000b", 1)
    assert not store.rate(new_id(), "student-0000000a", 1)
    assert store.ratings([row.id, new_id()], "student-0000000a") == {row.id: -1}
    assert store.ratings([row.id], "student-0000000b") == {}
    with pytest.raises(ActivityError):
        store.rate(row.id, "student-0000000a", 2)


def test_what_is_older_than_the_retention_goes_and_the_rest_stays(store: ActivityStore, asked) -> None:
    old, young = asked(time=ago(10.1)), asked(time=ago(9.9))
    assert store.purge(10) == 1
    assert store.get(old.id) is None
    assert store.get(young.id) == young
    assert store.purge(0) in (0, 1)  # of this very second, perhaps


def test_each_way_of_deleting_takes_what_it_names_and_no_more(store: ActivityStore, asked) -> None:
    for course in ("a", "b"):
        for student in ("student-1", "student-2"):
            for days in (1, 5):
                asked(course=course, student=student, time=ago(days))

    def left() -> set[tuple[str, str]]:
        return {(row.course, row.student) for course in "ab" for row in store.of_course(course)}

    assert store.delete() == 0
    assert store.delete(student="student-1", course="a") == 2
    assert left() == {("a", "student-2"), ("b", "student-1"), ("b", "student-2")}
    assert store.delete(before=ago(3)) == 3
    assert store.delete(student="student-2") == 2
    assert left() == {("b", "student-1")}
    assert store.delete(course="b") == 1
    assert left() == set()


def test_nothing_that_was_deleted_is_left_in_the_file_and_its_preferences_go_too(store: ActivityStore, asked) -> None:
    row = asked(question="an UNMISTAKABLE question", student="student-1")
    asked(student="student-2")
    Preferences(store, "algorithms").correct(row.id, "an UNREPEATABLE answer [1]", "Ada")
    home = store.file.parent
    served = sqlite3.connect(store.file)  # as long as one is open, SQLite keeps its own log beside the file
    served.execute("SELECT count(*) FROM exchanges").fetchone()
    assert b"UNMISTAKABLE" in bytes_of(home)
    assert b"UNREPEATABLE" in bytes_of(home)
    assert store.delete(student="student-1") == 1
    assert b"UNMISTAKABLE" not in bytes_of(home)
    assert b"UNREPEATABLE" not in bytes_of(home)
    served.close()
    assert Preferences(store, "algorithms").all() == []
    assert len(store.of_course("algorithms")) == 1


@pytest.mark.parametrize("wrong", ["a folder", "no database", "locked"])
def test_a_file_that_cannot_be_used_is_told_in_one_line(wrong: str, tmp_path: Path) -> None:
    store = ActivityStore(tmp_path, busy=0.1)
    holder = None
    if wrong == "a folder":
        store.file.mkdir()
    elif wrong == "no database":
        store.file.write_text("what is this? " * 100)
    else:
        with store.open():
            pass
        holder = sqlite3.connect(store.file, isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(ActivityError) as told:
        store.delete(course="x")
    assert str(told.value).startswith(f"{store.file}: ")
    assert "\n" not in str(told.value)
    if holder:
        holder.close()
