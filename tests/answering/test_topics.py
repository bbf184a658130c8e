"""A section's heading as something to ask about."""

from __future__ import annotations

import pytest

from tutor.answering.topics import topic_of_section


@pytest.mark.parametrize(
    ("section", "topic"),
    [
        (("4 Graphs", "4.2 Dijkstra's algorithm"), "Dijkstra's algorithm"),
        (("A.3 Inequalities.",), "Inequalities"),
        (("4 Graphs", "Exercises"), "Graphs"),
        (("Chapter 3",), ""),
        (("Exercises", "4.2"), ""),
        (("A heading that goes on and on, and says in more than sixty letters what it is about",), ""),
        ((), ""),
    ],
)
def test_a_heading_without_its_number_is_a_topic_unless_every_book_has_it(section, topic):
    assert topic_of_section(section) == topic
