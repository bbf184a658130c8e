"""`tutor chat`: the page in the browser."""

from __future__ import annotations

from typing import Any

import click

from tutor.cli import options


@click.command()
@click.option("--port", type=int, metavar="PORT", help="Port to listen on (7860).")
@click.option("--host", metavar="ADDRESS", help="Address to listen on (127.0.0.1: this machine only).")
@options.model
@options.embedding
@options.reranker
@options.home
def chat(**flags: Any) -> None:
    """Open the chat at http://127.0.0.1:7860 and serve it until Ctrl-C."""
    settings = options.settings_of(**flags)
    _check_free(settings.host, settings.port)
    if not _is_loopback(settings.host) and not settings.trusted_proxy:
        options.say(
            f"warning: {settings.host} is reached over the network, where questions and passwords can be read on the way. "
            "Put a proxy with HTTPS in front: docs/deployment.md"
        )
    options.say("loading the language model and the embedding")

    from index_store.course import Library
    from index_store.errors import CourseTutorError
    from tutor.answering.service import AnsweringService
    from tutor.web import server

    courses = [course.name for course in Library(settings.home).courses()]
    service = AnsweringService(settings, options.say, courses)
    for course in courses:  # what keeps a course from being answered is told now, and the others are
        try:
            service.engine(course)
        except CourseTutorError as error:
            options.say(f"warning: course {course!r} is not answered: {error}")
    below = f", for a proxy that shows it at {settings.root_path}/" if settings.root_path else ""
    opened = f"the chat is open at {{}}{below}  (Ctrl-C ends it)"
    server.serve(service, settings.host, settings.port, lambda url: options.say(opened.format(url)), options.say)


def _is_loopback(host: str) -> bool:
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_free(host: str, port: int) -> None:
    import socket

    from index_store.errors import SettingsError

    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"{host}:{port} cannot be listened on ({error.strerror}). Choose another with --port or --host."
            ) from None
