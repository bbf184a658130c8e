"""The web server: the chat, and the pages of the books beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI

from ingest.readers import Readers
from tutor.answering.service import AnsweringService
from tutor.web import book, language, student

STYLE = (Path(__file__).parent / "student.css").read_text("utf-8")
SCRIPT = (Path(__file__).parent / "page.js").read_text("utf-8")
STOPPING = 3  # seconds that answers on their way have when the server is ended


def application(service: AnsweringService, readers: Readers) -> FastAPI:
    """Everything that is served; `readers` paint the pages."""
    served = FastAPI(title="Course Tutor", docs_url=None, redoc_url=None, openapi_url=None)
    settings = service.settings
    served.include_router(book.routes(service.library, readers, settings.solutions, settings.open_pdf, settings.language))
    page = student.build(service)
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
        theme=gr.themes.Soft(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        css=STYLE,
        i18n=language.translations(),
        head=language.script(SCRIPT, settings.language),
    )


def serve(service: AnsweringService, host: str, port: int, ready: Callable[[str], None] = lambda url: None) -> None:
    """Serve until interrupted. `ready(url)` is called once it answers."""
    with Readers() as readers:
        config = uvicorn.Config(
            application(service, readers), host, port, log_level="warning", timeout_graceful_shutdown=STOPPING, ws="none"
        )
        server = uvicorn.Server(config)

        def tell() -> None:
            while not server.started and not server.should_exit:
                threading.Event().wait(0.05)
            if server.started:
                shown = f"[{host}]" if ":" in host else host
                ready(f"http://{'127.0.0.1' if host in ('0.0.0.0', '::') else shown}:{port}/")

        threading.Thread(target=tell, daemon=True).start()
        with suppress(KeyboardInterrupt):  # the way to end it
            server.run()
