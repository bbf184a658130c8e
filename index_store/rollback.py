"""Going to another of a course's kept indexes. Knows nothing of who asks for it."""

from __future__ import annotations

from index_store.course import Course
from index_store.errors import CourseError
from index_store.manifest import Manifest, read_manifest
from index_store.verify import verify_in_child


def roll_back(course: Course, to: str = "") -> Manifest:
    """Make the index whose id begins with `to` the live one, or the one before, and return its manifest.

    It is verified first. Raises CourseError where there is not the one index, and IndexDamagedError where it is not sound.
    """
    with course.writer() as writer:
        if to:
            found = [generation for generation in course.generations() if generation.name.startswith(to)]
        else:
            found = course.earlier()[:1]
        if len(found) != 1:
            raise CourseError(_reason(course, to, len(found)))
        (generation,) = found
        verify_in_child(generation)
        writer.make_live(generation)
    return read_manifest(generation)


def _reason(course: Course, to: str, found: int) -> str:
    """Why there is not the one index to go to."""
    kept = [generation.name for generation in course.generations()]
    if not kept:
        return f"course {course.name!r} has no complete index to go to. Ingest the course again."
    if len(kept) == 1 and not to:
        return f"course {course.name!r} has only one index, {kept[0]}: there is no earlier one to go back to."
    choice = f"It keeps {', '.join(kept)}. Choose with --to ID, or see: tutor rollback --list --course {course.name}"
    if not to:
        return f"course {course.name!r} is answered from its earliest index already. {choice}"
    return f"course {course.name!r} has {f'{found} indexes' if found else 'no index'} whose id begins with {to!r}. {choice}"
