"""`tutor mcp`: the courses as tools of a desktop client."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from tutor.cli import options


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
    with _stdout_kept_clean():
        from index_store.course import Library
        from tutor.answering.service import AnsweringService
        from tutor.mcp_server import serve_stdio

        service = AnsweringService(settings, options.say, [course.name for course in Library(settings.home).courses()])
    serve_stdio(service)
    # The client has left. A model that is still at work in threads of its own would have an orderly end aborted.
    sys.stdout.flush()
    os._exit(0)


@contextmanager
def _stdout_kept_clean() -> Iterator[None]:
    """What libraries print while they load goes to standard error: standard output is the protocol's."""
    output = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(output, 1)
        os.close(output)
