"""Who is logged in on the instructor's pages: a random token in a cookie, and here only its hash.

Sessions are kept in memory: a restart of the server ends them. Knows nothing of passwords (see tutor/login.py).
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import HTTPException, Request, Response

from tutor.accounts import Accounts, User

IDLE = 8 * 60 * 60  # seconds
TOKEN_BYTES = 32
MOST_OF_A_USER = 20
SAFE = ("GET", "HEAD", "OPTIONS")


@dataclass
class _Session:
    user: str
    stamp: str
    used: float


class Sessions:
    """The sessions of one server. They end by `log_out`, after IDLE seconds, and with a user's removal or new password."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts = accounts
        self._clock = clock
        self._lock = threading.Lock()
        self._sessions: dict[str, _Session] = {}

    def log_in(self, user: User, request: Request, response: Response) -> None:
        """Begin a session of `user`, who has shown the password; one that the browser had before ends."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        with self._lock:
            self._sessions.pop(_digest(_token(request)), None)
            self._sweep()
            others = sorted((s.used, key) for key, s in self._sessions.items() if s.user == user.name)
            for _, key in others[: max(0, len(others) + 1 - MOST_OF_A_USER)]:
                del self._sessions[key]
            self._sessions[_digest(token)] = _Session(user.name, user.stamp, self._clock())
        response.set_cookie(
            _cookie(request), token, httponly=True, samesite="strict", secure=_is_https(request), path="/", max_age=IDLE
        )

    def log_out(self, request: Request, response: Response) -> None:
        """End the browser's session."""
        with self._lock:
            self._sessions.pop(_digest(_token(request)), None)
        response.delete_cookie(_cookie(request), path="/", httponly=True, samesite="strict", secure=_is_https(request))

    def signed_in(self, request: Request) -> User | None:
        """The user whose browser this is; use it as `Depends(sessions.signed_in)`. Raises AccountsError for a damaged file."""
        key = _digest(_token(request))
        with self._lock:
            session = self._sessions.get(key)
            now = self._clock()
            if session is None or now - session.used > IDLE:
                self._sessions.pop(key, None)
                return None
            user = self._accounts.user(session.user)
            if user is None or user.stamp != session.stamp:
                del self._sessions[key]
                return None
            session.used = now
            return user

    def _sweep(self) -> None:
        now = self._clock()
        for key in [key for key, session in self._sessions.items() if now - session.used > IDLE]:
            del self._sessions[key]


def from_own_pages(request: Request) -> None:
    """Refuse what another site's page has a browser send: 403. Use it as `Depends(from_own_pages)` on whatever changes things.

    Browsers say where a request comes from: in Sec-Fetch-Site, or the Origin, which has to be this host. What says neither
    is refused. (The cookie is SameSite=Strict besides.)
    """
    if request.method in SAFE:
        return
    fetched, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = origin is not None and urlsplit(origin).netloc == request.headers.get("host")
    if fetched != "same-origin" if fetched is not None else not own:
        raise HTTPException(403, "This was not sent by a page of this site. Reload the page and try again.")


def _is_https(request: Request) -> bool:
    return request.url.scheme == "https"


def _cookie(request: Request) -> str:
    # With the prefix a browser takes the cookie over https and from this very host only.
    return "__Host-course-tutor" if _is_https(request) else "course-tutor"


def _token(request: Request) -> str:
    return request.cookies.get(_cookie(request), "")


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
