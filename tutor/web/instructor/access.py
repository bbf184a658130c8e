"""Logging in and out of the instructor's pages, and who is let in.

Everything that changes something has to come from these pages themselves (see ../sessions.py).
"""

from __future__ import annotations

import logging
import math
import threading
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request, Response
from fastapi.responses import RedirectResponse

from index_store.errors import CourseTutorError
from tutor.accounts import Accounts, User
from tutor.login import LoggedIn, Login, Refused
from tutor.web.instructor.templates import HEADERS, base_of, page
from tutor.web.sessions import Sessions, from_own_pages

LONGEST_PASSWORD = 1000  # characters
MOST_SAID = 20


@dataclass(frozen=True)
class Said:
    """A line for the next page that a user opens; `wrong` where something could not be done."""

    text: str
    wrong: bool


class Access:
    """Who is logged in, and what each is to be told on the next page."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts = accounts
        self.sessions = Sessions(accounts)
        self.login = Login(accounts)
        self._lock = threading.Lock()
        self._said: dict[str, list[Said]] = defaultdict(list)

    def user(self, request: Request) -> User:
        """The user whose browser this is; others are sent to the login."""
        try:
            user = self.sessions.signed_in(request)
        except CourseTutorError as error:
            raise HTTPException(503, _unreadable(error)) from None
        if user is None:
            raise HTTPException(303, headers={"Location": f"{base_of(request)}/login"})
        return user

    def say(self, user: User, text: str, wrong: bool = False) -> None:
        """Tell the user on the next page."""
        with self._lock:
            self._said[user.name] = [*self._said[user.name][1 - MOST_SAID :], Said(text, wrong)]

    def said(self, user: User) -> list[Said]:
        """What is to be told now; it is not told again."""
        with self._lock:
            return self._said.pop(user.name, [])

    def refused(self, request: Request, user: User, where: str, error: CourseTutorError) -> Response:
        """Go to the page `where`, where the error is told."""
        self.say(user, str(error), wrong=True)
        return self.go(request, where)

    @staticmethod
    def go(request: Request, where: str) -> Response:
        """To the page `where`, below the instructor's pages."""
        return RedirectResponse(f"{base_of(request)}{where}", 303, HEADERS)

    def done(self, request: Request, user: User, where: str, work: Callable[[], str]) -> Response:
        """Do `work`, which returns what to tell, and go to the page `where`; what goes wrong is told there in one line."""
        try:
            if told := work():
                self.say(user, told)
        except CourseTutorError as error:
            self.say(user, str(error), wrong=True)
        except OSError as error:
            self.say(user, f"{error.strerror or error}. Check permissions and free space of the machine.", wrong=True)
        return self.go(request, where)


def _instructor(request: Request) -> User:
    access: Access = request.app.state.access
    return access.user(request)


Instructor = Annotated[User, Depends(_instructor)]
"""Who is logged in; a route that takes one is closed to all others. The app's state has the `Access`."""


def routes(access: Access) -> APIRouter:
    """Login and logout."""
    router = APIRouter(prefix="/instructor", dependencies=[Depends(from_own_pages)])

    @router.get("/login")
    def form(request: Request) -> Response:
        return _form(request, access)

    @router.post("/login")
    def log_in(
        request: Request,
        name: Annotated[str, Form(max_length=200)] = "",
        password: Annotated[str, Form(max_length=LONGEST_PASSWORD)] = "",
    ) -> Response:
        try:
            found = access.login(name.strip(), password, request.client.host if request.client else "")
        except CourseTutorError as error:
            return _form(request, access, _unreadable(error), 503)
        if isinstance(found, LoggedIn):
            answer = RedirectResponse(base_of(request), 303, HEADERS)
            access.sessions.log_in(found.user, request, answer)
            return answer
        return _form(request, access, _refusal(found), 429 if found.wait_seconds else 403, name[:64])

    @router.post("/logout")
    def log_out(request: Request) -> Response:
        answer = RedirectResponse(f"{base_of(request)}/login", 303, HEADERS)
        access.sessions.log_out(request, answer)
        return answer

    return router


def _form(request: Request, access: Access, wrong: str = "", status: int = 200, name: str = "") -> Response:
    try:
        nobody = not access.accounts.users
    except CourseTutorError as error:
        nobody, wrong = False, _unreadable(error)
    return page(request, "login.html", status, wrong=wrong, name=name, nobody=nobody)


def _unreadable(error: CourseTutorError) -> str:
    """What a stranger is told, who is not to know the machine's folders; its terminal has the rest."""
    logging.getLogger(__name__).warning("%s", error)
    return "The accounts cannot be read. The terminal of the server says why."


def _refusal(refused: Refused) -> str:
    if not refused.wait_seconds:
        return "Name or password is wrong."
    wait = math.ceil(refused.wait_seconds)
    return f"After several failures you have to wait: try again in {wait} second{'' if wait == 1 else 's'}."
