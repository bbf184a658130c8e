"""What is kept of a student's questions, told to the student, with the pseudonym that an instructor needs to delete it."""

from __future__ import annotations

import html

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from tutor.activity.log import ActivityLog
from tutor.phrases import Phrases
from tutor.web.book import HEADERS, STYLE
from tutor.web.visitor import Visitors

ADDRESS = "privacy"
WIDTH = "main { max-width: 42rem; padding: 0.5rem 1rem; }"


def link(say: Phrases) -> str:
    """A link to the page, for the chat."""
    return f'<a class="ct-kept" href="{ADDRESS}" target="_blank" rel="noopener">{html.escape(say("what_is_kept"))}</a>'


def routes(log: ActivityLog, visitors: Visitors) -> APIRouter:
    """The page `privacy`."""
    router = APIRouter()

    @router.get(f"/{ADDRESS}")
    def page(request: Request) -> HTMLResponse:
        told = "".join(f"<p>{html.escape(text)}</p>" for text in _told(log, log.browser(visitors.of(request.cookies))))
        return HTMLResponse(
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>What is kept of your questions</title>'
            f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}{WIDTH}</style></head>'
            f"<body><main><h1>What is kept of your questions</h1>{told}</main></body></html>",
            headers={**HEADERS, "Cache-Control": "no-store"},
        )

    return router


def _told(log: ActivityLog, student: str) -> list[str]:
    if not log.keeps:
        return ["Nothing: neither questions nor answers are recorded here. Your conversation is kept in your browser alone."]
    whose = (
        f"In this browser you are {student}. Tell your instructor this name if you want what you asked deleted."
        if student
        else "Your browser has no cookie of this page, so your questions have no pseudonym either."
    )
    return [
        f"Each question is kept with its answer and your thumbs for {log.days} days, so that your instructor sees where the "
        "course is hard and which answers were wrong. Then it is deleted.",
        "It is kept under a pseudonym that is made of a random cookie. Your name, your address and the cookie itself are not "
        "kept. E-mail addresses, phone numbers and student numbers in a question are left out; other personal things in it "
        "are not, so do not write them.",
        whose,
        "Your conversation, as this page shows it again, is kept in your browser alone; the button Clear forgets it.",
    ]
