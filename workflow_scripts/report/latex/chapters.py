"""The chapters of the LaTeX report: one for each study, after one page that sums up the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workflow_scripts.common.study import Figure, Study
from workflow_scripts.report.claims import Claim, Claims
from workflow_scripts.report.latex.bibliography import study_key
from workflow_scripts.report.latex.claims import claim_anchor, claim_number, claims_table
from workflow_scripts.report.latex.figures import Drawing, figure_block, label
from workflow_scripts.report.latex.numbers import count_macro
from workflow_scripts.report.latex.scorecard import VERDICTS, Scorecard, scorecard_table
from workflow_scripts.report.latex.text import escape_latex
from workflow_scripts.report.references import citing


@dataclass(frozen=True)
class Chapter:
    """What a run made of a study, for its chapter.

    Attributes:
        study: the study.
        figures: those that the run drew, in order, each with its PDF.
        tables: file names of its tables for reading, without the suffix.
        claims: with verdicts, None if it makes none.
        scorecard: its published numbers, None if they were not compared.
        shows: sentences of what this run shows, by the figure's key; a figure without one says nothing of it.
        undrawn: figures in which there is nothing to see.
    """

    study: Study
    figures: Sequence[tuple[Figure, Drawing]]
    tables: Sequence[str]
    claims: Claims | None
    scorecard: Scorecard | None = None
    shows: Mapping[str, str] = field(default_factory=dict)
    undrawn: Sequence[Figure] = ()


def chapter_file(chapter: Chapter) -> str:
    """Return the source of a study's chapter."""
    study = chapter.study
    paper = escape_latex(study.reference.get("short", study.title))
    lines = [
        rf"\chapter{{{escape_latex(study.title)}}}",
        rf"\label{{cha:{study.name}}}",
        f"After {paper}~\\cite{{{study_key(study.name)}}}. {_counted(chapter)}",
    ]
    lines += [*_claims(chapter), *_published(chapter), *_tables(chapter), *_figures(chapter)]
    return "\n".join([*lines, ""])


def overview_table(chapters: Sequence[Chapter]) -> str:
    """Return the table of all studies: claims and published numbers by verdict, each a macro of numbers.tex."""
    compared = any(chapter.scorecard for chapter in chapters)
    names = [chapter.study.name for chapter in chapters]
    claims = [("", "claims"), ("hold", "claims hold"), ("do not", "claims do not hold"), ("untested", "claims untested")]
    numbers = [("", "published"), *((verdict, f"published {verdict}") for verdict in VERDICTS)]
    groups = [("Claims", claims), *([("Published numbers", numbers)] if compared else [])]
    heads, kinds, places = [""], [], 2
    lines = [
        r"\begin{center}\small\begin{adjustbox}{max width=\linewidth}",
        rf"\begin{{tabular}}{{@{{}}l{'r' * sum(len(columns) for _, columns in groups)}@{{}}}}",
        r"\toprule",
    ]
    rules = ""
    for title, columns in groups:
        heads.append(rf"\multicolumn{{{len(columns)}}}{{c}}{{{title}}}")
        rules += rf"\cmidrule(l){{{places}-{places + len(columns) - 1}}}"
        places += len(columns)
        kinds += columns
    lines += [
        " & ".join(heads) + r" \\",
        rules,
        " & ".join(["Study", *(word or "all" for word, _ in kinds)]) + r" \\",
        r"\midrule",
    ]
    for chapter, study in zip(chapters, names, strict=True):
        cells = [_count(study, kind, chapter) for _, kind in kinds]
        lines.append(" & ".join([rf"\hyperref[cha:{study}]{{{escape_latex(chapter.study.title)}}}", *cells]) + r" \\")
    if len(chapters) > 1:
        lines += [r"\midrule", " & ".join(["All", *(count_macro("", kind) for _, kind in kinds)]) + r" \\"]
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}\end{adjustbox}", r"\end{center}", ""])


def _count(study: str, kind: str, chapter: Chapter) -> str:
    known = chapter.scorecard if kind.startswith("published") else chapter.claims
    return count_macro(study, kind) if known else "---"


def _counted(chapter: Chapter) -> str:
    said = [escape_latex(chapter.claims.summary)] if chapter.claims else []
    if card := chapter.scorecard:
        words = ", ".join(f"{card.counts[verdict]} {verdict}" for verdict in VERDICTS if card.counts[verdict])
        said.append(f"Of {card.total} published numbers {words}.")
    return " ".join(said)


def _claims(chapter: Chapter) -> Iterator[str]:
    if not chapter.claims:
        return

    cited, drawn = _cited(chapter), {figure.name: figure for figure, _ in chapter.figures}

    def evidence(claim: Claim) -> str:
        shown = [rf"\ref{{{label(drawn[name])}}}" for name in cited[claim.id]]
        return f"Here: Figure{'s' if len(shown) > 1 else ''}~{', '.join(shown)}." if shown else ""

    yield r"\section{" + escape_latex(chapter.claims.heading) + "}"
    yield claims_table(chapter.claims, chapter.study.name, evidence)


def _published(chapter: Chapter) -> Iterator[str]:
    card = chapter.scorecard
    if not card:
        return
    yield r"\section{Published numbers}"
    yield scorecard_table(card, chapter.study.name)
    if card.left:
        yield r"\begin{samepage}Without a number of ours beside them:"
        yield r"\begin{itemize}"
        for (verdict, reason), count in card.left.items():
            yield rf"\item {count} {escape_latex(verdict)}{f': {escape_latex(reason)}' if reason else ''}"
        yield r"\end{itemize}\end{samepage}"


def _tables(chapter: Chapter) -> Iterator[str]:
    if chapter.tables:
        yield r"\section{Tables}"
        yield from (rf"\input{{tables/{chapter.study.name}_{name}.tex}}" for name in chapter.tables)


def _figures(chapter: Chapter) -> Iterator[str]:
    claims = chapter.claims.claims if chapter.claims else ()
    numbers = {claim.id: claim_number(place) for place, claim in enumerate(claims, 1)}
    cited = _cited(chapter)
    sections: dict[str, list[tuple[Figure, Drawing]]] = {}
    for figure, drawing in chapter.figures:
        sections.setdefault(figure.section, []).append((figure, drawing))
    for section, shown in sections.items():
        yield rf"\section{{{escape_latex(section)}}}"
        for figure, drawing in shown:
            shown_for = [claim for claim in claims if figure.name in cited[claim.id]]
            judged = [_verdict(chapter.study, claim, chapter.claims.words(claim), numbers[claim.id]) for claim in shown_for]
            yield figure_block(figure, drawing, _notes(figure, chapter.shows.get(figure.key, ""), judged))
    if chapter.undrawn:
        titles = ", ".join(escape_latex(figure.title) for figure in chapter.undrawn)
        yield rf"\atlasnote{{Nothing to see in this run:}}{{{titles}.}}"


def _cited(chapter: Chapter) -> dict[str, list[str]]:
    """Return the names of the figures that each claim cites, by claim."""
    claims = chapter.claims.claims if chapter.claims else ()
    return citing({claim.id: claim.source for claim in claims}, {figure.name: figure.number for figure, _ in chapter.figures})


def _notes(figure: Figure, shows: str, judged: Iterable[str]) -> list[str]:
    said = {
        "What the study found.": escape_latex(figure.found),
        "What this run shows.": escape_latex(shows),
        "Evidence for": ", ".join(judged),
    }
    return [rf"\atlasnote{{{title}}}{{{text}}}" for title, text in said.items() if text]


def _verdict(study: Study, claim: Claim, said: str, number: str) -> str:
    return rf"\hyperlink{{{claim_anchor(study.name, claim)}}}{{{number}}} ({escape_latex(said)})"
