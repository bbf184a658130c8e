"""The courses as tools of the Model Context Protocol: over standard input and output, and over HTTP to who has a key.

Answers carry their citations as structured content. Knows nothing of how a question is answered.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import Annotated, Any

from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import CallToolResult, TextContent, ToolAnnotations
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from index_store.errors import CourseTutorError
from tutor.accounts import Accounts, Key
from tutor.activity.log import ActivityLog
from tutor.answering.service import AnsweringService
from tutor.phrases import ENGLISH
from tutor.web.api import authorised, refusal
from tutor.web.asking import Asking, Finished, NotAsked, Place
from tutor.web.limits import API_BYTES, QuestionLimit

INSTRUCTIONS = (
    "Answers questions on university courses from the courses' own books, naming the pages. Call `courses` for the names. "
    "An answer with found=false means that the books do not answer. Keep the page numbers when you pass an answer on."
)
LOCAL = Key("local", "", None, "")
READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
_KEY = "tutor.key"  # in the request's scope


class Answered(BaseModel):
    """An answer. Where `found` is false the books do not answer; `doubtful` sentences are not clearly borne out.

    `help` is the level of a hint that was given instead, "" for an answer. `option` is the letter that the book or the
    reasoning speaks for where the question had options, "" for none.
    """

    answer: str
    found: bool
    citations: list[Place]
    notes: list[str]
    doubtful: list[str]
    help: str
    option: str


class Found(BaseModel):
    """Passages, best first; where `found` is false they do not answer the question. While hints are given to it, `notes` says
    so and they have no text."""

    found: bool
    passages: list[Place]
    notes: list[str]


class Courses(BaseModel):
    """Names of courses."""

    courses: list[str]


Question = Annotated[str, Field(description="A question on the course.")]
Course = Annotated[str, Field(description="The course's name, as `courses` lists them.")]
Call = Context[Any, Any]


def tools(
    asking_of: Callable[[], Awaitable[Asking]],
    key_of: Callable[[Call], Key],
    base_of: Callable[[Call], str],
    lifespan: Callable[[MCPServer[Any]], AbstractAsyncContextManager[Any]] | None = None,
) -> MCPServer:
    """The server with its tools; `key_of` and `base_of` tell of a call who makes it, and this server's address or ""."""
    logging.basicConfig(format="%(message)s")  # before the SDK does, which would frame every line of this process
    server: MCPServer[Any] = MCPServer(
        "course-tutor",
        title="Course Tutor",
        version=version("course-tutor"),
        instructions=INSTRUCTIONS,
        log_level="WARNING",
        lifespan=lifespan,
    )

    @server.tool(annotations=READS)
    async def ask(question: Question, course: Course, ctx: Call) -> Annotated[CallToolResult, Answered]:
        """Answer a question from a course's books, with the pages."""
        finished = None
        with _told():
            asking = await asking_of()
            async with aclosing(asking.ask(key_of(ctx), course, question, base_of(ctx))) as pieces:
                async for piece in pieces:
                    finished = piece
        assert isinstance(finished, Finished)
        answer = finished.answer
        below = [
            f"[{c.number}] {', '.join(filter(None, (c.passage.book, c.passage.section_title, c.passage.pages)))}"
            for c in answer.citations
        ]
        return _result(
            "\n".join([answer.text, "", *below, *answer.notes]).strip(),
            Answered(
                answer=answer.text,
                found=answer.found,
                citations=list(finished.citations),
                notes=list(answer.notes),
                doubtful=list(answer.doubtful),
                help=answer.help,
                option=answer.option,
            ),
        )

    @server.tool(annotations=READS)
    async def search(question: Question, course: Course, ctx: Call) -> Annotated[CallToolResult, Found]:
        """Find the passages of a course's books that are nearest to a question, without an answer."""
        with _told():
            asking = await asking_of()
            begun = await asking.search(key_of(ctx), course, question, base_of(ctx))
        texts = [f"[{p.number}] {p.book}, page {p.label or p.page}\n{p.text}".rstrip() for p in begun.passages]
        notes = [] if all(p.text for p in begun.passages) else [ENGLISH("text_held_back")]
        return _result(
            "\n\n".join([*texts, *notes]) or "Nothing was found.",
            Found(found=begun.found, passages=list(begun.passages), notes=notes),
        )

    @server.tool(annotations=READS)
    async def courses(ctx: Call) -> Annotated[CallToolResult, Courses]:
        """List the courses that can be asked."""
        with _told():
            names = (await asking_of()).courses(key_of(ctx))
        return _result("\n".join(names) or "There is no course.", Courses(courses=names))

    return server


def serve_stdio(load: Callable[[], AnsweringService]) -> None:
    """Serve the client that started this process until it leaves; all courses, any number of questions.

    The client is greeted at once, since it waits seconds only; what `load` brings is waited for by the first question, and the
    CourseTutorError that it raises is told to each.
    """
    pool = ThreadPoolExecutor(1)
    loading: list[Future[Asking]] = []

    def loaded() -> Asking:
        service = load()
        return Asking(service, QuestionLimit(0), ActivityLog(service.settings))

    @asynccontextmanager
    async def begun(server: MCPServer[Any]) -> AsyncIterator[None]:
        loading.append(pool.submit(loaded))  # from here on the SDK keeps what libraries print away from the client
        yield

    async def asking() -> Asking:
        return await asyncio.wrap_future(loading[0])

    tools(asking, lambda context: LOCAL, lambda context: "", begun).run("stdio")


class OverHTTP:
    """The same tools as an ASGI application, for requests with a key. `manager.run()` has to be entered while it serves."""

    def __init__(self, asking: Asking, accounts: Accounts) -> None:
        async def ready() -> Asking:
            return asking

        server = tools(ready, _key, _base)
        # Nothing is kept between requests, so there is no session to steal or to lose at a restart.
        server.streamable_http_app(stateless_http=True, max_request_body_size=API_BYTES)
        self.manager: StreamableHTTPSessionManager = server.session_manager
        self._accounts = accounts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            scope[_KEY] = authorised(self._accounts, Request(scope).headers.get("authorization", ""))
        except NotAsked as error:
            await refusal(error)(scope, receive, send)
            return
        await self.manager.handle_request(scope, receive, send)


def _request(context: Call) -> Request:
    request = context.request_context.request
    assert isinstance(request, Request)
    return request


def _key(context: Call) -> Key:
    key = _request(context).scope[_KEY]
    assert isinstance(key, Key)
    return key


def _base(context: Call) -> str:
    return str(_request(context).base_url)


@contextmanager
def _told() -> Iterator[None]:
    """What is not answered is told to the client's model in a line."""
    try:
        yield
    except NotAsked as error:
        raise ToolError(error.message) from None
    except CourseTutorError as error:  # of what did not load
        raise ToolError(str(error)) from None


def _result(text: str, structured: BaseModel) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=text)], structured_content=json.loads(structured.model_dump_json())
    )
