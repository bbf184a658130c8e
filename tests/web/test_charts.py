"""The charts of a course: what they say in numbers and words, and that no title in them does anything."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tutor.activity.exchange import Exchange, new_id
from tutor.activity.insight import Insight, insight
from tutor.activity.store import ActivityStore
from tutor.web.charts import insight_page

TODAY = date(2026, 11, 21)
EVIL = '8.4 <script>alert("&")</script>'
ROW = Exchange(
    "", "2026-11-21T12:00:00+00:00", "algorithms", "student-1", 'what is </td><img src=x onerror="x">?', "A. [1]", "m", "quote",
    "answered", section=("8 <b>Paths</b>", EVIL), book="<Algorithms>", file="a.pdf", page=3,
)  # fmt: skip


@pytest.fixture
def made(tmp_path: Path) -> Insight:
    """Two days: 1 answered on the first; 2 answered, 1 refused on the second."""
    store = ActivityStore(tmp_path)
    for day, outcome in ((20, "answered"), (21, "answered"), (21, "answered"), (21, "refused")):
        store.add(replace(ROW, id=new_id(), time=f"2026-11-{day}T12:00:00+00:00", outcome=outcome))
    return insight(store, "algorithms", 3, today=TODAY)


def drawings(page: str) -> list[ElementTree.Element]:
    return [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def test_what_books_and_students_write_is_shown_and_does_nothing(made: Insight) -> None:
    page = insight_page(made)
    assert "<script" not in page
    assert "<img" not in page
    assert "<b>" not in page
    assert "8.4 &lt;script&gt;" in page
    assert "what is &lt;/td&gt;&lt;img src=x onerror=&quot;x&quot;&gt;?" in page
    for forbidden in (" on", "http", "url(", "@import"):
        assert forbidden not in re.sub(
            r">[^<]*<", "><", page.replace(re.findall(r"<style>.*?</style>", page, re.DOTALL)[0], "")
        )


def test_bars_are_as_high_as_their_counts(made: Insight) -> None:
    days, sections = drawings(insight_page(made))
    bars = [
        (bar.get("style"), float(bar.get("height")), float(bar.get("y")), bar.find("title").text) for bar in days.iter("rect")
    ]
    # The plot is 160 pixels high for 3 questions; the refused one stands on the two answered ones.
    assert [(style, said) for style, _, _, said in bars] == [
        ("fill:var(--answered)", "20 Nov: 1 answered"),
        ("fill:var(--answered)", "21 Nov: 2 answered"),
        ("fill:var(--refused)", "21 Nov: 1 not in the books"),
    ]
    assert [height for _, height, _, _ in bars] == pytest.approx([160 / 3, 320 / 3, 160 / 3], abs=0.1)
    assert bars[2][2] + bars[2][1] == pytest.approx(bars[1][2], abs=0.1)
    whole, trouble = sections.iter("rect")
    assert float(trouble.get("width").rstrip("%")) == pytest.approx(float(whole.get("width").rstrip("%")) / 4)
    assert [text.text for text in sections.iter("text")][1] == "1 of 4"


def test_each_drawing_has_a_name_a_description_and_a_table_that_says_the_same(made: Insight) -> None:
    page = insight_page(made)
    for drawing in drawings(page):
        name, told = (drawing.get("aria-labelledby") or "").split()
        assert drawing.get("role") == "img"
        assert drawing.find("title").get("id") == name
        assert drawing.find("desc").get("id") == told
        assert drawing.find("desc").text
    assert "<td>21 Nov</td><td>3</td><td>2</td><td>1</td>" in page
    assert page.count("<summary>As a table</summary>") == 2


def test_many_days_are_drawn_as_weeks_that_count_the_same(tmp_path: Path) -> None:
    store = ActivityStore(tmp_path)
    for day in ("2026-06-01", "2026-11-16", "2026-11-21"):
        store.add(replace(ROW, id=new_id(), time=f"{day}T12:00:00+00:00"))
    page = insight_page(insight(store, "algorithms", 180, today=TODAY))
    assert "Questions by week" in page
    said = [bar.find("title").text for bar in drawings(page)[0].iter("rect")]
    assert said == ["1 Jun: 1 answered", "16 Nov: 2 answered"]  # Mondays


def test_a_course_that_was_asked_nothing_says_so(tmp_path: Path) -> None:
    page = insight_page(insight(ActivityStore(tmp_path), "algorithms", 30, today=TODAY))
    assert "Nothing yet." in page
    assert "<svg" not in page
