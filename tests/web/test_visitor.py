"""The cookie that tells browsers apart: given once, with the page, and to no script."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tutor.web.visitor import COOKIE, VisitorCookie, visitor


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    app.add_middleware(VisitorCookie)

    @app.get("/")
    @app.get("/other")
    def page() -> str:
        return "page"

    return app


def test_a_browser_is_given_a_cookie_with_its_first_page_and_keeps_it(app: FastAPI) -> None:
    browser = TestClient(app)
    first = browser.get("/").headers["set-cookie"]
    value = rf"{COOKIE}=[A-Za-z0-9_-]{{22}}"
    assert re.fullmatch(rf"{value}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax", first)
    assert "set-cookie" not in browser.get("/").headers
    assert TestClient(app).get("/").headers["set-cookie"] != first


def test_only_the_page_gives_one(app: FastAPI) -> None:
    assert "set-cookie" not in TestClient(app).get("/other").headers
    assert "set-cookie" not in TestClient(app).post("/").headers


def test_behind_https_it_goes_over_https_alone(app: FastAPI) -> None:
    assert TestClient(app, base_url="https://tutor.example").get("/").headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize("value", ["", "short", "x" * 23, "ä" * 22, "../" * 7 + "a", "x" * 5000, '"' * 22])
def test_what_was_never_given_is_no_visitor_and_is_replaced(value: str, app: FastAPI) -> None:
    assert visitor({COOKIE: value}) == ""
    sent = TestClient(app).get("/", headers={"cookie": f"{COOKIE}={value}".encode("latin-1", "replace")})
    assert COOKIE in sent.headers["set-cookie"]
