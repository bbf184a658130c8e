"""Which browser asks: a random cookie, set with the first page, that no script can read. It names nobody.

The log keeps a pseudonym that is made of it, never the cookie (see tutor/activity/pseudonyms.py).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "course-tutor-visitor"
YEAR = 365 * 24 * 3600
VALUE = re.compile(r"[A-Za-z0-9_-]{22}")


def visitor(cookies: Mapping[str, str]) -> str:
    """The browser's own value; empty where it has none, or something that was never given to it."""
    value = cookies.get(COOKIE, "")
    return value if VALUE.fullmatch(value) else ""


class VisitorCookie:
    """Gives a browser that has none its cookie, with the page at `/`."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        wanted = scope["type"] == "http" and scope["path"] == "/" and scope["method"] == "GET"
        if not wanted or visitor(_cookies(Headers(scope=scope).get("cookie", ""))):
            await self.app(scope, receive, send)
            return

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] == 200:
                secure = "; Secure" if scope.get("scheme") == "https" else ""
                MutableHeaders(scope=message).append(
                    "Set-Cookie",
                    f"{COOKIE}={secrets.token_urlsafe(16)}; Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax{secure}",
                )
            await send(message)

        await self.app(scope, receive, with_cookie)


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}
