"""A conversation as the chat shows it: its messages, what was said in them, and what of it the browser keeps."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from tutor.activity.exchange import ID
from tutor.answering.answer import Turn
from tutor.phrases import ENGLISH, Phrases
from tutor.web import render

KEPT = 30  # messages of a course

Messages = list[dict[str, Any]]
Talks = dict[str, Messages]


def user(text: str) -> dict[str, Any]:
    """A question as a message; `text` is what the student typed."""
    return {"role": "user", "content": render.escape_markdown(text)}


def assistant(shown: str, id: str = "") -> dict[str, Any]:
    """A reply as a message; `shown` is Markdown, and `id` what the log knows it by, so that it can be rated."""
    message = {"role": "assistant", "content": shown}
    return {**message, "metadata": {"id": id}} if id else message


def id_of(message: Mapping[str, Any]) -> str:
    """What the log knows a reply by; empty where nothing that can be one is there."""
    metadata = message.get("metadata")
    id = metadata.get("id") if isinstance(metadata, dict) else None
    return id if isinstance(id, str) and ID.fullmatch(id) else ""


def content(message: Mapping[str, Any]) -> str:
    """The Markdown of a message, which Gradio sends back as text or as a list of parts."""
    parts = message["content"]
    if isinstance(parts, str):
        return parts
    return "".join(part.get("text", "") for part in parts if isinstance(part, dict))


def asked(message: Mapping[str, Any]) -> str:
    """A question as it was typed."""
    return render.unescaped(content(message))


def turns(messages: Messages) -> list[Turn]:
    """Finished question and answer pairs, oldest first; questions without an answer are left out."""
    return [
        Turn(asked(question), said)
        for question, answer in pairwise(messages)
        if question["role"] == "user" and answer["role"] == "assistant" and (said := render.answer_text(content(answer)))
    ]


def stopped(shown: str, say: Phrases = ENGLISH) -> str:
    """What was shown of an answer until it was stopped, with a note that says so."""
    return _noted(shown, say("stopped"))


def _noted(shown: str, note: str) -> str:
    return f"{shown}{render.SOURCES}*{note}*".lstrip()


def with_talk(talks: Any, course: str, messages: Messages) -> Talks:
    """The browser's conversations with the last `KEPT` messages of this one, from a question on; forgotten where empty."""
    last = [_kept(message) for message in messages[-KEPT:]]
    while last and last[0]["role"] != "user":
        last.pop(0)
    others = {name: talk for name, talk in _dictionary(talks).items() if name != course}
    return {**others, course: last} if last else others


def talk_of(talks: Any, course: str | None, say: Phrases = ENGLISH) -> Messages:
    """The conversation that the browser keeps of a course. What is not one (the browser may hold anything) is left out."""
    found = _dictionary(talks).get(course or "")
    messages = [_kept(message) for message in found if _is_message(message)] if isinstance(found, list) else []
    if messages and messages[-1]["role"] == "user":
        messages.append(assistant(_noted("", say("interrupted"))))
    return messages


def _kept(message: Mapping[str, Any]) -> dict[str, Any]:
    """The message with nothing in it but what this page has written."""
    if message["role"] == "assistant":
        return assistant(content(message), id_of(message))
    return {"role": message["role"], "content": content(message)}


def _dictionary(talks: Any) -> dict[str, Any]:
    return talks if isinstance(talks, dict) else {}


def _is_message(message: Any) -> bool:
    return (
        isinstance(message, dict)
        and {"role", "content"} <= set(message) <= {"role", "content", "metadata"}
        and message["role"] in ("user", "assistant")
        and isinstance(message["content"], str)
    )
