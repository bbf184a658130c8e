"""The chat: a course, a conversation, the passages beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import date
from typing import Any

import gradio as gr

from tutor.activity.log import ActivityLog
from tutor.answering.service import AnsweringService
from tutor.phrases import ENGLISH, Phrases
from tutor.web import conversation, language, privacy, rating, render
from tutor.web.conversation import Messages, Talks, assistant, talk_of, with_talk
from tutor.web.examples import examples
from tutor.web.export import as_markdown
from tutor.web.reply import Reply, answered
from tutor.web.visitor import Visitors

WAITING = 64
# What the browser keeps is for this page alone; its key stays, so that it outlives a restart of the server.
SECRET = "course-tutor"
NAMED = "(course) => window.courseTutor.named(course)"  # see page.js
SAVE = "(text, course) => window.courseTutor.save(text, course)"  # see page.js


def build(
    service: AnsweringService, log: ActivityLog, visitors: Visitors, to_wait: Callable[[Any], float] = lambda request: 0.0
) -> gr.Blocks:
    """The page. Nothing in it decides what is answered; where `log` keeps anything, answers can be rated.

    `to_wait` says how many seconds a request's student has to wait.
    """
    names = [course.name for course in service.library.courses()]
    setting = service.settings.language
    label = language.label(setting)

    def spoken(request: gr.Request) -> Phrases:
        return language.spoken(request, setting)

    with gr.Blocks(title="Course Tutor", fill_height=True, analytics_enabled=False) as page:
        with gr.Row(elem_classes="ct-top"):
            gr.HTML("<h1>Course Tutor</h1>", elem_classes="ct-title")
            course = gr.Dropdown(
                names,
                value=names[0] if names else None,
                label=label("label_course"),
                show_label=False,
                container=False,
                elem_id="course",
                scale=0,
                min_width=180,
            )
            export = gr.Button(label("label_export"), elem_id="export", size="sm", scale=0, min_width=0)
        notice = gr.HTML(_notice(service, log, ENGLISH), elem_classes="ct-notice")
        with gr.Row(elem_classes="ct-main"):
            with gr.Column(scale=3, min_width=320, elem_classes="ct-talk"):
                chat = gr.Chatbot(
                    label=label("label_conversation"),
                    show_label=False,
                    elem_id="chat",
                    height="100%",
                    layout="panel",
                    buttons=["copy"],
                    latex_delimiters=[
                        {"left": "$$", "right": "$$", "display": True},
                        {"left": "\\[", "right": "\\]", "display": True},
                        {"left": "\\(", "right": "\\)", "display": False},
                    ],
                    placeholder=label("hint_conversation"),
                    examples=_examples(service, names[0] if names else None),
                )
                question = gr.Textbox(
                    placeholder=label("hint_question"),
                    label=label("label_question"),
                    show_label=False,
                    container=False,
                    elem_id="question",
                    submit_btn=True,
                    autofocus=True,
                    max_length=2000,
                )
            with gr.Column(scale=2, min_width=300):
                panel = gr.HTML(render.passages([]), elem_id="passages")
        current = gr.State(None)
        saved = gr.Textbox(visible="hidden")  # a conversation on its way into a file of the browser's
        last = gr.BrowserState("", storage_key="course-tutor-course", secret=SECRET)
        talks = gr.BrowserState({}, storage_key="course-tutor-conversations", secret=SECRET)

        def begun(messages: Messages, name: str | None, reply: Reply | None, say: Phrases) -> tuple[Any, Any, Reply | None]:
            """The question with a word on what goes on below it; the box offers stop instead of send."""
            if _is_running(reply, say):
                return gr.skip(), gr.skip(), reply
            searching = assistant(f"*{say('searching')}*")
            return [*messages, searching], _box(sends=False), Reply(name or "", messages, say)

        def take(text: str, messages: Messages, name: str | None, reply: Reply | None, request: gr.Request) -> Any:
            say = spoken(request)
            if not text.strip() or _is_running(reply, say):
                return gr.skip(), gr.skip(), reply
            shown, _, started = begun([*messages, conversation.user(text)], name, reply, say)
            return shown, _box(sends=False, value=""), started

        def again(messages: Messages, name: str | None, reply: Reply | None, request: gr.Request, retry: gr.RetryData) -> Any:
            return begun(messages[: _place(retry.index) + 1], name, reply, spoken(request))

        def edited(messages: Messages, name: str | None, reply: Reply | None, request: gr.Request, edit: gr.EditData) -> Any:
            asked = conversation.user(render.unescaped(str(edit.value)))
            if not str(edit.value).strip():  # nothing is no question: the one before stays
                index = _place(edit.index)
                before = conversation.user(render.unescaped(str(edit.previous_value)))
                return [*messages[:index], before, *messages[index + 1 :]], gr.skip(), reply
            return begun([*messages[: _place(edit.index)], asked], name, reply, spoken(request))

        def example(
            messages: Messages, name: str | None, reply: Reply | None, request: gr.Request, choice: gr.SelectData
        ) -> Any:
            return begun([*messages, conversation.user(choice.value["text"])], name, reply, spoken(request))

        async def respond(reply: Reply | None, kept: Talks, request: gr.Request) -> AsyncIterator[tuple[Any, Any, Any]]:
            if reply is None or not reply.begin():  # nothing was asked, or what was asked is refused
                yield gr.skip(), gr.skip(), gr.skip()  # without a word Gradio would empty all three
                return
            wait = to_wait(request)
            # The question is kept at once, the answer when it is finished.
            nothing = render.passages([], say=reply.say)
            thumbs = await asyncio.to_thread(shown_thumbs, reply.messages, request)
            yield thumbs, nothing, with_talk(kept, reply.course, reply.messages)
            student = rating.student_of(log, visitors, request)
            async for frame in reply.frames(lambda turn: answered(service, reply, turn, log, student, wait)):
                shown = [*reply.messages, assistant(frame.reply, reply.id)]
                if not frame.last:
                    yield shown, frame.passages, gr.skip()
                    continue
                kept = with_talk(kept, reply.course, [] if reply.forgotten else shown)
                if reply.instead is None:
                    yield shown, frame.passages, kept
                else:  # whatever of this answer was still on its way is overwritten
                    yield reply.instead, nothing, kept

        def ended(reply: Reply | None) -> Any:
            return _box(sends=True) if reply is None or reply.close() else gr.skip()

        async def stop(reply: Reply | None) -> None:
            if reply:
                reply.stop()

        def undone(
            messages: Messages, name: str | None, reply: Reply | None, kept: Talks, request: gr.Request, undo: gr.UndoData
        ) -> Any:
            say = spoken(request)
            if _is_running(reply, say):
                return gr.skip(), gr.skip(), gr.skip(), gr.skip()
            index = _place(undo.index)
            left = messages[:index]
            shown = render.passages([], say=say)
            return left, conversation.asked(messages[index]), shown, with_talk(kept, name or "", left)

        async def cleared(name: str | None, reply: Reply | None, kept: Talks, request: gr.Request) -> tuple[Any, str, Talks]:
            if reply:
                reply.leave([], forgotten=True)
            return [], render.passages([], say=spoken(request)), with_talk(kept, name or "", [])

        def exported(messages: Messages, name: str | None, request: gr.Request) -> str:
            say = spoken(request)
            if not messages:
                gr.Info(say("nothing_to_export"), duration=5)
            return as_markdown(name or "", messages, date.today(), say) if messages else ""

        def warned(request: gr.Request) -> str:
            say = spoken(request)
            wanted = request.query_params.get("course")
            there = {course.name for course in service.library.courses()}
            unknown = render.alert(say("no_such_course", course=wanted)) if wanted and wanted not in there else ""
            return f"{unknown}{_notice(service, log, say)}"

        def show(name: str | None, kept: Talks, say: Phrases) -> tuple[Any, str]:
            shown = gr.update(value=talk_of(kept, name, say), examples=_examples(service, name, say))
            return shown, render.passages([], say=say)

        def switched(name: str | None, reply: Reply | None, kept: Talks, request: gr.Request) -> tuple[Any, str, str]:
            say = spoken(request)
            if reply:
                reply.leave(talk_of(kept, name, say))
            return *show(name, kept, say), name or ""

        def opened(name: str | None, kept: Talks, request: gr.Request) -> tuple[Any, Any, str]:
            """The courses there are now (one ingested since the start is offered), the one to show, and its conversation."""
            found = [course.name for course in service.library.courses()]
            wanted = request.query_params.get("course") or name
            chosen = wanted if wanted in found else (found[0] if found else None)
            return gr.update(choices=found, value=chosen), *show(chosen, kept, spoken(request))

        def shown_thumbs(messages: Messages, request: gr.Request) -> Any:
            return gr.update(feedback_value=rating.thumbs(log, visitors, messages, request))

        def rated(messages: Messages, like: gr.LikeData, request: gr.Request) -> Iterator[Any]:
            place = _place(like.index)
            if not rating.rate(log, visitors, messages, place, like.liked, request):
                say = spoken(request)
                gr.Warning(say("cannot_rate"), duration=5)
                # The browser shows its own press until it is told something new: first that, then what is kept.
                yield gr.update(feedback_value=rating.pressed(messages, place, like.liked))
            yield shown_thumbs(messages, request)

        quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
        at_once = {"queue": False, **quiet}
        # Queued, because only a queued event can say on the page why it does nothing.
        asking = {"concurrency_limit": None, **quiet}
        place, start = [chat, course, current], [chat, question, current]
        for event in (
            question.submit(take, [question, *place], start, **asking),
            chat.retry(again, place, start, **asking),
            chat.edit(edited, place, start, **asking),
            chat.example_select(example, place, start, **asking),
        ):
            answer = event.then(respond, [current, talks], [chat, panel, talks], concurrency_limit=WAITING, **quiet)
            answer.then(ended, current, question, **at_once)
        question.stop(stop, current, None, **at_once)
        taken_back = chat.undo(undone, [*place, talks], [chat, question, panel, talks], **asking)
        emptied = chat.clear(cleared, [course, current, talks], [chat, panel, talks], **at_once)
        export.click(exported, [chat, course], saved, **asking).success(None, [saved, course], None, js=SAVE, **at_once)
        # The course is remembered by the browser; an address with ?course=NAME opens that one.
        other = course.input(switched, [course, current, talks], [chat, panel, last], **at_once)
        other.then(None, course, None, js=NAMED, **at_once)
        page.load(warned, None, notice, **at_once)
        loaded = page.load(opened, [last, talks], [course, chat, panel], **at_once)
        if log.keeps:
            # Each press counts, in the order of the presses: by default one is dropped while the one before is on its way.
            chat.like(rated, chat, chat, trigger_mode="multiple", concurrency_limit=1, **quiet)
            for changed in (taken_back, emptied, other, loaded):
                changed.then(shown_thumbs, chat, chat, **at_once)
    return page


def _is_running(reply: Reply | None, say: Phrases) -> bool:
    """Whether an answer is on its way, which a second one would overwrite; the page is told so."""
    if reply is None or reply.is_over:
        return False
    gr.Info(say("still_running"), duration=5)
    return True


def _box(sends: bool, **changes: Any) -> Any:
    """The question box, offering send or stop."""
    return gr.update(submit_btn=sends, stop_btn=not sends, **changes)


def _notice(service: AnsweringService, log: ActivityLog, say: Phrases) -> str:
    """What to expect of the answers, and where it is told what is kept of the questions."""
    limits = service.model.limits_in(say)
    told = render.notice(limits, say) if limits else ""
    return f"{told}{privacy.link(say)}" if log.keeps else told


def _place(index: int | tuple[int, int]) -> int:
    """A message's place; Gradio gives a pair where a chat is of the older, paired kind."""
    return index if isinstance(index, int) else index[0]


def _examples(service: AnsweringService, name: str | None, say: Phrases = ENGLISH) -> list[Any]:
    return [{"text": question} for question in examples(service.library, name, say)]
