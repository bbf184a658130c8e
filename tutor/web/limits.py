"""How much one may ask: questions a minute, and bytes of a request.

Knows nothing of what is asked.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from tutor.phrases import ENGLISH, Phrases

MOST = 10_000  # users remembered
API_BYTES = 256 * 1024
BYTES = 4 * 1024 * 1024  # a chat sends the conversations that the browser keeps


@dataclass
class _Bucket:
    tokens: float
    filled: float


class QuestionLimit:
    """A token bucket for each user: `per_minute` questions at once, and as many again each minute; 0: any number.

    Kept in memory; where there are more than MOST users, the one that asked longest ago is forgotten.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def allow(self, user: str) -> float:
        """0 where the user may ask now, which is counted; else the seconds to wait."""
        if not self._per_minute:
            return 0.0
        with self._lock:
            now = self._clock()
            bucket = self._buckets.setdefault(user, _Bucket(self._per_minute, now))
            self._buckets.move_to_end(user)
            bucket.tokens = min(self._per_minute, bucket.tokens + (now - bucket.filled) * self._per_minute / 60)
            bucket.filled = now
            while len(self._buckets) > MOST:
                self._buckets.popitem(last=False)
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return 0.0
            return (1 - bucket.tokens) * 60 / self._per_minute


def too_many(seconds: float, say: Phrases = ENGLISH) -> str:
    """What is said to who asks too often."""
    return say("asked_too_often", count=math.ceil(seconds))


class BodyLimit:
    """Refuses a request whose body is larger than its path allows: 413; one that does not say how large: 411.

    `most` gives the bytes for beginnings of paths, the longest counts; others have BYTES. (A server lets no body grow beyond
    the length that was said.)
    """

    def __init__(self, app: ASGIApp, most: Mapping[str, int]) -> None:
        self.app = app
        self.most = sorted(most.items(), key=lambda item: -len(item[0]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            path = scope["path"].removeprefix(scope.get("root_path", ""))
            most = next((most for start, most in self.most if path == start or path.startswith(f"{start}/")), BYTES)
            length = headers.get("content-length", "")
            if headers.get("transfer-encoding"):
                await _refusal(411, "Say with Content-Length how long the request is.", path)(scope, receive, send)
                return
            if length and (not length.isdecimal() or int(length[:20]) > most):
                await _refusal(413, f"The request is larger than {most // 1024:,} KB. Send less.", path)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _refusal(status: int, message: str, path: str) -> Response:
    """For a person's page a line of text; elsewhere in the form of the API's errors, which anybody can read."""
    if path.startswith("/instructor"):
        return Response(
            f"{message} Go back to the page before.\n", status, {"Connection": "close"}, "text/plain; charset=utf-8"
        )
    row = {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": "request_size"}}
    return Response(json.dumps(row), status, {"Connection": "close"}, "application/json")
