"""Text for LaTeX, names of macros, claims and the figures they cite."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workflow_scripts.common.study import Figure
from workflow_scripts.report.claims import Claim
from workflow_scripts.report.latex.text import escape_latex, macro_name
from workflow_scripts.report.references import citing


def test_escapes_one_by_one():
    assert escape_latex("50 % & x_1 #2 $3 {a}") == r"50 \% \& x\_1 \#2 \$3 \{a\}"
    assert escape_latex("\\~^") == r"\textbackslash{}\textasciitilde{}\textasciicircum{}"
    assert escape_latex("a\n  b") == "a b"
    assert escape_latex("\N{EM DASH} \N{EN DASH} \N{MINUS SIGN} \N{MULTIPLICATION SIGN}") == r"--- -- $-$ $\times$"
    assert escape_latex("MoCo-v3, ViT-B/16 (k = 20)") == "MoCo-v3, ViT-B/16 (k = 20)"


def test_what_fonts_join_is_kept_apart():
    assert escape_latex("--force") == "-{}-force"
    assert escape_latex("a---b") == "a-{}-{}-b"


def test_letters():
    assert escape_latex("Kainmüller, Timothée, Łódź") == "Kainmüller, Timothée, Łódź"
    assert escape_latex("u\N{COMBINING DIAERESIS}") == "ü"
    assert escape_latex("\N{GREEK SMALL LETTER ALPHA} Ω λ") == r"$\alpha$ $\Omega$ $\lambda$"
    assert escape_latex("ж中😀") == r"\atlasletter{0436}\atlasletter{4E2D}\atlasletter{1F600}"
    assert escape_latex("10\N{SUPERSCRIPT MINUS}\N{SUPERSCRIPT SEVEN}") == r"10\textsuperscript\textminus{}\textsuperscript 7"
    assert escape_latex("a\x00b\x7f\u200b\u202ec") == "abc"


@given(st.text(max_size=30))
def test_nothing_that_latex_reads_is_left(text):
    escaped = escape_latex(text)
    bare = re.sub(r"\\atlasletter\{[0-9A-F]{4,6}\}|\\[a-zA-Z]+|\\[\\{}$&#%_]|\{\}|\{\[\}|\{\*\}", "", escaped)
    assert not re.search(r"[\\{}&#%_^\n\r\x00-\x1f\x7f]", bare)
    assert bare.count("$") % 2 == 0
    assert "--" not in re.sub(r"---?(?!-)", "", escaped) or any(sign in text for sign in "\N{EM DASH}\N{EN DASH}")


@given(st.text(min_size=1, max_size=20))
def test_a_macro_has_letters_alone(text):
    assert re.fullmatch(r"\\Atlas[A-Za-z]*", macro_name("Atlas", text))


def test_names_of_macros():
    assert macro_name("Atlas", "k-NN", "dino_s8") == r"\AtlasKNNDinoSEight"


def claim(source):
    return Claim(source, "Part", "Statement.", "", source, "holds", "", "", ())


def figure(number):
    return Figure("made_up", f"figure_{number}", number, "Section", "Title", "Caption", "Found")


@pytest.mark.parametrize(
    ("source", "numbers"),
    [
        ("Table 2.3; section 2.3.1; Figures 2.2, 2.11 to 2.13", ["2.2", "2.11-2.12", "2.12"]),
        ("Sec. 3; Figs. 7, 15", ["summary 2; 3 right, 7"]),
        ("Figure 4", ["4a", "4b-4c"]),
        ("Fig. 4c", ["4b-4c"]),
        ("A.11; Tables 4, 5", []),
        ("Fig. 20; summary, Fig. 4", []),
        ("Section 4", []),
    ],
)
def test_claims_name_their_figures(source, numbers):
    known = ("2.2", "2.11-2.12", "2.12", "4a", "4b-4c", "summary 2; 3 right, 7", "")
    assert citing({"one": source}, {number: number for number in known})["one"] == numbers
