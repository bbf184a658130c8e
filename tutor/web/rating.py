"""The thumbs below an answer: from the message that was rated to its row in the log, and back to the thumbs that are shown."""

from __future__ import annotations

import gradio as gr

from tutor.activity.log import ActivityLog
from tutor.web.conversation import Messages, id_of
from tutor.web.visitor import Visitors

THUMBS = {1: "Like", -1: "Dislike"}


def student_of(log: ActivityLog, visitors: Visitors, request: gr.Request) -> str:
    """The pseudonym of who asks."""
    return log.browser(visitors.of(dict(request.cookies)))


def rate(log: ActivityLog, visitors: Visitors, messages: Messages, place: int, liked: bool | str, request: gr.Request) -> bool:
    """Keep what a student thinks of the answer at `place`: up, down, or neither again; whether it is kept.

    The page sends the messages, so they may hold anything: only an answer that this student was given can be rated.
    """
    id = id_of(messages[place]) if 0 <= place < len(messages) else ""
    return bool(id) and log.rate(id, student_of(log, visitors, request), _rating(liked))


def pressed(messages: Messages, place: int, liked: bool | str) -> list[str | None]:
    """The thumb that was just pressed, and no other."""
    thumb = THUMBS.get(_rating(liked))
    return [thumb if number == place else None for number, message in enumerate(messages) if message["role"] == "assistant"]


def thumbs(log: ActivityLog, visitors: Visitors, messages: Messages, request: gr.Request) -> list[str | None]:
    """For each answer of a conversation the thumb that is set."""
    answers = [id_of(message) for message in messages if message["role"] == "assistant"]
    ratings = log.ratings([id for id in answers if id], student_of(log, visitors, request))
    return [THUMBS.get(ratings.get(id, 0)) for id in answers]


def _rating(liked: bool | str) -> int:
    """1, -1, or 0 for a thumb that was taken back, which Gradio calls ""."""
    return 1 if liked is True else -1 if liked is False else 0
