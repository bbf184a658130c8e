"""What an instructor sets for one course: how much help its students get, until when, and with which model.

Kept in HOME/courses/NAME/settings.json, written whole by one rename; `tutor set`, `tutor assignments` and the instructor's
pages write it. Knows nothing of how help is held back (see answering/held.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from index_store.course import Course
from index_store.errors import CourseError, SettingsError
from index_store.files import write_atomically

Level = Literal["nudge", "hint", "step", "full"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""From the least help to the most: where to read; a sentence with gaps; a sentence and the gaps; the answer."""
EXERCISES = 200  # of an assignment
LONGEST = 4000  # characters of an exercise


class Restricted(BaseModel):
    """The most help that is given, up to `released`; from then on the answer is (never of itself where that is None)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    help: Level = "full"
    released: datetime | None = None

    @field_validator("released")
    @classmethod
    def _with_zone(cls, released: datetime | None) -> datetime | None:
        # A time without a zone is the machine's own.
        return released.astimezone() if released else None

    def level(self, now: datetime) -> Level:
        """The most help that is given at `now`."""
        return "full" if self.released and now >= self.released else self.help


class Assignment(Restricted):
    """Exercises that students are to work out themselves. `exercises` are their texts."""

    name: str = Field(min_length=1, max_length=80)
    exercises: tuple[str, ...] = Field(min_length=1, max_length=EXERCISES)

    @field_validator("exercises")
    @classmethod
    def _texts(cls, exercises: tuple[str, ...]) -> tuple[str, ...]:
        kept = tuple(" ".join(text.split()) for text in exercises if text.strip())
        for number, text in enumerate(kept, 1):
            if len(text) > LONGEST:
                raise ValueError(f"exercise {number} has {len(text):,} characters, and at most {LONGEST:,} are taken")
        return kept


class CourseSettings(Restricted):
    """The settings of a course; where `model` or `passages` is unset, the program's own hold."""

    model: str = ""
    passages: int | None = Field(default=None, ge=1, le=20)
    assignments: tuple[Assignment, ...] = ()

    @model_validator(mode="after")
    def _names_are_distinct(self) -> CourseSettings:
        names = [assignment.name for assignment in self.assignments]
        if len(set(names)) < len(names):
            raise ValueError("two assignments have the same name")
        return self

    def with_assignment(self, assignment: Assignment) -> CourseSettings:
        """These settings with the assignment in the place of the one of its name, if there is one."""
        others = [other for other in self.assignments if other.name != assignment.name]
        return self.model_copy(update={"assignments": (*others, assignment)})

    def without_assignment(self, name: str) -> CourseSettings:
        """These settings without an assignment. Raises CourseError for a name that is none's."""
        left = tuple(assignment for assignment in self.assignments if assignment.name != name)
        if len(left) == len(self.assignments):
            known = ", ".join(repr(assignment.name) for assignment in left) or "none"
            raise CourseError(f"no assignment {name!r} (assignments: {known}).")
        return self.model_copy(update={"assignments": left})


def read_settings(course: Course) -> CourseSettings:
    """The course's settings; the defaults where none were written. Raises SettingsError for a file that is none.

    A damaged file is an error, not the defaults: what was held back would be given away.
    """
    file = _file(course)
    try:
        stamp = file.stat()
    except FileNotFoundError:
        return CourseSettings()
    return _read(file, stamp.st_mtime_ns, stamp.st_ino)


@lru_cache(64)
def _read(file: Path, changed: int, inode: int) -> CourseSettings:
    try:
        return CourseSettings(**json.loads(file.read_text("utf-8")))
    except (ValueError, TypeError) as error:  # not JSON, not a mapping, or a fault named by pydantic
        reason = fault_of(error) if isinstance(error, ValidationError) else str(error)
        raise SettingsError(f"{file}: {reason}. Mend it. What it held back is not answered meanwhile.") from None


def change_settings(course: Course, how: Callable[[CourseSettings], CourseSettings], reset: bool = False) -> CourseSettings:
    """Keep what `how` makes of the course's settings, or of the defaults with `reset`; the next question is answered so.

    One at a time: a second change is made to the first one's outcome. What is reset stays as settings.before.json.
    """
    from filelock import FileLock

    with FileLock(_file(course).with_suffix(".lock")):
        if reset and _file(course).exists():
            os.replace(_file(course), _file(course).with_suffix(".before.json"))
        settings = how(CourseSettings() if reset else read_settings(course))
        write_atomically(_file(course), settings.model_dump_json(indent=1) + "\n")
    return settings


def made(cls: type[Any], **values: Any) -> Any:
    """A `CourseSettings` or `Assignment` of what a person typed. Raises SettingsError with one line."""
    try:
        return cls(**values)
    except ValidationError as error:
        raise SettingsError(fault_of(error)) from None


def fault_of(error: ValidationError) -> str:
    """What is wrong, in one line."""
    faults = []
    for fault in error.errors():
        place = ".".join(map(str, fault["loc"]))
        reason = str(fault["msg"]).removeprefix("Value error, ")
        faults.append(f"{place}: {reason}" if place else reason)
    return "; ".join(faults)


def restrictions(settings: CourseSettings, now: datetime) -> Sequence[Restricted]:
    """What of the settings holds help back at `now`."""
    return [one for one in (settings, *settings.assignments) if one.level(now) != "full"]


def _file(course: Course) -> Path:
    return course.folder / "settings.json"
