"""How much one may ask: the clock is the test's."""

from __future__ import annotations

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from tutor.web import limits
from tutor.web.limits import BodyLimit, QuestionLimit, too_many
from tutor.web.students import StudentLimit
from tutor.web.visitor import VisitorCookie, Visitors


class Clock:
    now = 50.0

    def __call__(self):
        return self.now


def test_a_minutes_questions_may_be_asked_at_once_and_then_one_every_three_seconds():
    clock = Clock()
    limit = QuestionLimit(20, clock)
    assert [limit.allow("ada") for _ in range(20)] == [0] * 20
    assert limit.allow("ada") == pytest.approx(3)
    clock.now += 2
    assert limit.allow("ada") == pytest.approx(1)
    clock.now += 1
    assert [limit.allow("ada"), limit.allow("ada")] == [0, pytest.approx(3)]
    assert limit.allow("bob") == 0
    clock.now += 3600
    assert sum(limit.allow("ada") == 0 for _ in range(50)) == 20


def test_none_is_no_limit():
    limit = QuestionLimit(0)
    assert {limit.allow("ada") for _ in range(1000)} == {0}


def test_what_is_remembered_is_bounded_and_the_busiest_stay(monkeypatch):
    monkeypatch.setattr(limits, "MOST", 10)
    limit = QuestionLimit(2, Clock())
    for number in range(100):
        limit.allow("busy")
        limit.allow(f"user {number}")
    assert len(limit._buckets) == 10
    assert limit.allow("busy") > 0


def test_the_wait_is_said_in_whole_seconds():
    assert "in 1 second." in too_many(0.2)
    assert "in 4 seconds." in too_many(3.1)


@pytest.fixture
def client():
    app = FastAPI()
    visitors = Visitors()
    app.add_middleware(VisitorCookie, visitors=visitors)
    app.add_middleware(BodyLimit, most={"/v1": 10, "/v1/large": 100})
    limit = StudentLimit(2, visitors)

    @app.get("/")
    def page():
        return "page"

    @app.api_route("/{rest:path}", methods=["GET", "POST"])
    async def other(request: Request):
        await request.body()
        return {"wait": limit.allow(request)}

    return TestClient(app)


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/v1", 10, 200),
        ("/v1", 11, 413),
        ("/v1/chat", 11, 413),
        ("/v1x", 11, 200),
        ("/v1/large", 100, 200),
        ("/v1/large/x", 101, 413),
        ("/else", limits.BYTES, 200),
        ("/else", limits.BYTES + 1, 413),
    ],
)
def test_a_body_has_the_size_that_its_path_allows(client, path, size, status):
    assert client.post(path, content=b"x" * size).status_code == status


def test_a_body_has_to_say_its_size(client):
    assert client.post("/v1", content=iter([b"x"])).status_code == 411
    assert client.post("/v1", content=b"x", headers={"Content-Length": "many"}).status_code == 413
    assert client.post("/v1", content=b"x", headers={"Content-Length": "9" * 5000}).status_code == 413


def test_browsers_behind_one_address_have_a_limit_each_and_all_together_a_larger_one(client):
    waits = []
    for _ in range(11):
        client.cookies.clear()
        client.get("/")
        waits.append([client.get("/ask").json()["wait"] > 0 for _ in range(3)])
    assert waits[:10] == [[False, False, True]] * 10
    assert waits[10] == [True, True, True]
