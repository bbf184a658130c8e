"""What holds for a course, set on the instructor's pages: help, model, assignments, saved questions."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request, Response

from index_store.errors import CourseError
from index_store.questions import Question, changing, page_named
from tutor.answering.answer import checked_question
from tutor.answering.service import AnsweringService
from tutor.course_settings import Assignment, CourseSettings, change_settings, made, read_settings
from tutor.sheet import split
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
            known = {"", *(read_settings(other).model for other in library.courses())}
            if model not in known:  # a path or an address is set by who has the machine
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
            texts = tuple(split(exercises.replace("\r\n", "\n")))
            if not texts:
                raise CourseError("there is no exercise in it. Write one a paragraph, or number them.")
            assignment = made(Assignment, name=title.strip(), help=help, released=_moment(released), exercises=texts)
            change_settings(target, lambda kept: kept.with_assignment(assignment))
            return f"“{assignment.name}” has {len(texts)} exercise{'' if len(texts) == 1 else 's'}, held back from now on."

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
                best = service.engine(name).search.search(text, 1)[0].passage
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


def _moment(text: str) -> datetime | None:
    """A date and time as a browser's field gives it. Raises CourseError for what is none."""
    if not text.strip():
        return None
    try:
        return datetime.fromisoformat(text.strip()).astimezone()
    except ValueError:
        raise CourseError(f"{text[:40]!r} is no date and time. Write 2026-12-01T18:00.") from None
