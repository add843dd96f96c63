"""What was run, as a chapter of the LaTeX report: models, data, licences, checksums, commit, and what is not verified."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workflow_scripts.report.fragments import MISSING, Cell, Column, Fragment
from workflow_scripts.report.latex.bibliography import dataset_key, method_key, software_key
from workflow_scripts.report.latex.tables import continued_head, to_latex
from workflow_scripts.report.latex.text import escape_latex
from workflow_scripts.report.run_info import duration, moment, short_commit

_TEXT = r">{{\raggedright\arraybackslash}}p{{{:g}\linewidth}}"


def facts(info: Mapping[str, Any]) -> list[str]:
    """Return what was run as a description list of a few lines."""
    said = {
        "Models": ", ".join(model["display_name"] for model in info["models"]),
        "Data": "; ".join(item.get("display_name", item["id"]) for item in info["datasets"]),
        "Code": f"commit {short_commit(info.get('commit'))}",
        "Command": info.get("command", "not recorded"),
        "Seed, device, precision": ", ".join(str(info.get(key, "not recorded")) for key in ("seed", "device", "precision")),
        "Finished": f"{moment(info.get('finished'))}; all jobs together {duration(info.get('seconds'))}",
    }
    items = [rf"\item[{key}] {escape_latex(value)}" for key, value in said.items()]
    return [r"\begin{description}[style=sameline, leftmargin=7em]", *items, r"\end{description}"]


def run_file(info: Mapping[str, Any]) -> str:
    """Return the source of the chapter."""
    lines = [r"\chapter{What was run}", r"\label{cha:run}", *facts(info), to_latex(_models(info)), *_digests(info)]
    lines += [*_methods(info), *_data(info), *_versions(info)]
    lines += _listed("Left out", info.get("left_out", []))
    unverified = [
        f"{item.get('display_name', item['id'])}: {sentence}"
        for item in (*info["models"], *info["datasets"])
        for sentence in item.get("unverified", [])
    ]
    lines += _listed("Not verified", unverified)
    skipped = [f"{item['id']}: {path}" for item in info["datasets"] for path in item.get("skipped", [])]
    lines += _listed("Images that could not be read", skipped)
    return "\n".join([*lines, ""])


def _models(info: Mapping[str, Any]) -> Fragment:
    texts = {"display_name": "Model", "id": "Id", "supervision": "Supervision", "architecture": "Architecture"}
    numbers = {"layers": "Layers", "heads": "Heads", "dim": "Width"}
    columns = [*map(Column, texts.values()), *(Column(name, number=True) for name in numbers.values())]
    columns += [Column("Patch"), Column("Licence", width=0.2)]
    rows = tuple(
        tuple(
            Cell(_said(model.get(key)), dot=model["supervision"] if key == "display_name" else "")
            for key in (*texts, *numbers, "patch", "licence")
        )
        for model in info["models"]
    )
    return Fragment("models-of-the-run", "The models of this run.", tuple(columns), rows)


def _digests(info: Mapping[str, Any]) -> list[str]:
    rows = [
        rf"{escape_latex(model['display_name'])}\par\scriptsize {escape_latex(_said(model.get('preprocessing')))}"
        rf" & \atlasdigest{{{escape_latex(model.get('weights_sha256') or 'no weights')}}} \\"
        for model in info["models"]
    ]
    head = r"Model, and how its images were prepared & SHA-256 of the weights \\"
    return _table("digests", "Weights of the models.", (0.35, 0.6), head, rows)


def _methods(info: Mapping[str, Any]) -> Iterator[str]:
    methods = dict.fromkeys(model["method"] for model in info["models"] if model.get("method"))
    if methods:
        cited = ", ".join(rf"{escape_latex(method)}~\cite{{{method_key(method)}}}" for method in methods)
        yield rf"Training methods: {cited}."


def _data(info: Mapping[str, Any]) -> list[str]:
    rows = []
    for item in info["datasets"]:
        notes = "".join(rf"\par\scriptsize {escape_latex(note)}" for note in item.get("notes", []))
        name = rf"{escape_latex(item.get('display_name', item['id']))}~\cite{{{dataset_key(item['id'])}}}{notes}"
        cells = [
            name,
            rf"{escape_latex(item['id'])}",
            rf"\num{{{item['images']}}}",
            escape_latex(item.get("licence", "not recorded")),
        ]
        rows.append(" & ".join(cells) + r" \\")
    head = r"Data & Id & Samples & Licence \\"
    return _table("data", "The data of this run, and how many samples of it were used.", (0.38, 0.22, 0.1, 0.23), head, rows)


def _versions(info: Mapping[str, Any]) -> Iterator[str]:
    versions = info.get("versions") or {}
    if versions:
        said = (
            rf"{escape_latex(name)} {escape_latex(version)}~\cite{{{software_key(name)}}}" for name, version in versions.items()
        )
        yield rf"Software: {', '.join(said)}."


def _table(label: str, caption: str, widths: Iterable[float], head: str, rows: Iterable[str]) -> list[str]:
    return [
        r"{\small\setlength{\tabcolsep}{4pt}",
        rf"\begin{{longtable}}{{@{{}}{''.join(map(_TEXT.format, widths))}@{{}}}}",
        rf"\caption{{{caption}}}",
        rf"\label{{tab:{label}}} \\",
        *continued_head(head),
        *rows,
        r"\end{longtable}}",
        "",
    ]


def _listed(title: str, sentences: Iterable[str]) -> list[str]:
    slash = r"/\allowbreak{}"  # the path of an image may be longer than a line
    items = [rf"\item {escape_latex(sentence).replace('/', slash)}" for sentence in sentences]
    return [rf"\section{{{title}}}", r"\begin{itemize}", *items, r"\end{itemize}"] if items else []


def _said(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return "x".join(map(str, value))
    return MISSING if value in (None, "") else str(value)
