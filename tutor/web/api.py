"""The HTTP API, in the form of OpenAI's chat completions: each course is a model, and an answer has its pages beside it.

Every request needs a key (`tutor keys add`). What is taken of a request, and what is ignored, docs/api.md says.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing, suppress
from dataclasses import asdict
from datetime import datetime
from itertools import pairwise
from typing import Any, Literal, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from index_store.course import Library
from index_store.errors import AccountsError, CourseTutorError
from tutor.accounts import Accounts, Key
from tutor.answering.answer import Turn
from tutor.web.asking import Asking, Begun, Finished, NotAsked, Piece, Place

HEADERS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
STREAMED = {**HEADERS, "X-Accel-Buffering": "no"}
MOST_MESSAGES = 1000
T = TypeVar("T")


class Part(BaseModel):
    """A part of a message's content; only text is read."""

    type: str
    text: str = ""


class Message(BaseModel):
    """A message of the conversation. Other roles than "user" and "assistant" are ignored."""

    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        for part in self.content or ():
            if part.type != "text":
                raise NotAsked(400, f"A message has a part of the type {part.type[:40]!r}; only text is read.", "unsupported")
        return "".join(part.text for part in self.content or ())


class StreamOptions(BaseModel):
    include_usage: bool = False


class Format(BaseModel):
    type: str


class Completion(BaseModel):
    """What is read of a request; all else is ignored."""

    model: str
    messages: list[Message]
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = None
    response_format: Format | None = None

    def asked(self) -> tuple[str, list[Turn]]:
        """The last question, and the answered ones before it."""
        said = [(message.role, message.text) for message in self.messages if message.role in ("user", "assistant")]
        while said and said[-1][0] != "user":
            said.pop()
        if not said:
            raise NotAsked(400, "There is no message of the role 'user' to answer.", "invalid_request")
        turns = [Turn(q, a) for (asker, q), (teller, a) in pairwise(said[:-1]) if (asker, teller) == ("user", "assistant")]
        return said[-1][1], [turn for turn in turns if turn.question.strip() and turn.answer.strip()]


def routes(library: Library, accounts: Accounts, asking: Asking) -> APIRouter:
    """The addresses below `v1/`."""
    router = APIRouter(route_class=_Route)

    def key_of(request: Request) -> Key:
        return authorised(accounts, request.headers.get("authorization", ""))

    @router.get("/v1/models")
    def models(request: Request) -> Response:
        rows = [_model(library, course) for course in asking.courses(key_of(request))]
        return JSONResponse({"object": "list", "data": rows}, headers=HEADERS)

    @router.get("/v1/models/{course}")
    def model(request: Request, course: str) -> Response:
        if course not in asking.courses(key_of(request)):
            raise NotAsked(404, f"There is no course {course[:64]!r}.", "model_not_found")
        return JSONResponse(_model(library, course), headers=HEADERS)

    @router.post("/v1/chat/completions")
    async def complete(request: Request) -> Response:
        key = await asyncio.to_thread(key_of, request)
        wanted = _read(await request.body())
        question, turns = wanted.asked()
        pieces = asking.ask(key, wanted.model, question, str(request.base_url), turns)
        if not wanted.stream:
            return JSONResponse(await _while_there(request, _whole(wanted, pieces)), headers=HEADERS)
        first = await _while_there(request, anext(pieces))  # what is refused is refused with its status
        assert isinstance(first, Begun)
        return StreamingResponse(_sent(wanted, first, pieces), media_type="text/event-stream", headers=STREAMED)

    @router.api_route("/v1/{rest:path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
    def other(rest: str) -> Response:
        raise NotAsked(404, "There is only /v1/models and /v1/chat/completions.", "not_found")

    return router


def authorised(accounts: Accounts, header: str) -> Key:
    """The key of an Authorization header. Raises NotAsked."""
    scheme, _, value = header.partition(" ")
    try:
        key = accounts.key_of(value.strip()) if scheme.lower() == "bearer" else None
    except AccountsError as error:
        logging.getLogger(__name__).error("%s", error)
        raise NotAsked(503, "Keys cannot be checked at the moment.", "unavailable") from None
    if key is None:
        raise NotAsked(401, "This needs a key: Authorization: Bearer ct-... (made with: tutor keys add)", "invalid_api_key")
    return key


def error_row(message: str, status: int, code: str) -> dict[str, Any]:
    """An error in OpenAI's form."""
    kinds = {401: "authentication_error", 429: "rate_limit_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def refusal(error: NotAsked) -> Response:
    """The answer to a request that is not answered."""
    headers = dict(HEADERS)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.wait:
        headers["Retry-After"] = str(max(1, round(error.wait + 0.5)))
    return JSONResponse(error_row(error.message, error.status, error.code), error.status, headers)


class _Route(APIRoute):
    """Whatever goes wrong is told in OpenAI's form."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def told(request: Request) -> Response:
            try:
                return await handle(request)
            except NotAsked as error:
                return refusal(error)
            except _Gone:
                return Response(status_code=499)
            except Exception:
                logging.getLogger(__name__).exception("a request failed")
                return refusal(NotAsked(500, "This failed. The server's terminal says why.", "internal_error"))

        return told


class _Gone(Exception):
    """Nobody waits for the answer any more."""


async def _while_there(request: Request, work: Awaitable[T]) -> T:
    """What `work` gives, as long as somebody waits for it: else it is cancelled, and _Gone raised."""

    async def left() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass

    working, watching = asyncio.ensure_future(work), asyncio.ensure_future(left())
    try:
        await asyncio.wait([working, watching], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise _Gone
    finally:
        for task in (working, watching):
            task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await working


def _read(body: bytes) -> Completion:
    try:
        wanted = Completion.model_validate_json(body)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(map(str, fault["loc"])) or "the body"
        raise NotAsked(400, f"{where}: {fault['msg']}.", "invalid_request") from None
    if wanted.response_format and wanted.response_format.type != "text":
        raise NotAsked(400, "response_format: answers are text.", "unsupported")
    if len(wanted.messages) > MOST_MESSAGES:
        raise NotAsked(400, f"messages: there are more than {MOST_MESSAGES:,}.", "invalid_request")
    return wanted


def _model(library: Library, course: str) -> dict[str, Any]:
    created = 0
    with suppress(CourseTutorError, ValueError):
        created = int(datetime.fromisoformat(library.course(course).manifest().created).timestamp())
    return {"id": course, "object": "model", "created": created, "owned_by": "course-tutor"}


def _head(wanted: Completion, kind: str) -> dict[str, Any]:
    return {"id": f"chatcmpl-{secrets.token_hex(12)}", "object": kind, "created": int(time.time()), "model": wanted.model}


def _beside(finished: Finished) -> dict[str, Any]:
    """What stands beside an answer."""
    answer = finished.answer
    return {
        "citations": _rows(finished.citations),
        "found": answer.found,
        "notes": list(answer.notes),
        "doubtful": list(answer.doubtful),
        "help": answer.help,
        "option": answer.option,
    }


def _rows(places: Sequence[Place]) -> list[dict[str, Any]]:
    """Places as they are sent: without the passages' texts."""
    return [{name: value for name, value in asdict(place).items() if name != "text"} for place in places]


def _usage(finished: Finished) -> dict[str, int]:
    usage = finished.usage
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


async def _whole(wanted: Completion, pieces: AsyncGenerator[Piece, None]) -> dict[str, Any]:
    finished = None
    async with aclosing(pieces):
        async for piece in pieces:
            finished = piece
    assert isinstance(finished, Finished)
    message = {"role": "assistant", "content": finished.answer.text, "refusal": None}
    return {
        **_head(wanted, "chat.completion"),
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": _usage(finished),
        **_beside(finished),
    }


async def _sent(wanted: Completion, first: Begun, pieces: AsyncGenerator[Piece, None]) -> AsyncGenerator[str, None]:
    """Server-sent events: the passages, the text as it comes, the end with the pages cited."""
    head = _head(wanted, "chat.completion.chunk")

    def event(delta: dict[str, str], finish: str | None = None, **beside: Any) -> str:
        row = {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": None}], **beside}
        return f"data: {json.dumps(row, ensure_ascii=False)}\n\n"

    async with aclosing(pieces):
        try:
            yield event({"role": "assistant", "content": ""}, passages=_rows(first.passages), found=first.found)
            async for piece in pieces:
                if isinstance(piece, str):
                    yield event({"content": piece})
                elif isinstance(piece, Finished):
                    # Numbers are checked when all is said: `answer` is the text as it then stands.
                    yield event({}, "stop", **_beside(piece), answer=piece.answer.text)
                    if wanted.stream_options and wanted.stream_options.include_usage:
                        yield f"data: {json.dumps({**head, 'choices': [], 'usage': _usage(piece)})}\n\n"
        except NotAsked as error:
            yield f"data: {json.dumps(error_row(error.message, error.status, error.code))}\n\n"
        except Exception:
            logging.getLogger(__name__).exception("an answer failed")
            yield f"data: {json.dumps(error_row('The answer failed.', 500, 'internal_error'))}\n\n"
        yield "data: [DONE]\n\n"
