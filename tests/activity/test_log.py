"""The log never stands in an answer's way, and keeps no longer than it may."""

from __future__ import annotations

import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tutor.activity.exchange import new_id
from tutor.activity.log import ActivityLog
from tutor.settings import Settings, load_settings

from .conftest import PLAIN


def settings(tmp_path: Path, **more) -> Settings:
    return load_settings(home=tmp_path / "home", **more)


def row():
    return replace(PLAIN, id=new_id(), time="2026-01-01T00:00:00+00:00")


def test_a_fault_is_told_once_and_raises_nothing(tmp_path: Path) -> None:
    told: list[str] = []
    log = ActivityLog(settings(tmp_path), told.append)
    log.store.file.mkdir(parents=True)  # where the file would be
    for _ in range(3):
        log.record(row)
        assert not log.rate("x", "y", 1)
        assert log.ratings(["x"], "y") == {}
    assert len(told) == 1
    assert told[0].startswith(f"warning: what is asked is not being recorded: {log.store.file}: ")


def test_a_mistake_in_making_the_row_is_told_too(tmp_path: Path) -> None:
    told: list[str] = []
    ActivityLog(settings(tmp_path), told.append).record(lambda: 1 / 0)
    assert told == ["warning: what is asked is not being recorded: ZeroDivisionError: division by zero"]


def test_a_locked_file_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    told: list[str] = []
    log = ActivityLog(settings(tmp_path), told.append)
    log.record(row)
    log.store._busy = 0.1
    holder = sqlite3.connect(log.store.file, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    log.record(row)
    assert len(told) == 1
    assert "locked" in told[0]
    holder.execute("ROLLBACK")
    log.record(row)
    assert len(log.store.of_course("algorithms")) == 2
    holder.close()


def test_a_secret_that_cannot_be_read_leaves_the_student_unnamed(tmp_path: Path) -> None:
    told: list[str] = []
    log = ActivityLog(settings(tmp_path), told.append)
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "pseudonym.key").write_text("damaged")
    assert log.browser("a" * 22) == ""
    assert len(told) == 1


def test_where_nothing_is_to_be_kept_nothing_is_written(tmp_path: Path) -> None:
    log = ActivityLog(settings(tmp_path, retention_days=0))
    assert not log.keeps
    log.record(lambda: pytest.fail("made"))
    assert log.browser("a" * 22) == log.key("moodle") == ""
    assert not log.rate("x", "", 1)
    with log.purged_daily():
        time.sleep(0.2)
    assert not (tmp_path / "home").exists()


def test_what_is_too_old_is_deleted_at_the_start(tmp_path: Path) -> None:
    log = ActivityLog(settings(tmp_path, retention_days=30))
    log.record(row)
    assert len(log.store.of_course("algorithms")) == 1
    with log.purged_daily():
        for _ in range(100):
            if not log.store.of_course("algorithms"):
                break
            time.sleep(0.05)
    assert log.store.of_course("algorithms") == []
