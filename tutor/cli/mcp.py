"""`tutor mcp`: the courses as tools of a desktop client."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import click

from tutor.cli import options

if TYPE_CHECKING:
    from tutor.answering.service import AnsweringService


@click.command()
@options.model
@options.embedding
@options.reranker
@options.home
def mcp(**flags: Any) -> None:
    """Serve the courses over MCP on standard input and output, for a client that starts this command.

    The same tools are served over HTTP, to who has a key, by `tutor chat` at /mcp.
    """
    settings = options.settings_of(**flags)

    from tutor.mcp_server import serve_stdio

    def load() -> AnsweringService:
        from index_store.course import Library
        from tutor.answering.service import AnsweringService

        return AnsweringService(settings, options.say, [course.name for course in Library(settings.home).courses()])

    serve_stdio(load)
    # The client has left. A model that is still at work in threads of its own would have an orderly end aborted.
    sys.stdout.flush()
    os._exit(0)
