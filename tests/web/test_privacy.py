"""What a student is told of what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from tutor.activity.log import ActivityLog
from tutor.activity.pseudonyms import Pseudonyms
from tutor.settings import load_settings
from tutor.web.privacy import routes
from tutor.web.visitor import COOKIE, Visitors

VISITORS = Visitors(b"s" * 32)
VALUE = VISITORS.new()
NAME = VALUE.partition(".")[0]


def page(home: Path, days: int, cookie: str) -> str:
    app = FastAPI()
    app.include_router(routes(ActivityLog(load_settings(home=home, retention_days=days)), VISITORS))
    answer = TestClient(app, cookies={COOKIE: cookie} if cookie else {}).get("/privacy")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    return answer.text


def test_it_says_how_long_and_under_which_name(tmp_path: Path) -> None:
    told = page(tmp_path, 30, VALUE)
    assert "for 30 days" in told
    assert f"you are {Pseudonyms(tmp_path).of_browser(NAME)}." in told
    assert NAME not in told


@pytest.mark.parametrize("cookie", ["", "<script>"])
def test_a_browser_without_a_cookie_has_no_name(cookie: str, tmp_path: Path) -> None:
    assert "no pseudonym" in page(tmp_path, 30, cookie)


def test_where_nothing_is_kept_it_says_so(tmp_path: Path) -> None:
    assert "Nothing: neither questions nor answers are recorded" in page(tmp_path, 0, VALUE)
    assert list(tmp_path.iterdir()) == []
