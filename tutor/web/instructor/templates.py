"""The pages' templates. Whatever stands in them is escaped, and the pages may fetch and run nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).parent / "templates"
STYLE = (Path(__file__).parent / "instructor.css").read_text("utf-8")
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_environment = Environment(
    loader=FileSystemLoader(FOLDER), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


def page(request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """The `template` with `values`; `base` is where the instructor's pages begin, seen from the browser."""
    text = _environment.get_template(template).render(base=base_of(request), style=STYLE, **values)
    return HTMLResponse(text, status, HEADERS)


def base_of(request: Request) -> str:
    """The address of the instructor's pages, without a slash at its end."""
    return f"{request.scope.get('root_path', '')}/instructor"
