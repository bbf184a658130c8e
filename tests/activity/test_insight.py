"""Figures of a course, against rows that were counted by hand."""

from __future__ import annotations

from datetime import date

import pytest

from index_store.embedding import Embedding
from tutor.activity.insight import RefusedQuestion, insight, lower_bound
from tutor.activity.store import ActivityStore

TODAY = date(2026, 11, 21)
NEGATIVE = ("8 Shortest Paths", "8.4 Negative edges")
DIJKSTRA = ("8 Shortest Paths", "8.6 Dijkstra")
HEAPS = ("2 Sorting", "2.3 Heaps")


@pytest.fixture
def term(asked) -> None:
    """8.4: 6 questions of 3 students, 4 with trouble. 8.6: 6 of 2, 5 with trouble. 2.3: 12 of 4, 1 with trouble."""

    def ask(
        student: int, section: tuple[str, ...], page: int, outcome: str = "answered", rating: int = 0, day: int = 20
    ) -> None:
        asked(
            time=f"2026-11-{day}T12:00:00+00:00", student=f"student-{student}", section=section, page=page, label=str(page),
            outcome=outcome, rating=rating, question=f"question {student} {page}",
        )  # fmt: skip

    ask(1, NEGATIVE, 80, "refused")
    ask(1, NEGATIVE, 80, "refused", -1)  # two kinds of trouble, one question
    ask(2, NEGATIVE, 80, "unsure")
    ask(2, NEGATIVE, 81, "hint")  # the instructor's own rule is no trouble
    ask(3, NEGATIVE, 81, rating=-1)
    ask(3, NEGATIVE, 81, rating=1)
    for number in range(6):
        ask(1 + number % 2, DIJKSTRA, 90, "refused" if number else "answered", day=21)
    for number in range(12):
        ask(1 + number % 4, HEAPS, 20, "refused" if number == 0 else "answered", day=19)
    # For no place: another subject, and an answer that was stopped.
    asked(time="2026-11-21T23:59:59+00:00", section=(), page=0, outcome="refused", question="who won?", student="student-9")
    asked(time="2026-11-21T00:00:00+00:00", section=(), page=0, outcome="stopped", question="why?", student="")
    # Not of this period, not of this course.
    asked(time="2026-11-11T23:59:59+00:00", outcome="refused")
    asked(time="2026-11-22T00:00:00+00:00", outcome="refused")
    asked(time="2026-11-21T12:00:00+00:00", outcome="refused", course="statistics")


def test_the_course_in_figures(store: ActivityStore, term) -> None:
    found = insight(store, "algorithms", 10, today=TODAY)
    assert (found.first, found.last) == (date(2026, 11, 12), TODAY)
    assert found.asked == 26
    assert found.students == 5
    assert found.counts == {"answered": 14, "hint": 1, "unsure": 1, "refused": 9, "stopped": 1, "failed": 0}
    assert (found.rated_up, found.rated_down) == (1, 2)
    assert found.mean_trouble == pytest.approx(10 / 24)


def test_every_day_of_the_period_is_there(store: ActivityStore, term) -> None:
    days = insight(store, "algorithms", 10, today=TODAY).days
    assert [day.day.day for day in days] == list(range(12, 22))
    assert [day.asked for day in days] == [0] * 7 + [12, 6, 8]
    assert days[-1].counts == (1, 0, 0, 6, 1, 0)  # answered, hint, unsure, refused, stopped, failed


def test_sections_chapters_and_pages(store: ActivityStore, term) -> None:
    found = insight(store, "algorithms", 10, today=TODAY)
    told = [(p.name, p.asked, p.refused, p.rated_down, p.unsure, p.hints, p.trouble, p.students) for p in found.sections]
    assert told == [
        ("8.6 Dijkstra", 6, 5, 0, 0, 0, 5, 2),
        ("8.4 Negative edges", 6, 2, 2, 1, 1, 4, 3),
        ("2.3 Heaps", 12, 1, 0, 0, 0, 1, 4),
    ]
    assert [(p.name, p.asked, p.trouble, p.students) for p in found.chapters] == [
        ("8 Shortest Paths", 12, 9, 3),
        ("2 Sorting", 12, 1, 4),
    ]
    assert [(p.name, p.asked, p.trouble) for p in found.pages] == [
        ("p. 90", 6, 5),
        ("p. 80", 3, 3),
        ("p. 20", 12, 1),
        ("p. 81", 3, 1),
    ]


def test_students_are_stuck_where_three_of_them_have_clearly_more_trouble(store: ActivityStore, term, asked) -> None:
    # 4 of 6: by hand, the lower end of Wilson's 95 % interval is 0.2999 (0.6016 - 0.3017), and the course
    # as a whole has 10 of 24 = 0.417: not clearly more yet.
    assert insight(store, "algorithms", 10, today=TODAY).stuck == ()
    asked(time="2026-11-20T13:00:00+00:00", student="student-2", section=NEGATIVE, page=80, label="80", outcome="unsure")
    asked(time="2026-11-20T13:00:00+00:00", student="student-2", section=NEGATIVE, page=80, label="80", outcome="unsure")
    asked(time="2026-11-20T13:00:00+00:00", student="student-1", section=NEGATIVE, page=80, label="80", outcome="refused")
    found = insight(store, "algorithms", 10, today=TODAY)  # 7 of 9: from 0.453 on, 13 of 27 = 0.481
    assert found.stuck == ()
    for _ in range(2):
        asked(time="2026-11-20T13:00:00+00:00", student="student-1", section=NEGATIVE, page=80, label="80", outcome="refused")
    found = insight(store, "algorithms", 10, today=TODAY)  # 9 of 11: from 0.523 on, 15 of 29 = 0.517
    assert [place.name for place in found.stuck] == ["8.4 Negative edges"]  # 8.6 has two students
    assert found.sentence(found.stuck[0]) == (
        "Students are stuck on 8.4 Negative edges: of 11 questions there, by 3 students, 9 were refused, rated down or "
        "doubtful (82%; in the whole course 52%)."
    )


def test_two_students_are_not_the_students_and_four_questions_are_few(store: ActivityStore, asked) -> None:
    for number in range(20):
        asked(section=HEAPS, student=f"student-{number}")
    for number in range(10):
        asked(section=NEGATIVE, student=f"student-{number % 2}", outcome="refused")
    for number in range(4):
        asked(section=DIJKSTRA, student=f"student-{number}", outcome="refused")
    assert insight(store, "algorithms").stuck == ()
    asked(section=NEGATIVE, student="student-2", outcome="refused")
    asked(section=DIJKSTRA, student="student-2", outcome="refused")
    assert [place.name for place in insight(store, "algorithms").stuck] == ["8.4 Negative edges", "8.6 Dijkstra"]


@pytest.mark.parametrize(
    # Wilson's lower ends from the tables of Newcombe (1998), and by hand for 0 and all of n: n / (n + z^2).
    ("hits", "of", "bound"),
    [(81, 263, 0.2553), (15, 148, 0.0624), (0, 20, 0.0), (1, 29, 0.0061), (10, 10, 10 / (10 + 1.959964**2)), (0, 0, 0.0)],
)
def test_the_least_that_a_share_is(hits: int, of: int, bound: float) -> None:
    assert lower_bound(hits, of) == pytest.approx(bound, abs=5e-5)


def test_refused_questions_that_mean_nearly_the_same_are_one(store: ActivityStore, asked, embedding: Embedding) -> None:
    for student, question in enumerate(
        ["What is the Floyd-Warshall algorithm?", "what is the Floyd-Warshall algorithm", "How does Simpson's paradox arise?",
         "what is the algorithm of Floyd-Warshall?"]
    ):  # fmt: skip
        asked(outcome="refused", question=question, student=f"student-{student}")
    words = [(one.times, one.students) for one in insight(store, "algorithms").refused]
    assert words == [(2, 2), (1, 1), (1, 1)]
    meant = insight(store, "algorithms", embedding=embedding).refused
    assert [(one.times, one.students) for one in meant] == [(3, 3), (1, 1)]
    assert meant[1] == RefusedQuestion("How does Simpson's paradox arise?", 1, 1)


def test_an_export_says_nothing_of_fewer_than_three_students(store: ActivityStore, term, asked) -> None:
    for student in range(3):
        asked(
            time="2026-11-21T12:00:00+00:00",
            outcome="refused",
            section=(),
            page=0,
            question="and RSA?",
            student=f"student-{student}",
        )
    found = insight(store, "algorithms", 10, today=TODAY)
    told = found.for_export()
    assert [place.name for place in told.sections] == [
        "8.4 Negative edges", "2.3 Heaps", "(places with fewer than 3 students each)",
    ]  # fmt: skip
    assert told.sections[-1].asked == 6
    assert told.sections[-1].students_told == "<3"
    assert sum(place.asked for place in told.sections) == sum(place.asked for place in found.sections)
    assert told.refused[0].question == "and RSA?"
    assert {one.question for one in told.refused[1:]} == {"(asked by fewer than 3 students)"}
    assert "who won?" in {one.question for one in found.refused}


def test_a_course_that_was_asked_nothing(store: ActivityStore) -> None:
    found = insight(store, "algorithms", 3, today=TODAY)
    assert (found.asked, found.sections, found.refused, found.stuck, len(found.days)) == (0, (), (), (), 3)
