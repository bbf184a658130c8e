"""The server as it is run, on a port of its own, with the settings a test wants."""

from __future__ import annotations

import copy
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from llama_index.core.llms import ChatMessage, ChatResponse, CustomLLM, LLMMetadata, MessageRole

from ingest.readers import Readers
from tutor.accounts import Accounts
from tutor.activity.log import ActivityLog
from tutor.answering.service import AnsweringService
from tutor.web import server


@dataclass(frozen=True)
class Served:
    """A running server: its address with a slash, and its accounts."""

    url: str
    accounts: Accounts


class SlowModel(CustomLLM):
    """Says a word every twentieth of a second for a minute, and tells when it was ended."""

    ended: Any = None

    @property
    def metadata(self) -> LLMMetadata:
        return LLMMetadata(is_chat_model=True)

    def complete(self, prompt, formatted=False, **kwargs):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def stream_complete(self, prompt, formatted=False, **kwargs):  # type: ignore[no-untyped-def]
        raise NotImplementedError

    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> Iterator[ChatResponse]:  # type: ignore[override]
        try:
            for number in range(1200):
                yield ChatResponse(message=ChatMessage(role=MessageRole.ASSISTANT, content=""), delta=f"word{number} ")
                time.sleep(0.05)
        finally:
            self.ended.set()


def of(service: AnsweringService, home: Path, **settings: Any) -> AnsweringService:
    """The same courses and models with other settings, and accounts in `home`."""
    other = copy.copy(service)
    other.settings = service.settings.model_copy(update={"home": home, **settings})
    other._engines, other._models = {}, dict(service._models)
    return other


def slow(service: AnsweringService) -> threading.Event:
    """Have the service answer with a slow model; the event is set when its generation ends."""
    ended = threading.Event()
    service.model = replace(service.model, llm=SlowModel(ended=ended), style="explain", count_tokens=lambda messages: 7)
    service._models = {service.settings.model: service.model}
    return ended


@contextmanager
def running(service: AnsweringService) -> Iterator[Served]:
    with Readers() as readers, socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        host, port = listening.getsockname()
        serving = uvicorn.Server(server.configuration(service, readers, ActivityLog(service.settings), host, port))
        thread = threading.Thread(target=serving.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not serving.started and thread.is_alive():
            time.sleep(0.02)
        try:
            yield Served(f"http://{host}:{port}/", Accounts(service.settings.home))
        finally:
            serving.should_exit = True
            thread.join(20)


@pytest.fixture
def serve() -> Iterator[Callable[[AnsweringService], Served]]:
    """Serve until the test's end."""
    with ExitStack() as stack:
        yield lambda service: stack.enter_context(running(service))
