"""A pseudonym is the same for the same browser and this home, and says nothing of the browser."""

from __future__ import annotations

import re
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from index_store.errors import ActivityError
from tutor.activity.pseudonyms import Pseudonyms

COOKIE = "kP0yx2mJ9sQ4rT7vW1zA3b"


def test_the_same_browser_has_the_same_name_and_another_another(tmp_path: Path) -> None:
    names = Pseudonyms(tmp_path)
    assert names.of_browser(COOKIE) == names.of_browser(COOKIE) == Pseudonyms(tmp_path).of_browser(COOKIE)
    assert re.fullmatch(r"student-[0-9a-f]{8}", names.of_browser(COOKIE))
    assert len({names.of_browser(f"{number:022}") for number in range(500)}) == 500
    assert names.of_browser("") == ""


def test_another_secret_gives_another_name(tmp_path: Path) -> None:
    first, second = Pseudonyms(tmp_path / "a"), Pseudonyms(tmp_path / "b")
    assert first.of_browser(COOKIE) != second.of_browser(COOKIE)


def test_a_key_called_like_a_cookie_is_someone_else(tmp_path: Path) -> None:
    names = Pseudonyms(tmp_path)
    assert names.of_key(COOKIE) != names.of_browser(COOKIE)
    assert names.of_key("moodle") == names.of_key("moodle")


def test_the_secret_is_its_owners_alone_and_is_made_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        told = set(pool.map(lambda _: Pseudonyms(tmp_path / "home").of_browser(COOKIE), range(32)))
    assert len(told) == 1
    (file,) = (tmp_path / "home").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert re.fullmatch(r"[0-9a-f]{64}\n", file.read_text())


@pytest.mark.parametrize("content", ["", "short", "ü" * 64])
def test_a_damaged_secret_is_told_and_not_replaced(content: str, tmp_path: Path) -> None:
    file = tmp_path / "pseudonym.key"
    file.write_text(content)
    with pytest.raises(ActivityError, match=r"not a key\.") as told:
        Pseudonyms(tmp_path).of_browser(COOKIE)
    assert "\n" not in str(told.value)
    assert file.read_text() == content
