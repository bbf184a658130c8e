"""The web server: the chat, the pages of the books beside it, and what programs ask: the HTTP API and MCP."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ingest.readers import Readers
from tutor.accounts import Accounts
from tutor.activity.log import ActivityLog
from tutor.answering.service import AnsweringService
from tutor.mcp_server import OverHTTP
from tutor.web import api, book, language, privacy, student, working
from tutor.web.asking import Asking
from tutor.web.instructor import activity, books, refusals, rules
from tutor.web.instructor.access import Access
from tutor.web.instructor.access import routes as access_pages
from tutor.web.instructor.jobs import Jobs
from tutor.web.limits import API_BYTES, BodyLimit, QuestionLimit
from tutor.web.proxy import ProxyHeaders
from tutor.web.students import StudentLimit
from tutor.web.visitor import VisitorCookie, Visitors

STYLE = (Path(__file__).parent / "student.css").read_text("utf-8")
SCRIPT = (Path(__file__).parent / "page.js").read_text("utf-8")
STOPPING = 3  # seconds that answers on their way have when the server is ended


def application(service: AnsweringService, readers: Readers, log: ActivityLog) -> FastAPI:
    """Everything that is served; `readers` paint the pages, `log` keeps what is asked."""
    settings = service.settings
    accounts = Accounts(settings.home)
    visitors = Visitors(log.pseudonyms.cookie_secret() if log.keeps else b"")
    asking = Asking(service, QuestionLimit(settings.questions_per_minute), log)
    tools = OverHTTP(asking, accounts)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with tools.manager.run():
            yield

    served = FastAPI(title="Course Tutor", docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)
    # From the inside out: what comes last is asked first.
    served.add_middleware(VisitorCookie, visitors=visitors)
    served.add_middleware(
        BodyLimit, most={"/v1": API_BYTES, "/mcp": API_BYTES, "/instructor": (settings.upload_mb + 1) * 1_000_000}
    )
    served.add_middleware(ProxyHeaders, trusted=settings.trusted_proxy)
    served.include_router(api.routes(service.library, accounts, asking))
    served.add_route("/mcp", tools)  # type: ignore[arg-type]
    access, jobs = Access(accounts), Jobs()
    served.state.access = access
    for pages in (
        access_pages(access),
        books.routes(access, service, jobs, settings.upload_mb),
        rules.routes(access, service),
        activity.routes(access, service, log),
    ):
        served.include_router(pages)
    served.include_router(book.routes(service.library, readers, settings.solutions, settings.open_pdf, settings.language))
    served.include_router(privacy.routes(log, visitors))
    for closed in ("/gradio_api/upload", "/gradio_api/upload_progress", "/openapi.json"):  # the chat takes no files
        served.add_api_route(closed, _nothing, methods=["GET", "POST"])
    for kind in (HTTPException, RequestValidationError):
        served.add_exception_handler(kind, refusals.told)
    page = student.build(service, log, visitors, StudentLimit(settings.questions_per_minute, visitors).allow)
    page.queue(max_size=student.WAITING)
    return gr.mount_gradio_app(
        served,
        page,
        path="/",
        show_error=False,
        ssr_mode=False,
        max_file_size="1mb",
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        root_path=settings.root_path or None,
        theme=gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=STYLE,
        i18n=language.translations(),
        head=language.script(SCRIPT, settings.language),
    )


def _is_cancelled(record: logging.LogRecord) -> bool:
    return bool(record.exc_info and record.exc_info[0] and issubclass(record.exc_info[0], asyncio.CancelledError))


def _nothing() -> Response:
    return Response(status_code=404)


def configuration(service: AnsweringService, readers: Readers, log: ActivityLog, host: str, port: int) -> uvicorn.Config:
    """How it is served."""
    return uvicorn.Config(
        application(service, readers, log),
        host,
        port,
        log_level="warning",
        timeout_graceful_shutdown=STOPPING,
        ws="none",
        root_path=service.settings.root_path,
        proxy_headers=False,  # see proxy.py
        server_header=False,
    )


def serve(
    service: AnsweringService,
    host: str,
    port: int,
    ready: Callable[[str], None] = lambda url: None,
    notify: Callable[[str], None] = lambda message: None,
) -> None:
    """Serve until interrupted. `ready(url)` is called once it answers; `notify` is told what whoever runs it should know."""
    log = ActivityLog(service.settings, notify)
    with Readers() as readers, log.purged_daily():
        # An answer that is cut off when the server ends is no fault of its own.
        logging.getLogger("uvicorn.error").addFilter(lambda record: not _is_cancelled(record))
        server = uvicorn.Server(configuration(service, readers, log, host, port))

        def tell() -> None:
            while not server.started and not server.should_exit:
                threading.Event().wait(0.05)
            if server.started:
                shown = f"[{host}]" if ":" in host else host
                ready(f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else shown}:{port}/")

        threading.Thread(target=tell, daemon=True).start()
        with suppress(KeyboardInterrupt):  # the way to end it
            server.run()
        working.wait_for_the_last()
