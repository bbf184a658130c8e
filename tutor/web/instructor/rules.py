"""What holds for a course, set on the instructor's pages: help, model, assignments, saved questions."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from index_store.course import Library
from index_store.errors import CourseError, CourseTutorError
from index_store.questions import Question, changing, page_named
from tutor.answering.answer import checked_question
from tutor.answering.service import AnsweringService
from tutor.course_settings import Assignment, CourseSettings, change_settings, made, read_settings
from tutor.sheet import parts, split
from tutor.web.instructor.access import Access, Instructor
from tutor.web.sessions import from_own_pages

LONGEST_SHEET = 100_000  # characters
Text = Annotated[str, Form(max_length=2000)]


def routes(access: Access, service: AnsweringService) -> APIRouter:
    """What changes a course's settings, assignments and saved questions."""
    router = APIRouter(prefix="/instructor/c/{name}", dependencies=[Depends(from_own_pages)])
    library = service.library

    @router.post("/settings")
    def settings(
        request: Request,
        user: Instructor,
        name: str,
        help: Text = "full",
        released: Text = "",
        model: Text = "",
        passages: Text = "",
    ) -> Response:
        def work() -> str:
            target = library.existing(name)
            if model not in {"", *models_in_use(library)}:  # a path or an address is set by who has the machine
                raise CourseError("this model is not in use here. Set it with: tutor set --model")
            changes: dict[str, Any] = {
                "help": help,
                "released": _moment(released),
                "model": model,
                "passages": passages or None,
            }
            change_settings(target, lambda kept: made(CourseSettings, **{**kept.model_dump(), **changes}))
            return "The settings hold from the next question on."

        return access.done(request, user, f"/c/{name}#settings", work)

    @router.post("/assignments")
    def add(
        request: Request,
        user: Instructor,
        name: str,
        title: Text,
        exercises: Annotated[str, Form(max_length=LONGEST_SHEET)],
        help: Text = "nudge",
        released: Text = "",
    ) -> Response:
        def work() -> str:
            target = library.existing(name)
            text = exercises.replace("\r\n", "\n")
            texts = tuple(split(text))
            if not texts:
                raise CourseError("there is no exercise in it. Write one a paragraph, or number them.")
            assignment = made(Assignment, name=title.strip(), help=help, released=_moment(released), exercises=texts)
            change_settings(target, lambda kept: kept.with_assignment(assignment))
            left = len(list(parts(text))) - len(texts)
            told = f"“{assignment.name}” has {len(texts)} exercise{'' if len(texts) == 1 else 's'}"
            if assignment.level(datetime.now().astimezone()) == "full":
                told += "; their answers are given, for that is its level now."
            else:
                told += ", held back from now on."
            return told + (f" {left} of fewer than three words left out." if left else "")

        return access.done(request, user, f"/c/{name}#assignments", work)

    @router.post("/assignments/remove")
    def remove(request: Request, user: Instructor, name: str, title: Text) -> Response:
        def work() -> str:
            change_settings(library.existing(name), lambda kept: kept.without_assignment(title))
            return f"“{title}” is removed; its exercises are answered again."

        return access.done(request, user, f"/c/{name}#assignments", work)

    @router.post("/questions")
    def save(request: Request, user: Instructor, name: str, question: Text, place: Text = "") -> Response:
        def work() -> str:
            target = library.existing(name)
            text = checked_question(question)
            if place.strip():
                pages = [page_named(place.strip(), target.manifest().books)]
            else:
                found = service.engine(name).find(text)
                if not found.enough:
                    raise CourseError("nothing in the books clearly answers this. Name the page that does.")
                best = found.hits[0].passage
                pages = [(best.file, number) for number in range(best.page, best.page_end + 1)]
            kept = Question(text, tuple(pages))
            with changing(target.questions_file) as saved:
                saved[:] = [*(one for one in saved if one.text != text), kept]
            return f"Saved: every later index has to find {kept.place} for it."

        return access.done(request, user, f"/c/{name}#questions", work)

    @router.post("/questions/remove")
    def forget(request: Request, user: Instructor, name: str, question: Text) -> Response:
        def work() -> str:
            with changing(library.existing(name).questions_file) as saved:
                saved[:] = [one for one in saved if one.text != question]
            return "The question is forgotten."

        return access.done(request, user, f"/c/{name}#questions", work)

    return router


def models_in_use(library: Library) -> list[str]:
    """The models that courses have been given on the machine; a course whose settings are damaged is left out."""
    used = []
    for course in library.courses():
        with suppress(CourseTutorError):
            used.append(read_settings(course).model)
    return list(dict.fromkeys(filter(None, used)))


def _moment(text: str) -> datetime | None:
    """A date and time as a browser's field gives it. Raises CourseError for what is none."""
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        raise CourseError(f"{text[:40]!r} is no date and time. Write 2026-12-01T18:00.") from None
