"""The LaTeX report: its parts, and the PDF of a made-up run with names that LaTeX stumbles over."""

import json
import shutil
import subprocess
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.report.latex import LATEX, compiled, faults
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import RunModel
from workflow_scripts.common.study import Figure, Score, Study, Summary, SummaryTable
from workflow_scripts.common.table import make_table
from workflow_scripts.describe_run import address
from workflow_scripts.report.best_scores import best_scores
from workflow_scripts.report.build import Results
from workflow_scripts.report.claims import Claim, Claims, Measured
from workflow_scripts.report.fragments import Cell, Column, Fragment
from workflow_scripts.report.latex import pdf
from workflow_scripts.report.latex.bibliography import bibliography
from workflow_scripts.report.latex.figures import drawing
from workflow_scripts.report.latex.numbers import numbers_file
from workflow_scripts.report.latex.scorecard import read_scorecard
from workflow_scripts.report.latex.tables import to_latex
from workflow_scripts.report.latex.write import write_latex
from workflow_scripts.studies.found import ROOT

NASTY = r"50 % of_a & #1 ~x ^2 \up {b} $c$ <i> [d] *e 中文 жук λ --n"
MODELS = (
    RunModel("dino_s8", NASTY, "contrastive", method=NASTY),
    RunModel("dino_s16", "DINO", "contrastive", method="DINO"),
    RunModel("noise", "Random", "none", random=True),
)
SCORE = Score("knn", "knn", "knn_top1", "cls", title="k-NN")
FIGURES = tuple(
    Figure("made_up", name, number, "Section & more", f"Title of {name} {NASTY}", f"Caption. {NASTY} " * 3, f"Found {NASTY}.")
    for name, number in (("small", "2"), ("tall_one", "3"), ("empty", "4"))
)
STUDY = Study(
    name="made_up",
    title=f"A study {NASTY}",
    reference={"short": f"Nobody {NASTY} 2030", "arxiv": "0000.00000"},
    settings={},
    views={},
    analyses={},
    fits={},
    scores={"knn": SCORE},
    figures=FIGURES,
    summary=Summary(("knn",), (SummaryTable("wide_one", "Wide"), SummaryTable("long_one", "Long"))),
    claims="published.yaml",
    files=(),
)
NUMBERS = tuple(Measured(f"number {place} {NASTY}", "\N{MINUS SIGN}0.123", "0.100 to 0.200") for place in range(70))
CLAIMS = Claims(
    True,
    tuple(
        Claim(
            f"c.claim_{place}",
            f"Part {place % 2} {NASTY}",
            f"Statement {NASTY}. " * 3,
            NASTY,
            "Fig. 2",
            outcome,
            why,
            NASTY,
            NUMBERS,
        )
        for place, (outcome, why) in enumerate(
            [("holds", "Against (-0.387)."), ("does not hold", NASTY), ("cannot be tested", "")] * 4
        )
    ),
)
INFO = {
    "title": f"ViT Atlas {NASTY}",
    "demo": True,
    "commit": "e498d50d8851ce9c2fd1211a5b50a66774360af4",
    "models": [
        {
            "id": model.id,
            "display_name": model.display_name,
            "supervision": model.supervision,
            "method": model.method,
            "architecture": "ViT-S/8",
            "layers": 12,
            "heads": 6,
            "dim": 384,
            "patch": 8,
            "licence": f"Licence {NASTY}",
            "weights_sha256": None if model.random else "0123456789abcdef" * 4,
            "preprocessing": "resize224, mean [0.5, 0.5, 0.5]",
            "unverified": [f"Uncertain: {NASTY}."],
        }
        for model in MODELS
    ],
    "datasets": [
        {"id": "some_val", "display_name": NASTY, "images": 50000, "licence": NASTY, "skipped": ["a/" * 90 + "b_c.png"]}
    ],
    "left_out": [f"Left out {NASTY}."],
    "versions": {"python": "3.11.7", "vit-atlas": "0.1.0"},
}


def fragment(label, rows, columns):
    row = (
        Cell(NASTY[:20], dot="x"),
        *[Cell("0.53", "12", "0.41 to 0.60", strong=True), Cell("\N{MINUS SIGN}12.5")] * (columns // 2),
    )
    heads = (
        Column("Model"),
        *(Column(f"A rather long heading of column_{place}", number=True) for place in range(len(row) - 1)),
    )
    return Fragment(label, f"Caption {NASTY}.", heads, (row,) * rows)


@pytest.fixture
def made(tmp_path):
    """What a run leaves: figures of the sizes that occur, tables, a scorecard; and a function that writes the report."""
    figures, tables = tmp_path / "figures" / "made_up", tmp_path / "tables" / "made_up"
    figures.mkdir(parents=True)
    tables.mkdir(parents=True)
    for name, height in (("small", 3), ("tall_one", 18), ("empty", 1)):
        drawn, axes = plt.subplots(4, 1, figsize=(7.16, height))
        for one in axes:
            one.plot([0, 1])
        drawn.savefig(figures / f"{name}.pdf")
        drawn.savefig(figures / f"{name}.png", dpi=50)
        plt.close(drawn)
        (figures / f"{name}.csv").write_text("value\n" + ("" if name == "empty" else "1\n"))
    (tables / "wide_one.tex").write_text(to_latex(fragment("wide_one", 9, 12), "made_up-"))
    (tables / "long_one.tex").write_text(to_latex(fragment("long_one", 60, 6), "made_up-"))
    card = {
        "study": "made_up",
        "table": "2.1",
        "analysis": "knn",
        "dataset": "some_val",
        "method": NASTY,
        "architecture": "ViT-S/8",
    }
    card |= {"model": "dino_s8", "layer": "best", "facet": "cls", "metric": "knn_top1", "setting": "k = 20", "unit": "share"}
    card |= {"published": 0.8379, "ci_low": 0.82, "ci_high": 0.84, "n": 10, "tolerance": 0.01, "source": "Table 2.1"}
    kinds = [
        (0.8312, -0.0067, "match", ""),
        (0.5, -0.3379, "differs", NASTY),
        (float("nan"), float("nan"), "not run", f"no {NASTY}"),
    ]
    rows = [
        card | {"id": f"t{place}", "ours": ours, "difference": difference, "verdict": verdict, "reason": reason}
        for place, (ours, difference, verdict, reason) in enumerate(kinds * 30)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "scorecard.parquet")
    values = [("dino_s8", layer, value) for layer, value in ((1, 0.2), (2, 0.8), (3, 0.8))]
    values += [("dino_s16", 1, -0.25), ("noise", 1, 0.9), ("of_another_run", 1, 0.9)]
    constant = {"study": "made_up", "analysis": "knn", "dataset": "some_val", "facet": "cls", "metric": "knn_top1"}
    constant |= {"unit": "share", "higher_is_better": True, "n": 10}
    scores = make_table(
        [
            {"model": model, "layer": layer, "value": value, "ci_low": value - 0.1, "ci_high": value + 0.1}
            for model, layer, value in values
        ],
        **constant,
    )
    best = {"made_up": list(best_scores(STUDY, scores, MODELS))}

    def write(output=tmp_path / "latex", study=STUDY, **more):
        results = Results(study, FIGURES, tables, CLAIMS)
        scorecards = read_scorecard(tmp_path / "scorecard.parquet")
        write_latex(output, INFO, [results], tmp_path / "figures", best, scorecards, ROOT / "CITATION.cff", **more)
        return output

    return tmp_path, write, best


@pytest.mark.skipif(not LATEX, reason="latexmk is not installed")
def test_the_pdf_of_a_run_with_difficult_names(made):
    _, write, _ = made
    log, pages = compiled(write(shows={"made_up/small": f"This run shows {NASTY}."}))
    assert faults(log) == []
    assert 12 <= pages <= 30
    assert "There were undefined" not in log


def test_parts_refer_to_each_other(made):
    _, write, _ = made
    folder = write(shows={"made_up/small": "DINO is highest."})
    chapter = (folder / "chapters" / "made_up.tex").read_text()
    assert chapter.count(r"\hypertarget{claim-made_up-claim-0}") == 1
    assert r"\hyperlink{claim-made_up-claim-0}{C1} (seen here)" in chapter
    assert r"Here: Figure~\ref{fig:made_up-small}." in chapter
    assert r"\atlasnote{What this run shows.}{DINO is highest.}" in chapter
    assert chapter.count("What this run shows") == 1
    assert "Against ($-$0.387)." in chapter
    assert r"\atlasnote{Nothing to see in this run:}{Title of empty" in chapter
    assert "made_up_empty.pdf" not in chapter
    assert sorted(path.name for path in (folder / "figures").iterdir()) == ["made_up_small.pdf", "made_up_tall_one.pdf"]
    assert "30 not run: no 50" in chapter
    assert r"\newcommand{\atlasstamp}{Demo world" in (folder / "report.tex").read_text()
    run = (folder / "chapters" / "run.tex").read_text()
    assert "0123456789abcdef" * 4 in run
    assert r"\section{Not verified}" in run and r"\section{Left out}" in run


def test_a_tall_figure_is_cut_where_nothing_is_drawn(made):
    folder, _, _ = made
    shown = drawing(folder / "figures" / "made_up" / "tall_one.pdf", "x", 200)
    assert len(shown.pieces) > 1
    assert shown.pieces[0].top == 0 and shown.pieces[-1].bottom == shown.height == 18 * 72
    assert all(one.bottom == two.top for one, two in zip(shown.pieces, shown.pieces[1:], strict=False))
    with Image.open(folder / "figures" / "made_up" / "tall_one.png") as image:
        rows = np.asarray(image.convert("L"))
    for piece in shown.pieces[:-1]:
        assert len(set(rows[int(piece.bottom / shown.height * len(rows))])) == 1
    assert len(drawing(folder / "figures" / "made_up" / "small.pdf", "x", 200).pieces) == 1
    (folder / "broken.pdf").write_text("nothing")
    with pytest.raises(AtlasError, match=r"broken\.pdf"):
        drawing(folder / "broken.pdf", "x", 200)
    with pytest.raises(AtlasError, match="has not been drawn"):
        drawing(folder / "missing.pdf", "x", 200)


def test_headline_numbers(made):
    _, _, best = made
    assert [(one.model.id, one.layer, one.value) for one in best["made_up"]] == [("dino_s8", 2, 0.8), ("dino_s16", 1, -0.25)]
    text = numbers_file(INFO, best, {"made_up": CLAIMS}, {})
    assert r"\newcommand{\AtlasMadeUpKnnDinoSEight}{0.800}" in text
    assert r"\newcommand{\AtlasMadeUpKnnDinoSEightLayer}{2}" in text
    assert r"\newcommand{\AtlasMadeUpKnnDinoSOneSix}{\ensuremath{-}0.250}" in text
    assert r"\newcommand{\AtlasClaimsHold}{4}" in text
    assert "Published" not in text


def test_best_is_lowest_where_less_is_better():
    rows = [{"model": "dino_s8", "layer": layer, "value": value} for layer, value in ((1, 3.0), (2, 1.0), (3, 1.0))]
    constant = {"study": "made_up", "analysis": "knn", "facet": "cls", "metric": "knn_top1", "unit": "px"}
    assert [one.layer for one in best_scores(STUDY, make_table(rows, **constant, higher_is_better=False), MODELS)] == [2]
    assert list(best_scores(STUDY, make_table(rows, **constant), MODELS)) == []


@pytest.mark.parametrize(
    ("source", "url"),
    [
        ({"type": "url", "url": "https://a.org/b.pth"}, "https://a.org/b.pth"),
        ({"type": "hub", "repository": "timm/vit", "file": "f"}, "https://huggingface.co/timm/vit"),
        ({"type": "archives", "files": [{"url": "https://a.org/1"}, {"url": "https://a.org/2"}]}, "https://a.org/1"),
    ],
)
def test_the_bibliography_says_where_things_come_from(source, url):
    data = INFO["datasets"][0] | address(source)
    text = bibliography([STUDY], INFO | {"datasets": [data]}, ROOT / "CITATION.cff")
    assert rf"\url{{{url}}}" in text.split("@misc{data-")[1]
    assert address({"type": "demo"}) == {}


def test_names_that_would_be_one_macro_stay_two(made):
    _, _, best = made
    one = best["made_up"][0]
    twin = replace(one, model=replace(one.model, id="dinoS8"), value=0.1)
    names = [line.split("}")[0] for line in numbers_file(INFO, {"made_up": [one, twin]}, {}, {}).splitlines()[1:]]
    assert len(names) == len(set(names))


def test_it_is_written_again_where_snakemake_took_its_output_away(made):
    folder, write, _ = made
    write(folder / "again")
    (folder / "again" / "report.tex").unlink()
    (folder / "again" / "report.aux").write_text("of LaTeX")
    write(folder / "again")
    assert (folder / "again" / "report.tex").is_file() and not (folder / "again" / "report.aux").exists()


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_the_folder_takes_its_figures_along(made):
    folder, write, _ = made
    (folder / "assets").mkdir()
    for suffix in ("pdf", "png"):
        shutil.copy(folder / f"figures/made_up/small.{suffix}", folder / f"assets/made_up_small.{suffix}")
    report = write()
    before = {path.name for path in (report / "figures").iterdir()}
    assert before == {"made_up_tall_one.pdf"}  # the other lies in the HTML report
    subprocess.run(["make", "-s", "figures"], cwd=report, check=True)
    assert {path.name for path in (report / "figures").iterdir()} == before | {"made_up_small.pdf"}


def test_errors_of_one_line(made, monkeypatch):
    folder, write, _ = made
    (folder / "notes").mkdir()
    (folder / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(AtlasError, match="name an empty folder"):
        write(folder / "notes")
    more = replace(STUDY, summary=Summary(("knn",), (SummaryTable("unmade", "Unmade"),)))
    with pytest.raises(AtlasError, match=r"unmade\.tex.*made_up_summary"):
        write(study=more)
    assert not (folder / "latex").exists()
    (folder / "scorecard.parquet").write_bytes(b"nothing")
    with pytest.raises(AtlasError, match="scorecard"):
        read_scorecard(folder / "scorecard.parquet")
    monkeypatch.setattr(shutil, "which", lambda name: None)
    source = folder / "sources"
    source.mkdir()
    with pytest.raises(AtlasError, match="write_latex"):
        pdf.make_pdf(source, folder / "report.pdf")
    (source / "report.tex").write_text("")
    with pytest.raises(AtlasError, match=r"apt-get install .*latexmk"):
        pdf.make_pdf(source, folder / "report.pdf")


@pytest.mark.skipif(not LATEX, reason="latexmk is not installed")
def test_what_latex_stops_at_is_said(tmp_path):
    (tmp_path / "report.tex").write_text(r"\documentclass{article}\begin{document}\nonsense\end{document}")
    with pytest.raises(AtlasError, match=r"latexmk stopped: Undefined control sequence"):
        pdf.make_pdf(tmp_path, tmp_path / "report.pdf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.tex"]
    (tmp_path / "report.tex").write_text(r"\documentclass{article}\begin{document}some\end{document}")
    pdf.make_pdf(tmp_path, tmp_path / "report.pdf", tmp_path / "latex.log")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    assert json.dumps("Output written on report.pdf")[1:-1] in (tmp_path / "latex.log").read_text()
