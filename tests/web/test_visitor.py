"""The cookie that tells browsers apart: given once, with the page, and to no script."""

from __future__ import annotations

import re

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tutor.web.visitor import COOKIE, VisitorCookie, Visitors

SECRET = b"s" * 32


@pytest.fixture
def app() -> FastAPI:
    app = FastAPI()
    app.add_middleware(VisitorCookie, visitors=Visitors(SECRET))

    @app.get("/")
    @app.get("/other")
    def page() -> str:
        return "page"

    return app


def test_a_browser_is_given_a_cookie_with_its_first_page_and_keeps_it(app: FastAPI) -> None:
    browser = TestClient(app)
    first = browser.get("/").headers["set-cookie"]
    value = rf"{COOKIE}=[A-Za-z0-9_-]{{22}}\.[0-9a-f]{{64}}"
    assert re.fullmatch(rf"{value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=31536000", first)
    assert "set-cookie" not in browser.get("/").headers
    assert TestClient(app).get("/").headers["set-cookie"] != first


def test_only_the_page_gives_one(app: FastAPI) -> None:
    assert "set-cookie" not in TestClient(app).get("/other").headers
    assert "set-cookie" not in TestClient(app).post("/").headers


def test_behind_https_it_goes_over_https_alone(app: FastAPI) -> None:
    assert TestClient(app, base_url="https://tutor.example").get("/").headers["set-cookie"].endswith("; Secure")


@pytest.mark.parametrize(
    "value", ["", "short", "x" * 23, f"{'x' * 22}.{'0' * 64}", "ä" * 22, "../" * 7 + "a", "x" * 5000, '"' * 22]
)
def test_what_was_never_given_is_no_visitor_and_is_replaced(value: str, app: FastAPI) -> None:
    assert Visitors(SECRET).of({COOKIE: value}) == ""
    sent = TestClient(app).get("/", headers={"cookie": f"{COOKIE}={value}".encode("latin-1", "replace")})
    assert COOKIE in sent.headers["set-cookie"]


def test_a_cookie_is_known_by_who_has_the_secret_alone() -> None:
    cookie = Visitors(SECRET).new()
    name, _, signature = cookie.partition(".")
    assert Visitors(SECRET).of({COOKIE: cookie}) == name
    assert Visitors(b"t" * 32).of({COOKIE: cookie}) == ""
    assert Visitors(SECRET).of({COOKIE: f"x{name}.{signature}"}) == ""


def test_without_a_secret_it_ends_with_the_browser() -> None:
    app = FastAPI()
    app.add_middleware(VisitorCookie, visitors=Visitors())
    app.get("/")(lambda: "page")
    browser = TestClient(app)
    assert "Max-Age" not in browser.get("/").headers["set-cookie"]
    assert "set-cookie" not in browser.get("/").headers
