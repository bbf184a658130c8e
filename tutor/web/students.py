"""How much a student may ask in the chat: by browser, and more by address, for cookies can be thrown away."""

from __future__ import annotations

from starlette.requests import HTTPConnection

from tutor.login import network
from tutor.web.limits import QuestionLimit
from tutor.web.visitor import Visitors

OF_AN_ADDRESS = 10  # times what one student may ask, all students of an address together


class StudentLimit:
    """What a student may ask: `per_minute` questions by browser, and OF_AN_ADDRESS times as many by address."""

    def __init__(self, per_minute: int, visitors: Visitors) -> None:
        self._visitors = visitors
        self._students = QuestionLimit(per_minute)
        self._addresses = QuestionLimit(per_minute * OF_AN_ADDRESS)

    def allow(self, request: HTTPConnection) -> float:
        """0 where the student may ask now, which is counted; else the seconds to wait."""
        address = network(request.client.host) if request.client else ""
        return self._students.allow(self._visitors.of(request.cookies) or address) or self._addresses.allow(address)
