"""Sessions in a cookie: who has it is logged in, until it ends; and another site's page changes nothing."""

from __future__ import annotations

import pytest
from fastapi import Depends, FastAPI, Request, Response
from fastapi.testclient import TestClient

from tutor import passwords
from tutor.accounts import Accounts
from tutor.web.sessions import IDLE, MOST_OF_A_USER, Sessions, from_own_pages

PASSWORD = "correct horse battery"


class Clock:
    now = 50.0

    def __call__(self):
        return self.now


@pytest.fixture
def accounts(tmp_path, monkeypatch):
    monkeypatch.setattr(passwords.hashed, "__defaults__", (passwords.Cost(log_n=4),))
    accounts = Accounts(tmp_path)
    accounts.add_user("ada", PASSWORD)
    accounts.add_user("bob", PASSWORD)
    return accounts


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def app(accounts, clock):
    app = FastAPI()
    app.state.sessions = sessions = Sessions(accounts, clock)

    @app.post("/in/{name}")
    def log_in(name: str, request: Request):
        response = Response()
        sessions.log_in(accounts.user(name), request, response)
        return response

    @app.post("/out")
    def log_out(request: Request):
        response = Response()
        sessions.log_out(request, response)
        return response

    @app.get("/who")
    def who(user=Depends(sessions.signed_in)):  # noqa: B008
        return user and user.name

    @app.api_route("/change", methods=["GET", "POST"], dependencies=[Depends(from_own_pages)])
    def change():
        return "changed"

    return app


@pytest.fixture
def client(app):
    return TestClient(app)


def test_who_logged_in_is_known_until_logging_out(client):
    assert client.get("/who").json() is None
    client.post("/in/ada")
    assert client.get("/who").json() == "ada"
    token = client.cookies["course-tutor"]
    client.post("/out")
    assert client.get("/who").json() is None
    assert client.get("/who", headers={"Cookie": f"course-tutor={token}"}).json() is None


def test_the_cookie_is_no_scripts_and_no_other_sites(client):
    cookie = client.post("/in/ada").headers["set-cookie"]
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part in cookie
    assert "Secure" not in cookie
    client.base_url = "https://testserver"
    cookie = client.post("/in/ada").headers["set-cookie"]
    assert cookie.startswith("__Host-course-tutor=")
    assert "Secure" in cookie
    assert client.get("/who").json() == "ada"


def test_what_the_server_keeps_is_no_cookie(client, app):
    client.post("/in/ada")
    (kept,) = app.state.sessions._sessions
    assert client.cookies["course-tutor"] not in kept
    client.cookies.clear()
    assert client.get("/who", headers={"Cookie": f"course-tutor={kept}"}).json() is None


def test_a_session_ends_eight_hours_after_its_last_use(client, clock):
    client.post("/in/ada")
    for _ in range(3):
        clock.now += IDLE - 1
        assert client.get("/who").json() == "ada"
    clock.now += IDLE + 1
    assert client.get("/who").json() is None


def test_sessions_end_with_the_user_and_with_the_password(app, accounts):
    browsers = {name: [TestClient(app), TestClient(app)] for name in ("ada", "bob")}
    for name, clients in browsers.items():
        for client in clients:
            client.post(f"/in/{name}")
    accounts.set_password("ada", "another password")
    assert [client.get("/who").json() for client in browsers["ada"]] == [None, None]
    assert [client.get("/who").json() for client in browsers["bob"]] == ["bob", "bob"]
    Accounts(accounts.file.parent).remove_user("bob")  # as another process does
    assert [client.get("/who").json() for client in browsers["bob"]] == [None, None]
    accounts.add_user("bob", PASSWORD)
    assert [client.get("/who").json() for client in browsers["bob"]] == [None, None]


def test_a_login_ends_the_session_before_and_the_oldest_of_too_many(app, clock):
    client = TestClient(app)
    client.post("/in/ada")
    first = client.cookies["course-tutor"]
    client.post("/in/ada")
    assert client.get("/who").json() == "ada"
    assert TestClient(app).get("/who", headers={"Cookie": f"course-tutor={first}"}).json() is None
    others = [TestClient(app) for _ in range(MOST_OF_A_USER)]
    for other in others:
        clock.now += 1
        other.post("/in/ada")
    assert client.get("/who").json() is None
    assert [other.get("/who").json() for other in others] == ["ada"] * MOST_OF_A_USER


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://testserver"}, 200),
        ({"Origin": "http://testserver"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://testserver"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://testserver.evil.example"}, 403),
        ({"Origin": "http://testserver:8080"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({}, 403),
    ],
)
def test_only_the_sites_own_pages_change_anything(client, headers, status):
    assert client.post("/change", headers=headers).status_code == status
    assert client.get("/change", headers=headers).status_code == 200
