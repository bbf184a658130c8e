"""A conversation as a file that stands alone."""

from __future__ import annotations

from datetime import date

from markdown_it import MarkdownIt

from tutor.phrases import Phrases
from tutor.web.conversation import assistant, stopped, user
from tutor.web.export import as_markdown
from tutor.web.render import SOURCES, finished

from .test_render import answer, hit

DAY = date(2026, 1, 31)


def test_an_answer_keeps_its_words_its_numbers_and_its_pages_as_text() -> None:
    hits = [hit("It never reconsiders a finished vertex.")]
    given = finished(
        answer("It never reconsiders a finished vertex. [1]", hits, [1]), "quote", lambda p: "read/c/abc/15?passage=x"
    )
    assert "](read/" in given
    said = as_markdown("algorithms", [user("why?"), assistant(given)], DAY)
    assert said == (
        "# Course Tutor: algorithms\n\n*Saved on 2026-01-31*\n\n## Question 1\n\n> why?\n\n"
        "It never reconsiders a finished vertex. [1]\n\n---\n"
        "**[1]** Graphs & \\<Trees\\>, 4 Paths \\> 4.2 Dijkstra, p. 12 (PDF 15)\n"
    )


def test_maths_and_code_stay_as_they_are() -> None:
    shown = "Costs \\(n \\log n\\):\n\n```python\na[0](read/x)  # [[1]](read/x)\n```\n\nand `b[1](read/x)` too."
    assert as_markdown("c", [user("how?"), assistant(shown)], DAY).endswith(f"> how?\n\n{shown}\n")


def test_what_a_student_typed_is_quoted_line_by_line_and_does_nothing() -> None:
    said = as_markdown("c", [user("# a heading?\n\n- <img src=x>\n[x](javascript:1)"), assistant("No.")], DAY)
    shown = MarkdownIt().render(said)
    assert shown.count("<h1>") == 1
    assert "<img" not in shown
    assert "<li>" not in shown
    assert "href" not in shown
    assert "<blockquote>\n<p># a heading?</p>\n<p>- &lt;img src=x&gt;\n[x](javascript:1)</p>\n</blockquote>" in shown


def test_questions_are_counted_in_the_language_of_the_page_and_a_stopped_answer_says_so() -> None:
    talk = [user("a"), assistant("A."), user("b"), assistant(stopped("Half", Phrases("de")))]
    said = as_markdown("c", talk, DAY, Phrases("de"))
    assert "*Gespeichert am 2026-01-31*" in said
    assert "## Frage 1\n\n> a\n\nA.\n\n## Frage 2\n\n> b\n\nHalf\n\n---\n*Angehalten.*" in said
    assert SOURCES.strip() in said
