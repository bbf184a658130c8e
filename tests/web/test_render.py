"""What a book or a model says is shown, and does nothing."""

import pytest

from index_store.passage import Passage
from index_store.search import Hit
from tutor.answering.answer import Answer
from tutor.answering.citations import Citation
from tutor.web import render

HOSTILE = '<img src=x onerror="alert(1)"> & <script>alert(2)</script>'


def hit(text: str, page: int = 15, label: str = "12") -> Hit:
    passage = Passage("b.pdf", "Graphs & <Trees>", ("4 Paths", "4.2 Dijkstra"), page, page, label, label, text, 0)
    return Hit(passage.with_id(), 0.9, 0.7)


def answer(text: str, hits: list[Hit], cited: list[int], found: bool = True) -> Answer:
    citations = tuple(Citation(n, hits[n - 1].passage) for n in cited)
    return Answer("q", text, tuple(hits), citations, found, (), 0.1, 0.2)


def test_a_passage_is_escaped_and_names_printed_and_pdf_page() -> None:
    shown = render.passages([hit(HOSTILE)])
    assert "<script" not in shown
    assert "<img" not in shown
    assert "&lt;script&gt;alert(2)&lt;/script&gt;" in shown
    assert "p. 12 (PDF 15)" in shown
    assert "Graphs &amp; &lt;Trees&gt;" in shown


def test_a_quoted_sentence_is_marked_where_its_lines_broke_otherwise() -> None:
    hits = [hit("Before it.\nDijkstra's algorithm never\nreconsiders a finished vertex. After it.")]
    shown = render.passages(hits, answer("Dijkstra's algorithm never reconsiders a finished vertex. [1]", hits, [1]))
    assert "<mark>Dijkstra&#x27;s algorithm never\nreconsiders a finished vertex.</mark>" in shown
    assert "cited" in shown


def test_a_title_that_is_the_outermost_heading_too_is_named_once() -> None:
    passage = Passage("notes.md", "Sorting", ("Sorting", "Quicksort"), 2, 2, "", "", "It partitions.", 0)
    hits = [Hit(passage.with_id(), 0.9, 0.7)]
    assert "Sorting > Quicksort, part 2" in render.unescaped(render.finished(answer("It partitions. [1]", hits, [1]), "quote"))
    assert "Sorting, Sorting" not in render.finished(answer("It partitions. [1]", hits, [1]), "quote")


def test_only_cited_passages_are_open_and_badged() -> None:
    hits = [hit("One thing is said here."), hit("Another thing is said here.")]
    shown = render.passages(hits, answer("Another thing is said here. [2]", hits, [2]))
    first, second = shown.split("<details")[1:]
    assert "ct-badge" not in first
    assert "open" not in first.split(">")[0]
    assert "ct-badge" in second
    assert "open" in second.split(">")[0]


def test_book_text_is_not_taken_for_markdown() -> None:
    assert render.escape_markdown("a*b*c <b> $x$ [1]") == r"a\*b\*c \<b\> \$x\$ [1]"


@pytest.mark.parametrize(
    "text", ["since ([)] has", r"\[x\] and \(y\)", "a[1] [12] [x](y)", r"\*a\\b\$", "&#91; &amp;", "$$x$$"]
)
def test_what_is_escaped_begins_no_maths_and_comes_back_as_it_was(text: str) -> None:
    shown = render.escape_markdown(text)
    assert not any(delimiter in shown for delimiter in (r"\[", r"\]", r"\(", r"\)", "$$"))
    assert render.unescaped(shown) == text


def test_a_models_image_is_not_fetched() -> None:
    assert "![" not in render.piece("Look ![x](http://tracker.example/a.png)", "explain")


def test_the_text_of_an_answer_comes_back_without_its_pages() -> None:
    hits = [hit("x")]
    shown = render.finished(answer("Time is O(n*log n) < n^2. [1]", hits, [1]), "quote")
    assert "p. 12 (PDF 15)" in shown.replace("\\", "")
    assert render.answer_text(shown) == "Time is O(n*log n) < n^2. [1]"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("so $x^2$ grows", r"so \(x^2\) grows"),
        ("$a$, then $b_1$.", r"\(a\), then \(b_1\)."),
        ("costs $5 and $7", "costs $5 and $7"),
        ("costs $5, or $7.", "costs $5, or $7."),
        ("$$x^2$$", "$$x^2$$"),
        ("`echo $HOME $PATH$`", "`echo $HOME $PATH$`"),
        ("```sh\necho $A$B\n```", "```sh\necho $A$B\n```"),
        ("half of $x", "half of $x"),
    ],
)
def test_a_models_inline_maths_is_rendered_and_prices_and_code_are_not(said: str, shown: str) -> None:
    assert render.piece(said, "explain") == shown


CODE = """So it is written:

def f(a):
    if a < "b":
        return 1

print(f("a"))

It takes no time at all to run. That is how."""


def test_code_in_a_passage_keeps_its_lines_and_prose_stays_prose() -> None:
    shown = render.passages([hit(CODE)])
    code = '<pre class="ct-code">def f(a):\n    if a &lt; &quot;b&quot;:\n        return 1\n\nprint(f(&quot;a&quot;))</pre>'
    assert code in shown
    assert shown.count("<pre") == 1
    before, after = shown.split(code)
    assert "So it is written:" in before
    assert "It takes no time at all to run." in after


def test_a_sentence_beside_code_is_marked_all_the_same() -> None:
    hits = [hit(CODE)]
    shown = render.passages(hits, answer("It takes no time at all to run. [1]", hits, [1]))
    assert "<mark>It takes no time at all to run.</mark>" in shown
    assert "<pre" in shown


def test_prose_alone_has_no_code() -> None:
    assert "<pre" not in render.passages([hit("A short line\n\nAnother one\n\nA sentence. And one more.")])


def test_the_notice_is_its_first_sentence_with_the_rest_behind_it() -> None:
    shown = render.notice("It is <small>. It quotes. See the README.")
    assert "<summary>It is &lt;small&gt;. " in shown
    assert "<p>It quotes. See the README.</p>" in shown


def address(passage: Passage) -> str:
    return f"read/course/0123456789abcdef/{passage.page}?passage={passage.id}"


def test_a_citation_leads_to_its_page() -> None:
    hits = [hit("One thing is said here."), hit("Another thing is said here.", page=20)]
    shown = render.finished(answer("Another thing. [2]", hits, [2]), "quote", address)
    where = address(hits[1].passage)
    assert f"Another thing. [[2]]({where})" in shown
    assert f"]({where})" in shown.split("---")[1]


def test_what_was_said_is_read_back_without_its_links() -> None:
    hits = [hit("It is large.")]
    for style in ("quote", "explain"):
        shown = render.finished(answer("Large is n squared [1], and so on [1].", hits, [1]), style, address)
        assert shown.count("](read/") == 3
        assert render.answer_text(shown) == "Large is n squared [1], and so on [1]."


def test_several_citations_in_one_bracket_lead_to_their_pages_each() -> None:
    hits = [hit("One."), hit("Two.", page=20), hit("Three.")]
    shown = render.finished(answer("Both say so [1, 2].", hits, [1, 2]), "explain", address)
    assert f"[[1]]({address(hits[0].passage)}) [[2]]({address(hits[1].passage)})" in shown
    assert render.answer_text(shown) == "Both say so [1] [2]."


def test_brackets_in_code_lead_nowhere() -> None:
    hits = [hit("One.")]
    shown = render.finished(answer("Write `a[1]` [1].", hits, [1]), "explain", address)
    assert "`a[1]`" in shown


def test_the_page_cited_first_stands_above_the_passages_once_it_is_known() -> None:
    hits = [hit("One thing."), hit("Another thing.", page=20)]
    assert "<iframe" not in render.passages(hits, address=address)
    shown = render.passages(hits, answer("Another thing. [2]", hits, [2]), address=address)
    assert shown.startswith(
        f'<iframe class="ct-page" name="ct-page" title="The page of the book" src="{address(hits[1].passage)}"'
    )
    assert shown.count('target="ct-page">Show the page</a>') == 2
