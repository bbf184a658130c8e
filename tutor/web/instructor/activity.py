"""What students asked, on the instructor's pages: where they are stuck, and which answers should have been better."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from index_store.errors import CourseError, CourseTutorError
from tutor.activity.export import exported
from tutor.activity.insight import Insight, insight
from tutor.activity.log import ActivityLog
from tutor.activity.preferences import SOURCES, Preferences
from tutor.activity.tables import as_csv
from tutor.answering.service import AnsweringService
from tutor.web.charts import insight_page
from tutor.web.instructor.access import Access, Instructor
from tutor.web.instructor.templates import HEADERS, page
from tutor.web.sessions import from_own_pages

SHOWN = 20  # answers that await a word, at a time
Days = Annotated[int, Query(ge=1, le=3650)]
Id = Annotated[str, Form(max_length=64)]


def routes(access: Access, service: AnsweringService, log: ActivityLog) -> APIRouter:
    """Insight with its export, and the review of answers."""
    router = APIRouter(prefix="/instructor/c/{name}", dependencies=[Depends(from_own_pages)])

    def look(name: str, days: int) -> Insight:
        service.library.existing(name)
        return insight(log.store, name, days, service.embedding)

    @router.get("/insight")
    def charts(request: Request, user: Instructor, name: str, days: Days = 30) -> Response:
        return _page(
            request, access, user, "insight.html", name, lambda: {
                "days": days, "shown": insight_page(look(name, days)), "kept": log.days
            },
        )  # fmt: skip

    @router.get("/insight.csv")
    def table(request: Request, user: Instructor, name: str, days: Days = 30) -> Response:
        try:
            text = as_csv(look(name, days))
        except CourseTutorError as error:
            return access.refused(request, user, "", error)
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{name}-insight.csv"'}
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    @router.get("/review")
    def review(request: Request, user: Instructor, name: str) -> Response:
        def values() -> dict[str, Any]:
            service.library.existing(name)
            preferences = Preferences(log.store, name)
            rows = preferences.review_list()
            return {
                "rows": [(row, times, preferences.alternatives(row.id)) for row, times in rows[:SHOWN]],
                "more": max(0, len(rows) - SHOWN),
                "pairs": len(exported(preferences.all(SOURCES)).rows),
                "kept": log.days,
            }

        return _page(request, access, user, "review.html", name, values)

    @router.post("/review")
    def judge(
        request: Request,
        user: Instructor,
        name: str,
        row: Id,
        what: Annotated[str, Form(max_length=20)],
        better: Annotated[str, Form(max_length=20_000)] = "",
        other: Id = "",
    ) -> Response:
        def work() -> str:
            service.library.existing(name)
            preferences = Preferences(log.store, name)
            if what == "correct":
                preferences.correct(row, better.replace("\r\n", "\n"), user.name)
                return "Your answer is kept as the better one."
            if what == "refuse":
                preferences.refuse(row, user.name)
                return "Kept: saying that the books do not answer this would have been better."
            if what == "choose":
                preferences.choose(other, row, user.name)
                return "The other answer is kept as the better one."
            if what == "keep":
                preferences.choose(row, other, user.name)
                return "This answer is kept as the better one."
            if what == "aside":
                preferences.put_aside(row, user.name)
                return "Put aside."
            raise CourseError("there is nothing to do. Load the page again.")

        return access.done(request, user, f"/c/{name}/review", work)

    return router


def _page(request: Request, access: Access, user: Any, template: str, name: str, values: Any) -> Response:
    """The template with the values, or the list of courses with what is wrong."""
    try:
        given = values()
    except CourseTutorError as error:
        return access.refused(request, user, "", error)
    return page(request, template, user=user, said=access.said(user), course=name, **given)
