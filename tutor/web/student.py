"""The chat: a course, a conversation, the passages beside it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import gradio as gr

from index_store.errors import CourseTutorError
from index_store.generation import read_passages
from tutor.answering.engine import Turn
from tutor.answering.service import AnsweringService
from tutor.web import render

STYLE = (Path(__file__).parent / "student.css").read_text("utf-8")
AT_ONCE = 8
WAITING = 64
# Headings that every book repeats make no example question.
COMMON = re.compile(
    r"(preface|contents|exercises?|solutions?.*|introduction|summary|key terms|references|chapter .*|appendix.*|index)",
    re.IGNORECASE,
)
EXAMPLES = 4

Messages = list[dict[str, Any]]


def build(service: AnsweringService) -> gr.Blocks:
    """The page. Nothing in it decides what is answered."""
    names = [course.name for course in service.library.courses()]
    with gr.Blocks(title="Course Tutor", fill_height=True, analytics_enabled=False) as page:
        with gr.Row(elem_classes="ct-top"):
            gr.Markdown("# Course Tutor", elem_classes="ct-title")
            course = gr.Dropdown(
                names, value=names[0] if names else None, label="Course", elem_id="course", scale=0, min_width=220
            )
        if service.model.limits:
            gr.Markdown(service.model.limits, elem_classes="ct-limits")
        with gr.Row(elem_classes="ct-main"):
            with gr.Column(scale=3, min_width=320):
                chat = gr.Chatbot(
                    label="Conversation",
                    show_label=False,
                    elem_id="chat",
                    height="66vh",
                    layout="panel",
                    buttons=["copy"],
                    latex_delimiters=[
                        {"left": "$$", "right": "$$", "display": True},
                        {"left": "\\[", "right": "\\]", "display": True},
                        {"left": "\\(", "right": "\\)", "display": False},
                    ],
                    placeholder="Ask a question on the course. The answer names the page.",
                    examples=_examples(service, names[0] if names else None),
                )
                question = gr.Textbox(
                    placeholder="Ask a question on the course",
                    label="Question",
                    show_label=False,
                    elem_id="question",
                    submit_btn=True,
                    autofocus=True,
                    max_length=2000,
                )
            with gr.Column(scale=2, min_width=300):
                panel = gr.HTML(render.passages([]), elem_id="passages")

        def respond(messages: Messages, name: str | None) -> Iterator[tuple[Messages, str]]:
            yield from _respond(service, messages, name)

        busy = gr.State(False)

        def take(text: str, messages: Messages, waiting: bool) -> tuple[Any, Any]:
            if waiting:  # the text stays in the box; a second answer would overwrite the first
                gr.Info("An answer is still on its way. Wait for it, or stop it.")
                return gr.skip(), gr.skip()
            return ("", [*messages, _user(text)]) if text.strip() else (gr.skip(), gr.skip())

        def again(messages: Messages, retry: gr.RetryData) -> Messages:
            return messages[: _place(retry.index) + 1]

        def edited(messages: Messages, edit: gr.EditData) -> Messages:
            return [*messages[: _place(edit.index)], _user(render.unescaped(str(edit.value)))]

        def undone(messages: Messages, undo: gr.UndoData) -> tuple[Messages, str, str]:
            index = _place(undo.index)
            return messages[:index], render.unescaped(_text(messages[index])), render.passages([])

        def example(messages: Messages, choice: gr.SelectData) -> Messages:
            return [*messages, _user(choice.value["text"])]

        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        answering: dict[str, Any] = {
            "fn": respond,
            "inputs": [chat, course],
            "outputs": [chat, panel],
            "concurrency_limit": AT_ONCE,
            "concurrency_id": "answers",
            **quiet,
        }
        asked = [
            question.submit(take, [question, chat, busy], [question, chat], queue=False, **quiet),
            chat.retry(again, chat, chat, queue=False, **quiet),
            chat.edit(edited, chat, chat, queue=False, **quiet),
            chat.example_select(example, chat, chat, queue=False, **quiet),
        ]
        running = []
        for event in asked:
            # While an answer runs, the box offers stop instead of send.
            answer = event.then(_stoppable, None, [question, busy], queue=False, **quiet).then(**answering)
            answer.then(_sendable, None, [question, busy], queue=False, **quiet)
            running.append(answer)
        question.stop(_stopped, chat, [chat, question, busy], cancels=running, queue=False, **quiet)
        chat.undo(undone, chat, [chat, question, panel], queue=False, **quiet)
        chat.clear(
            lambda: (render.passages([]), *_sendable()), None, [panel, question, busy], cancels=running, queue=False, **quiet
        )
        course.change(
            lambda name: (gr.update(value=[], examples=_examples(service, name)), render.passages([]), *_sendable()),
            course,
            [chat, panel, question, busy],
            cancels=running,
            queue=False,
            **quiet,
        )
        # The course is remembered by the browser; an address with ?course=NAME opens that one.
        last = gr.BrowserState("", storage_key="course-tutor-course")
        course.input(lambda name: name or "", course, last, queue=False, **quiet)

        def opened(name: str | None, request: gr.Request) -> Any:
            return _refresh(service, request.query_params.get("course") or name)

        page.load(opened, last, course, queue=False, **quiet)
    return page


def _stoppable() -> tuple[Any, bool]:
    """The question box and the busy flag while an answer runs."""
    return gr.update(submit_btn=False, stop_btn=True), True


def _sendable() -> tuple[Any, bool]:
    return gr.update(submit_btn=True, stop_btn=False), False


def _stopped(messages: Messages) -> tuple[Messages, Any, bool]:
    """A stopped answer says so."""
    if messages and messages[-1]["role"] == "assistant" and render.SOURCES not in _text(messages[-1]):
        messages = [
            *messages[:-1],
            {"role": "assistant", "content": f"{_text(messages[-1])}{render.SOURCES}*Stopped.*".lstrip()},
        ]
    return messages, *_sendable()


def _respond(service: AnsweringService, messages: Messages, name: str | None) -> Iterator[tuple[Messages, str]]:
    """The conversation and the passages while the last question is answered."""
    if not messages or messages[-1]["role"] != "user":
        return
    reply = {"role": "assistant", "content": ""}
    try:
        if not name:
            raise CourseTutorError("there is no course yet. Make one with: tutor ingest BOOK.pdf --course NAME")
        stream = service.engine(name).stream(render.unescaped(_text(messages[-1])), _turns(messages[:-1]))
        panel = render.passages(stream.hits, found=stream.found)
        yield [*messages, reply], panel  # the passages are there before the first word
        text = ""
        for delta in stream:
            text += delta
            reply = {"role": "assistant", "content": render.piece(text, service.model.style)}
            yield [*messages, reply], panel
        answer = stream.answer
        assert answer is not None
        reply = {"role": "assistant", "content": render.finished(answer, service.model.style)}
        yield [*messages, reply], render.passages(stream.hits, answer, stream.found)
    except CourseTutorError as error:
        reply = {"role": "assistant", "content": render.escape_markdown(f"Sorry, {error}")}
        yield [*messages, reply], render.passages([])


def _turns(messages: Messages) -> list[Turn]:
    """Finished question and answer pairs, oldest first; questions without an answer are left out."""
    return [
        Turn(render.unescaped(_text(asked)), said)
        for asked, answered in pairwise(messages)
        if asked["role"] == "user" and answered["role"] == "assistant" and (said := render.answer_text(_text(answered)))
    ]


def _place(index: int | tuple[int, int]) -> int:
    """A message's place; Gradio gives a pair where a chat is of the older, paired kind."""
    return index if isinstance(index, int) else index[0]


def _text(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content if isinstance(part, dict))


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": render.escape_markdown(text)}


def _refresh(service: AnsweringService, name: str | None) -> Any:
    """The courses there are now; one ingested since the start is offered without a restart."""
    names = [course.name for course in service.library.courses()]
    return gr.update(choices=names, value=name if name in names else (names[0] if names else None))


def _examples(service: AnsweringService, name: str | None) -> list[Any]:
    """Questions made of section headings spread over the course."""
    if not name:
        return []
    try:
        passages = read_passages(service.library.existing(name).live)
    except CourseTutorError:
        return []
    titles = list(dict.fromkeys(_topic(passage.section) for passage in passages if passage.section))
    titles = [title for title in titles if title]
    step = max(1, len(titles) // EXAMPLES)
    return [{"text": f"Explain: {title}"} for title in titles[step // 2 :: step][:EXAMPLES]]


def _topic(section: Sequence[str]) -> str:
    title = re.sub(r"^[\d.]+\s+", "", section[-1])
    return "" if COMMON.fullmatch(title) or not 6 <= len(title) <= 60 else title


def launch(service: AnsweringService, host: str, port: int, ready: Any = None) -> None:
    """Serve the page until interrupted. `ready(url)` is called once it answers."""
    page = build(service)
    page.queue(max_size=WAITING, default_concurrency_limit=AT_ONCE)
    _, url, _ = page.launch(
        server_name=host,
        server_port=port,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        show_error=False,
        ssr_mode=False,
        max_file_size="1mb",
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        theme=gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=STYLE,
    )
    if ready:
        ready(url)
    try:
        threading.Event().wait()
    finally:
        page.close(verbose=False)
