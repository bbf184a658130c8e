"""What a request gets that cannot be taken: a line for a person on the instructor's pages, JSON elsewhere."""

from __future__ import annotations

from fastapi import Request, Response
from fastapi.exception_handlers import http_exception_handler, request_validation_exception_handler
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tutor.web.instructor.templates import HEADERS


async def told(request: Request, error: Exception) -> Response:
    """Nothing of what was sent is sent back."""
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    if not path.startswith("/instructor") or (isinstance(error, HTTPException) and error.status_code == 303):
        if isinstance(error, RequestValidationError):
            return await request_validation_exception_handler(request, error)
        assert isinstance(error, HTTPException)
        return await http_exception_handler(request, error)
    if isinstance(error, HTTPException):
        return Response(f"{error.detail}\n", error.status_code, HEADERS, "text/plain; charset=utf-8")
    assert isinstance(error, RequestValidationError)
    fields = ", ".join(dict.fromkeys(str(fault["loc"][-1]) for fault in error.errors()))
    return Response(
        f"This cannot be taken: {fields}. Go back to the page before and mend it.\n", 422, HEADERS, "text/plain; charset=utf-8"
    )
