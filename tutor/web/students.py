"""Who asks in the chat: a cookie tells the browsers behind one address apart. It says nothing of who they are.

The cookie is signed by this server for as long as it runs, so that nobody makes up as many as they like.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tutor.login import network
from tutor.web.limits import QuestionLimit

COOKIE = "course-tutor-student"
OF_AN_ADDRESS = 10  # times what one student may ask, all students of an address together
_secret = secrets.token_bytes(32)


class StudentLimit:
    """What a student may ask: `per_minute` questions by browser, and more of them by address."""

    def __init__(self, per_minute: int) -> None:
        self._students = QuestionLimit(per_minute)
        self._addresses = QuestionLimit(per_minute * OF_AN_ADDRESS)

    def allow(self, request: HTTPConnection) -> float:
        """0 where the student may ask now, which is counted; else the seconds to wait."""
        address = network(request.client.host) if request.client else ""
        return self._students.allow(student_of(request) or address) or self._addresses.allow(address)


def student_of(request: HTTPConnection) -> str:
    """A name for the browser, made of its cookie; "" where it has none of this server."""
    name, _, signature = request.cookies.get(COOKIE, "").partition(".")
    return name if name and hmac.compare_digest(signature.encode(), _signed(name).encode()) else ""


class StudentCookie:
    """Gives a browser that opens the chat its cookie."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] != "http" or path not in ("", "/") or student_of(HTTPConnection(scope)):
            await self.app(scope, receive, send)
            return
        name = secrets.token_urlsafe(12)
        cookie = f"{COOKIE}={name}.{_signed(name)}; HttpOnly; SameSite=Lax; Path={scope.get('root_path') or '/'}"
        if scope["scheme"] == "https":
            cookie += "; Secure"

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self.app(scope, receive, with_cookie)


def _signed(name: str) -> str:
    return hmac.new(_secret, name.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
