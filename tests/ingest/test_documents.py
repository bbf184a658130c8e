"""Reading Markdown, HTML, plain text, DOCX and PPTX: what a reader of each would expect, and what is said of bad files."""

from __future__ import annotations

import io
import zipfile

import docx
import pptx
import pytest
from docx.opc.constants import CONTENT_TYPE, RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pptx.util import Inches

from index_store.errors import BookError
from index_store.generation import read_passages
from index_store.search import CourseSearch
from ingest.documents import read_document
from ingest.formats import read_book
from ingest.pipeline import ingest
from ingest.sources import find_books

MATHS = "http://schemas.openxmlformats.org/officeDocument/2006/math"
COMPATIBILITY = "http://schemas.openxmlformats.org/markup-compatibility/2006"
DRAWING = "http://schemas.microsoft.com/office/drawing/2010/main"


@pytest.fixture
def read(tmp_path):
    """The book made of a file of the name and content given."""

    def read_content(name, content):
        file = tmp_path / name
        if isinstance(content, str | bytes):
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        else:
            content.save(str(file))
        return read_document(file)

    return read_content


def texts(book):
    return {section.path: section.text for section in book.sections}


def only(book):
    (section,) = book.sections
    return section.text


# Markdown


def test_markdown_headings_become_paths_by_level_and_the_parts_below_the_title_are_numbered(read):
    book = read(
        "a.md", "# Graphs\n\nIntro.\n\n## Paths\n\n### Dijkstra\n\nNear first.\n\nThen far.\n\n## Trees\n\nNo cycles.\n"
    )
    assert [(section.path, section.text, section.pages) for section in book.sections] == [
        (("Graphs",), "Intro.", [1]),
        (("Graphs", "Paths", "Dijkstra"), "Near first.\n\nThen far.", [2]),
        (("Graphs", "Trees"), "No cycles.", [3]),
    ]
    assert (book.title, book.pages, set(book.labels.values())) == ("Graphs", 3, {""})


def test_markdown_code_keeps_its_lines_and_indentation(read):
    assert (
        only(read("a.md", "```python\ndef f(x):\n    if x:\n        return 1\n```\n"))
        == "def f(x):\n    if x:\n        return 1"
    )
    assert only(read("b.md", "    a\n      b\n")) == "a\n  b"


def test_markdown_tables_lists_links_and_images(read):
    assert only(read("a.md", "|Name|Cost|\n|---|---|\n|*Quick*|n log n|\n|Bubble|n^2|\n")) == (
        "Name | Cost\nQuick | n log n\nBubble | n^2"
    )
    assert only(read("b.md", "3. one\n4. two\n   - deep\n   - deeper\n5. [three](http://x.y/z)\n")) == (
        "3. one\n4. two\n  - deep\n  - deeper\n5. three"
    )
    assert only(read("c.md", "See ![a binary tree](t.png) here.\n")) == "See a binary tree here."


@pytest.mark.parametrize(
    "formula",
    [r"$a_1 * b_2 * c_3$", r"\(x_1 \\ y\)", r"\[ \alpha_i _j_ \]", r"$$\sum_{i=1}^n *i*$$", r"$x < y$"],
)
def test_markdown_formulas_stay_as_they_are_written(read, formula):
    assert only(read("a.md", f"So {formula} holds.\n")) == f"So {formula} holds."


def test_markdown_displayed_formulas_keep_their_lines_although_they_look_like_lists(read):
    formula = "$$\nx = y\n- 3\n= 4 & _z_\n$$"
    assert only(read("a.md", f"Before\n{formula}\nafter.\n")) == f"Before\n\n{formula}\n\nafter."
    environment = "\\begin{align}\na &= b \\\\\n  &= c\n\\end{align}"
    assert only(read("b.md", f"{environment}\n")) == environment


def test_dollars_of_prices_and_code_are_no_formulas(read):
    assert only(read("a.md", "It costs $5 and *not* $7, says `$x *y* $`.\n")) == "It costs $5 and not $7, says $x *y* $."


@pytest.mark.parametrize(
    ("front", "title"),
    [
        ('---\ntitle: "Graphs: a start"\nauthor: X\n---\n', "Graphs: a start"),
        ("---\nauthor: X\ntitle: Plain\n...\n", "Plain"),
        ('+++\ntitle = "Toml"\n+++\n', "Toml"),
        ("---\nauthor: X\n---\n", "First"),
    ],
)
def test_front_matter_gives_the_title_and_is_no_text(read, front, title):
    book = read("a.md", f"{front}# First\n\nText.\n")
    assert (book.title, only(book)) == (title, "Text.")


def test_a_rule_at_the_top_is_no_front_matter(read):
    assert only(read("a.md", "---\nSome text.\n\n---\n\nMore.\n")) == "Some text.\n\nMore."


def test_html_inside_markdown_is_read_as_html(read):
    book = read("a.md", "Seen <b>bold</b>.\n\n<div hidden>\n\nsecret *words*\n\n</div>\n\n<!-- remark -->\n")
    assert (only(book), book.hidden_parts) == ("Seen bold.", 1)


# HTML


def page(body, head=""):
    return f"<!DOCTYPE html><html><head>{head}</head><body>{body}</body></html>"


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>secret</p>",
        "<p aria-hidden='true'>secret</p>",
        "<p style='color: red; DISPLAY : none !important'>secret</p>",
        "<p style='visibility:hidden'>secret</p>",
        "<p style='font-size:0'>secret</p>",
        "<p style='font-size: 0.0px;'>secret</p>",
        "<p style='opacity: 0'>secret</p>",
        "<p style='position:absolute; left:-9999px'>secret</p>",
        "<p style='color:#FFF'>secret</p>",
        "<p style='font-weight:bold; color: white !important;'>secret</p>",
        "<div style='display:none'><p>secret</p><p>secret too</p></div>",
        "<ul><li>seen<li hidden>secret</ul>",
        "<table><tr><td>seen<td>as well<tr hidden><td>secret<td>secret</table>",
        "<pre>seen<span style='display:none'>secret</span></pre>",
    ],
)
def test_what_a_page_hides_is_not_read_and_counted(read, hidden):
    book = read("a.html", page(f"<p>Open.</p>{hidden}"))
    assert "secret" not in only(book)
    assert "Open." in only(book)
    assert book.hidden_parts == 1


@pytest.mark.parametrize(
    "shown",
    [
        "<p style='font-size:0.8em'>secret</p>",
        "<p aria-hidden='false'>secret</p>",
        "<p>secret</p>",
        "<p style='opacity:0.6; left:-20px'>secret</p>",
        "<div style='background:#123'><p style='color:white'>secret</p></div>",
        "<style>p { background: black }</style><p style='color:white'>secret</p>",
        "<table><tr><td bgcolor='navy' style='color:#ffffff'>secret</td></tr></table>",
    ],
)
def test_what_a_page_shows_is_read(read, shown):
    book = read("a.html", page(shown))
    assert (only(book), book.hidden_parts) == ("secret", 0)


def test_scripts_styles_templates_and_comments_are_no_text(read):
    unread = "<script>s()</script><style>p{}</style><template><p>t</p></template><!-- c --><noscript>n</noscript>"
    assert only(read("a.html", page(f"<p>Text{unread}.</p>{unread}", head=unread))) == "Text."


def test_what_stands_around_the_main_text_is_left_out_only_where_there_is_a_main_text(read):
    around = "<header>Site</header><nav>Home</nav>{}<footer>Imprint</footer>"
    inner = "<header><h1>Waves</h1></header><p>Text.</p><footer>Note.</footer>"
    for tag in ("main", "article", "div role=main"):
        book = read("a.html", page(around.format(f"<{tag}>{inner}</{tag.split()[0]}>")))
        assert texts(book) == {("Waves",): "Text.\n\nNote."}
    assert only(read("b.html", page(around.format("<p>Text.</p>")))) == "Site\n\nHome\n\nText.\n\nImprint"


def test_inline_markup_breaks_no_words_and_blocks_do(read):
    body = "<div>One <b>bo</b>ld<br>line<div>inner</div>tail <a href=x>link</a></div><p>Two\n  words</p>"
    assert only(read("a.html", page(body))) == "One bold\nline\n\ninner\n\ntail link\n\nTwo words"


def test_code_in_html_keeps_lines_and_indentation_and_loses_line_numbers(read):
    code = '<pre><span class="linenos">1</span><span>def</span> f():<br>    return 1\n\n<b>f</b>()\n</pre>'
    assert only(read("a.html", page(code))) == "def f():\n    return 1\n\nf()"


def test_html_tables_keep_rows_and_columns_across_spans(read):
    rows = (
        "<caption>Costs</caption><thead><tr><th>Name<th colspan=2>Cost<th>Stable</thead>"
        "<tr><td rowspan=2>Quick<td>best<td>n log n<td>no<tr><td>worst<td>n<sup>2</sup><td><p>no</p>"
    )
    assert only(read("a.html", page(f"<table>{rows}</table>"))) == (
        "Costs\n\nName | Cost |  | Stable\nQuick | best | n log n | no\nQuick | worst | n^2 | no"
    )


def test_a_table_that_arranges_the_page_is_read_cell_by_cell(read):
    book = read("a.html", page("<table><tr><td><h2>Left</h2><p>One.</p></td><td><h2>Right</h2><p>Two.</p></td></tr></table>"))
    assert texts(book) == {("Left",): "One.", ("Right",): "Two."}


def test_spans_of_absurd_size_make_no_table_of_absurd_size(read):
    row = "<tr><td rowspan=99999 colspan=100>x<td>y"
    assert len(only(read("a.html", page(f"<table>{row * 300}</table>")))) < 300_000


def test_html_lists_have_an_item_a_line(read):
    body = "<ol start=3><li>three<ul><li>deep<li>deeper</ul><li><p>four</p><p>more</p></ol><dl><dt>Node<dd>A dot.</dl>"
    assert only(read("a.html", page(body))) == "3. three\n  - deep\n  - deeper\n4. four\n  more\n\nNode\n  A dot."


@pytest.mark.parametrize(
    ("maths", "text"),
    [
        ("<mfrac><mrow><mi>a</mi><mo>+</mo><mn>1</mn></mrow><mi>b</mi></mfrac>", "(a + 1)/b"),
        ("<msup><mi>x</mi><mn>2</mn></msup><mo>=</mo><msqrt><mi>y</mi></msqrt>", "x^2 = √y"),
        ("<msub><mi>x</mi><mrow><mi>i</mi><mo>,</mo><mi>j</mi></mrow></msub>", "x_(i, j)"),
        ("<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover><mi>i</mi>", "∑_i^ni"),
        (
            "<semantics><mi>x</mi><annotation encoding='application/x-tex'>\\frac{x}{2}</annotation></semantics>",
            r"\(\frac{x}{2}\)",
        ),
    ],
)
def test_mathml_becomes_readable_text(read, maths, text):
    assert only(read("a.html", page(f"<p>So <math>{maths}</math>.</p>"))) == f"So {text}."


def test_the_alternative_text_of_mathml_and_the_formulas_of_katex_and_mediawiki_are_read_once(read):
    assert only(read("a.html", page("<p><math alttext='\\alpha_1'><mi>a</mi></math></p>"))) == r"\(\alpha_1\)"
    katex = (
        '<span class="katex"><span class="katex-mathml"><math><semantics><mi>x</mi><annotation encoding="application/x-tex">x_1'
        '</annotation></semantics></math></span><span class="katex-html" aria-hidden="true">x1</span></span>'
    )
    book = read("b.html", page(f"<p>Let {katex} be.</p>"))
    assert (only(book), book.hidden_parts) == (r"Let \(x_1\) be.", 0)
    wiki = (
        '<span class="mwe-math-mathml-a11y" style="display: none;">'
        '<math alttext="{\\displaystyle x^{2}}"><mi>x</mi></math></span>'
        '<img class="mwe-math-fallback-image-inline" aria-hidden="true" alt="{\\displaystyle x^{2}}">'
    )
    book = read("c.html", page(f"<p>Let {wiki} be.</p>"))
    assert (only(book), book.hidden_parts) == (r"Let \(x^{2}\) be.", 0)


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("<meta charset='iso-8859-1'>", "cp1252"),  # which is what browsers take it for
        ("<meta http-equiv='Content-Type' content='text/html; charset=koi8-r'>", "koi8-r"),
        ("<meta charset='shift_jis'>", "shift_jis"),
        ("<meta charset='utf-8'>", "utf-8"),
        ("", "utf-8-sig"),
        ("", "utf-16"),
        ("<meta charset='no-such-thing'>", "cp1252"),
    ],
)
def test_pages_are_decoded_as_they_say_and_else_as_they_look(read, head, encoding):
    text = {"koi8-r": "Сортировка", "shift_jis": "並べ替え"}.get(encoding, "Café “naïve”")
    book = read("a.html", page(f"<p>{text}</p>", head).encode(encoding))
    assert only(book) == text
    assert book.lost_characters == 0


def test_the_title_of_a_page_is_its_own_else_its_first_heading_else_the_files_name(read):
    assert read("a.html", page("<h1>Heading</h1><p>t", "<title>Of the\n page</title>")).title == "Of the page"
    assert read("b.html", page("<h1>Heading</h1><p>t")).title == "Heading"
    assert read("lecture 3.html", page("<p>t")).title == "lecture 3"


# Plain text


def test_plain_text_headings_are_only_those_clearly_marked(read):
    book = read(
        "a.txt",
        "Mechanics\n=========\n\nIntro to the course.\n\nEnergy\n------\n\nIt is conserved.\n\n"
        "2 Momentum\n\nMass times velocity.\n\n2.1 Impulse\n\nForce times time.\n\nFINAL REMARKS\n\nThe end\n\nof it.\n",
    )
    assert texts(book) == {
        ("Mechanics",): "Intro to the course.",
        ("Mechanics", "Energy"): "It is conserved.",
        ("2 Momentum",): "Mass times velocity.",
        ("2 Momentum", "2.1 Impulse"): "Force times time.",
        ("FINAL REMARKS",): "The end\n\nof it.",
    }
    assert book.title == "Mechanics"


def test_numbered_paragraphs_in_a_row_are_a_list(read):
    assert (
        only(read("a.txt", "Do this:\n\n1. Boil water\n\n2. Add tea\n\n3. Wait\n"))
        == "Do this:\n\n1. Boil water\n\n2. Add tea\n\n3. Wait"
    )


def test_wrapped_lines_of_text_flow_and_lines_set_by_hand_stay(read):
    wrapped = "A long line that was broken because the page was no wider\nthan this, and goes on here."
    assert only(read("a.txt", wrapped)) == wrapped.replace("\n", " ")
    verse = "Roses are red\nViolets are blue"
    table = "name      cost of sorting in the worst case of all\nquick     n^2\nmerge     n log n"
    assert only(read("b.txt", f"{verse}\r\n\r\n{table}\r\n")) == f"{verse}\n\n{table}"


def test_form_feeds_are_page_breaks(read):
    book = read("a.txt", "FIRST\n\nOn page one the sentence\f\fgoes on here.\n")
    (section,) = book.sections
    assert section.text == "On page one the sentence goes on here."
    assert [section.page_at(section.text.index(word)) for word in ("On", "goes")] == [1, 3]
    assert (book.pages, book.pages_without_text, book.labels) == (3, 1, {1: "1", 2: "2", 3: "3"})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_plain_text_is_decoded_as_it_looks(read, encoding):
    assert only(read("a.txt", "Größe – “naïve” café".encode(encoding))) == "Größe – “naïve” café"


def test_a_damaged_byte_in_utf_8_is_counted_and_spoils_nothing_else(read):
    book = read("a.txt", "Größe und Länge".encode() + b"\xff" + " über alles".encode())
    assert only(book) == "Größe und Länge\N{REPLACEMENT CHARACTER} über alles"
    assert book.lost_characters == 1


# DOCX


def xml(source, **spaces):
    return parse_xml(source.replace(">", f" {nsdecls('w')} {' '.join(spaces.values())}>", 1))


def test_docx_headings_by_style_lists_and_emphasis(read):
    document = docx.Document()
    document.core_properties.title = "Mechanics notes"
    document.add_heading("Energy", 1)
    paragraph = document.add_paragraph("E = mc")
    paragraph.add_run("2").font.superscript = True
    document.add_heading("Kinetic", 2)
    for text, style in (("first", "List Number"), ("second", "List Number"), ("dot", "List Bullet")):
        document.add_paragraph(text, style=style)
    document.add_heading("Heat", 1)
    document.add_paragraph("Flows.")
    book = read("a.docx", document)
    assert texts(book) == {
        ("Energy",): "E = mc^2",
        ("Energy", "Kinetic"): "1. first\n2. second\n- dot",
        ("Heat",): "Flows.",
    }
    assert [section.pages for section in book.sections] == [[1], [1], [2]]
    assert (book.title, book.pages) == ("Mechanics notes", 2)


def test_a_docx_style_of_ones_own_that_is_based_on_a_heading_is_one(read):
    document = docx.Document()
    own = document.styles.add_style("Kapitel", docx.enum.style.WD_STYLE_TYPE.PARAGRAPH)
    own.base_style = document.styles["Heading 1"]
    document.add_paragraph("Optics", style="Kapitel")
    document.add_paragraph("Light.")
    book = read("a.docx", document)
    assert (texts(book), book.title) == ({("Optics",): "Light."}, "Optics")


def test_docx_tables_keep_rows_and_columns_across_merged_cells(read):
    document = docx.Document()
    table = document.add_table(3, 3)
    for number, cell in enumerate(table._cells):
        cell.text = "abcdefghi"[number]
    table.cell(0, 1).merge(table.cell(0, 2)).text = "wide"
    table.cell(1, 0).merge(table.cell(2, 0)).text = "tall"
    assert only(read("a.docx", document)) == "a | wide |\ntall | e | f\ntall | h | i"


def test_docx_code_keeps_lines_and_indentation(read):
    document = docx.Document()
    for line in ("def f():", "    return 1"):
        document.add_paragraph().add_run(line).font.name = "Courier New"
    document.add_paragraph("Then text.")
    assert only(read("a.docx", document)) == "def f():\n    return 1\n\nThen text."


def test_docx_deletions_and_hidden_text_are_not_read_and_insertions_are(read):
    document = docx.Document()
    paragraph = document.add_paragraph("kept")
    for source in (
        '<w:del w:id="1" w:author="a"><w:r><w:delText>gone</w:delText></w:r></w:del>',
        '<w:moveFrom w:id="3" w:author="a"><w:r><w:t>moved off</w:t></w:r></w:moveFrom>',
        '<w:ins w:id="2" w:author="a"><w:r><w:t>, added</w:t></w:r></w:ins>',
    ):
        paragraph._p.append(xml(source))
    paragraph.add_run("secret").font.hidden = True
    book = read("a.docx", document)
    assert (only(book), book.hidden_parts) == ("kept, added", 1)


def test_a_docx_footnote_stands_after_its_paragraph_and_a_text_box_is_read_once(read):
    document = docx.Document()
    document.add_paragraph("Claim.").add_run()._r.append(xml('<w:footnoteReference w:id="7"></w:footnoteReference>'))
    notes = (
        f'<w:footnotes {nsdecls("w")}><w:footnote w:id="7"><w:p><w:r><w:t>Proof.</w:t></w:r></w:p></w:footnote></w:footnotes>'
    )
    part = Part(PackURI("/word/footnotes.xml"), CONTENT_TYPE.WML_FOOTNOTES, notes.encode(), document.part.package)
    document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
    box = "<w:txbxContent><w:p><w:r><w:t>In a box.</w:t></w:r></w:p></w:txbxContent>"
    document.add_paragraph("Beside.").add_run()._r.append(
        xml(
            "<mc:AlternateContent>"
            f'<mc:Choice Requires="wps"><w:drawing><wps:txbx>{box}</wps:txbx></w:drawing></mc:Choice>'
            f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent>",
            mc=f'xmlns:mc="{COMPATIBILITY}"',
            wps='xmlns:wps="http://schemas.microsoft.com/office/word/2010/wordprocessingShape"',
        )
    )
    assert only(read("a.docx", document)) == "Claim.\n\nFootnote: Proof.\n\nBeside.\n\nIn a box."


def test_docx_formulas_are_read(read):
    document = docx.Document()
    half = "<m:f><m:num><m:r><m:t>a+b</m:t></m:r></m:num><m:den><m:r><m:t>2</m:t></m:r></m:den></m:f>"
    power = "<m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
    root = "<m:rad><m:radPr><m:degHide/></m:radPr><m:deg/><m:e><m:r><m:t>y</m:t></m:r></m:e></m:rad>"
    formula = parse_xml(f'<m:oMath xmlns:m="{MATHS}">{half}<m:r><m:t>=</m:t></m:r>{power}{root}</m:oMath>')
    document.add_paragraph("So ")._p.append(formula)
    assert only(read("a.docx", document)) == "So (a+b)/2 = x^2√y"


# PPTX


def slide(presentation, title, *boxes):
    """A slide with text boxes (left, top, text), in inches."""
    made = presentation.slides.add_slide(presentation.slide_layouts[5])
    made.shapes.title.text = title
    for left, top, text in boxes:
        made.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1)).text_frame.text = text
    return made


def test_slides_are_pages_under_their_titles_read_from_top_to_bottom_with_notes(read):
    presentation = pptx.Presentation()
    slide(
        presentation, "Graphs", (1, 6, "bottom"), (5, 2, "right"), (1, 2.1, "left")
    ).notes_slide.notes_text_frame.text = "Ask."
    slide(presentation, "Graphs", (1, 2, "More."))
    book = read("a.pptx", presentation)
    assert [(section.path, section.pages, section.text) for section in book.sections] == [
        (("Graphs",), [1], "left\n\nright\n\nbottom\n\nNotes: Ask."),
        (("Graphs",), [2], "More."),
    ]
    assert (book.title, book.pages, book.labels) == ("Graphs", 2, {1: "", 2: ""})


def test_bullets_tables_groups_pictures_and_formulas_on_slides(read):
    presentation = pptx.Presentation()
    made = presentation.slides.add_slide(presentation.slide_layouts[1])
    made.shapes.title.text = "Trees"
    frame = made.placeholders[1].text_frame
    frame.text = "A tree has"
    deeper = frame.add_paragraph()
    deeper.text, deeper.level = "a root", 1
    table = made.shapes.add_table(2, 2, Inches(1), Inches(4), Inches(4), Inches(1)).table
    for number, cell in enumerate(table.iter_cells()):
        cell.text = "abcd"[number]
    group = made.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(1), Inches(6), Inches(2), Inches(1)).text_frame.text = "grouped"
    formula = made.shapes.add_textbox(Inches(1), Inches(6.5), Inches(2), Inches(1))
    formula.text_frame.text = "So "
    power = "<m:sSup><m:e><m:r><m:t>x</m:t></m:r></m:e><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:sSup>"
    formula.text_frame.paragraphs[0]._p.append(
        parse_xml(
            f'<mc:AlternateContent xmlns:mc="{COMPATIBILITY}"><mc:Choice Requires="a14"><a14:m xmlns:a14="{DRAWING}">'
            f'<m:oMath xmlns:m="{MATHS}">{power}</m:oMath></a14:m></mc:Choice></mc:AlternateContent>'
        )
    )
    picture = made.shapes.add_picture(_picture(), Inches(1), Inches(7))
    picture._element.nvPicPr.cNvPr.set("descr", "A picture of a tree")
    assert only(read("a.pptx", presentation)) == (
        "A tree has\n  a root\n\na | b\nc | d\n\ngrouped\n\nSo x^2\n\nA picture of a tree"
    )


def _picture():
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (2, 2)).save(stream, "PNG")
    stream.seek(0)
    return stream


def test_hidden_slides_and_shapes_are_counted_and_the_others_keep_their_numbers(read):
    presentation = pptx.Presentation()
    slide(presentation, "Secret", (1, 2, "Exam questions.")).element.set("show", "0")
    shown = slide(presentation, "Open", (1, 2, "secret shape"), (1, 3, "Text."))
    shown.shapes[1]._element.nvSpPr.cNvPr.set("hidden", "1")
    book = read("a.pptx", presentation)
    assert [(section.path, section.pages, section.text) for section in book.sections] == [(("Open",), [2], "Text.")]
    assert book.hidden_parts == 2


# What cannot be read


def office(files):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as package:
        for name, content in files.items():
            package.writestr(name, content)
    return stream.getvalue()


def _document(change=None):
    stream = io.BytesIO()
    document = docx.Document()
    document.add_paragraph("Text.")
    document.save(stream)
    if change is None:
        return stream.getvalue()
    with zipfile.ZipFile(stream) as package:
        files = {name: package.read(name) for name in package.namelist()}
    files["word/document.xml"] = change(files["word/document.xml"])
    return office(files)


LAUGHS = b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
OLE = bytes.fromhex("D0CF11E0A1B11AE1") + bytes(504)


@pytest.mark.parametrize(
    ("name", "make", "reason", "remedy"),
    [
        ("a.md", lambda: b"", "the file is empty", "Export"),
        ("a.md", lambda: bytes(range(256)) * 40, "not text", "suffix"),
        ("a.txt", lambda: _document(), "not text", "suffix"),
        ("a.txt", lambda: b" \n\n \n", "no text", "PDF"),
        ("a.html", lambda: b"<html><body><script>draw()</script></body></html>", "no text", "PDF"),
        ("a.txt", lambda: b"word " * 10_500_000, "more than 50 MB of text", "Split"),
        ("a.html", lambda: b"<div>" * 100_000 + b"text", "nested too deep", "Save"),
        ("a.md", lambda: b"> " * 20_000 + b"text", "nested too deep", "Save"),
        ("a.docx", lambda: b"not a zip at all", "not a DOCX", "save it as DOCX"),
        ("a.docx", lambda: office({"notes.txt": "hello"}), "not a DOCX", "save it as DOCX"),
        ("a.pptx", lambda: _document(), "not a PPTX", "PPTX"),
        ("a.docx", lambda: _document()[:-500], "damaged", "download it again"),
        ("a.docx", lambda: OLE + "EncryptedPackage".encode("utf-16-le"), "needs a password", "without the password"),
        ("a.docx", lambda: OLE + "WordDocument".encode("utf-16-le"), "before 2007", "save it as DOCX"),
        ("a.docx", lambda: office({"[Content_Types].xml": b" " * (501 << 20)}), "larger than 500 MB", "pictures"),
        (
            "a.docx",
            lambda: _document(lambda part: part.replace(b"<w:document", LAUGHS + b"<w:document", 1)),
            "entities",
            "save",
        ),
        ("a.docx", lambda: _document(lambda part: part.replace(b"</w:t>", b"", 1)), "not a DOCX", "save it as DOCX"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_one_line_with_reason_and_remedy(tmp_path, name, make, reason, remedy):
    (tmp_path / name).write_bytes(make())
    with pytest.raises(BookError) as refused:
        read_document(tmp_path / name)
    message = str(refused.value)
    assert message.startswith(f"{tmp_path / name}: ")
    assert reason in message
    assert remedy in message
    assert "\n" not in message


def test_reading_beyond_the_memory_allowed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ingest.documents.MEGABYTES", 128)
    (tmp_path / "a.html").write_bytes(b"<p>word</p>" * 2_000_000)
    with pytest.raises(BookError, match=r"a\.html: .*(memory|the reader stopped).*Save"):
        read_document(tmp_path / "a.html")


def test_characters_that_no_reader_sees_are_not_read(read):
    assert only(read("a.md", "in\u00advisi\u200bble\U000e0041 te\ufeffxt\n")) == "invisible text"


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("a.doc", "DOCX"),
        ("a.PPT", "PPTX"),
        ("a.odt", "DOCX"),
        ("a.epub", "HTML or PDF"),
        ("a.xyz", "one of these"),
        ("a", "one of"),
    ],
)
def test_a_kind_of_file_that_is_not_read_is_refused_naming_those_that_are_and_the_way(tmp_path, name, way):
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(BookError, match=r"not read; PDF, DOCX, PPTX, HTML, Markdown .* are\. ") as refused:
        read_book(tmp_path / name)
    assert way in refused.value.remedy


def test_a_document_of_a_word_is_refused_as_having_no_text(library, embedding, tmp_path):
    (tmp_path / "a.md").write_text("Hi.\n")
    report = ingest([tmp_path / "a.md"], library.course("greetings"), embedding, library.vectors)
    assert [book.error for book in report.refused] == [
        f"{tmp_path / 'a.md'}: there is no text in it. If it shows text on the screen, print it to a PDF and ingest that."
    ]


def test_a_folder_is_searched_for_all_kinds_but_not_for_hidden_files_and_locks(tmp_path):
    names = ["a.MD", "b.markdown", "c.HTML", "d.htm", "e.txt", "f.docx", "g.pptx", "h.pdf", "README.md"]
    for name in [*names, "~$f.docx", ".hidden.md", ".git/x.md", "i.doc", "j.py"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    books, refused = find_books([tmp_path])
    assert set(books.values()) == {tmp_path / name for name in names}
    # A book of a kind that is not read is told; a program beside the books is none.
    (told,) = refused
    assert told.error.startswith(f"{tmp_path / 'i.doc'}: .doc files are not read; ")
    assert told.error.endswith("Save it as DOCX.")


# The whole way


def test_books_of_four_kinds_become_passages_that_are_found_at_their_places(library, embedding, tmp_path):
    folder = tmp_path / "books"
    folder.mkdir()
    document = docx.Document()
    document.add_heading("Optics", 1)
    document.add_paragraph("A converging lens brings parallel rays of light together at its focal point.")
    document.add_heading("Thermodynamics", 1)
    document.add_paragraph("Entropy never decreases in an isolated system; heat flows from hot bodies to cold ones.")
    document.save(str(folder / "physics.docx"))
    presentation = pptx.Presentation()
    slide(presentation, "Welcome", (1, 2, "This course has twelve lectures and an exam in July."))
    slide(presentation, "Photosynthesis", (1, 2, "Chlorophyll in the leaves of plants turns sunlight into sugar."))
    presentation.save(str(folder / "biology.pptx"))
    sorting = "<h1>Sorting</h1><p>Quicksort chooses a pivot and partitions.</p>"
    graphs = "<h1>Graphs</h1><p>Dijkstra's algorithm finds shortest paths.</p>"
    (folder / "algorithms.html").write_text(page(sorting + graphs))
    (folder / "history.md").write_text("# Rome\n\nCaesar crossed the Rubicon in 49 BC.\n\n# Greece\n\nAthens fought Sparta.\n")
    course = library.course("mixed")
    report = ingest([folder], course, embedding, library.vectors)
    assert {book.file: (book.status, book.pages) for book in report.books} == {
        "algorithms.html": ("read", 2),
        "biology.pptx": ("read", 2),
        "history.md": ("read", 2),
        "physics.docx": ("read", 2),
    }
    search = CourseSearch(course, embedding)
    for question, file, place in (
        ("What does entropy do in an isolated system?", "physics.docx", "part 2"),
        ("How do plants turn sunlight into sugar?", "biology.pptx", "slide 2"),
        ("Which algorithm finds shortest paths?", "algorithms.html", "part 2"),
        ("When did Caesar cross the Rubicon?", "history.md", "part 1"),
    ):
        best = search.search(question)[0].passage
        assert (best.file, best.pages) == (file, place)
    for entry in course.manifest().books:
        assert course.book_file(entry).read_bytes() == (folder / entry.file).read_bytes()
    # Made otherwise, the course is read again from the books it kept, each by its own reader.
    before = read_passages(course.live)
    for file in folder.iterdir():
        file.unlink()
    (folder / "new.txt").write_text("A new note about volcanoes and their lava.\n")
    (course.live / "passages.jsonl").write_text("")
    report = ingest([folder], course, embedding, library.vectors)
    assert {book.status for book in report.books} == {"read"}
    assert [passage for passage in read_passages(course.live) if passage.file != "new.txt"] == before
