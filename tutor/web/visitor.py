"""Which browser asks: a random cookie, set with the first page, that no script can read. It names nobody.

It is signed, so that nobody makes up as many as they like. The log keeps a pseudonym that is made of it, never the cookie (see
tutor/activity/pseudonyms.py).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "course-tutor-visitor"
YEAR = 365 * 24 * 3600  # seconds


class Visitors:
    """Makes and knows the cookies. With a `secret` they last for a year; without, as long as browser and server run."""

    def __init__(self, secret: bytes = b"") -> None:
        self.lasting = bool(secret)
        self._secret = secret or secrets.token_bytes(32)

    def new(self) -> str:
        """A cookie that no other browser has."""
        name = secrets.token_urlsafe(16)
        return f"{name}.{self._signed(name)}"

    def of(self, cookies: Mapping[str, str]) -> str:
        """What tells the browser from others; empty where it has no cookie, or one that was not made here."""
        name, _, signature = cookies.get(COOKIE, "").partition(".")
        return (
            name
            if name and hmac.compare_digest(signature.encode("utf-8", "surrogatepass"), self._signed(name).encode())
            else ""
        )

    def _signed(self, name: str) -> str:
        return hmac.new(self._secret, name.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()


class VisitorCookie:
    """Gives a browser that opens the chat its cookie."""

    def __init__(self, app: ASGIApp, visitors: Visitors) -> None:
        self.app = app
        self.visitors = visitors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        wanted = scope["type"] == "http" and path in ("", "/") and scope["method"] == "GET"
        if not wanted or self.visitors.of(HTTPConnection(scope).cookies):
            await self.app(scope, receive, send)
            return
        cookie = f"{COOKIE}={self.visitors.new()}; Path={scope.get('root_path') or '/'}; HttpOnly; SameSite=Lax"
        cookie += f"; Max-Age={YEAR}" if self.visitors.lasting else ""
        cookie += "; Secure" if scope.get("scheme") == "https" else ""

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                MutableHeaders(scope=message).append("Set-Cookie", cookie)
            await send(message)

        await self.app(scope, receive, with_cookie)
