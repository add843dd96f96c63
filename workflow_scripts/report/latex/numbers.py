r"""Headline numbers as macros, ``numbers.tex``: a text that names them changes with the run.

A score's name holds study, score and model; ``Layer``, ``Low`` and ``High`` behind it are its layer and its interval. A score
that was measured on several datasets also holds the dataset.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from workflow_scripts.report.best_scores import Best
from workflow_scripts.report.claims import MARKS, Claims
from workflow_scripts.report.latex.scorecard import VERDICTS, Scorecard
from workflow_scripts.report.latex.text import escape_latex, macro_name
from workflow_scripts.report.run_info import short_commit

PREFIX = "Atlas"
_CLAIMS = dict(zip(MARKS, ("hold", "do not hold", "untested"), strict=True))
_DECIMALS = {"count": 0, "percent": 1, "%": 1}

Macro = tuple[str, str, str]  # name, what it prints, what it is


def numbers_file(
    info: Mapping[str, Any],
    best: Mapping[str, Sequence[Best]],
    claims: Mapping[str, Claims],
    scorecards: Mapping[str, Scorecard],
) -> str:
    """Return the file: facts of the run, counts of claims and published numbers, and each study's best scores."""
    macros = [*_run(info), *_counts(claims), *_published(scorecards)]
    for study, scores in best.items():
        macros += _scores(study, scores)
    for study, card in scorecards.items():
        macros += _ours(study, card)
    named: dict[str, str] = {}
    lines = ["% Numbers of one run as macros. Written by the workflow: a change here is lost with the next run."]
    for name, text, meaning in macros:
        while name in named:  # ids that differ only in signs
            name += "X"
        named[name] = text
        lines.append(rf"\newcommand{{{name}}}{{{text}}} % {escape_latex(meaning)}")
    return "\n".join([*lines, ""])


def count_macro(study: str, what: str) -> str:
    r"""Return the macro of a count, of a study or, named "", of all."""
    return macro_name(PREFIX, study, what)


def printed(value: float, unit: str) -> str:
    """Return a number as numbers.tex prints it: a share with three decimals, per cent with one, a count with none."""
    return f"{value:.{_DECIMALS.get(unit, 3)}f}".replace("-", r"\ensuremath{-}")


def _run(info: Mapping[str, Any]) -> Iterator[Macro]:
    yield macro_name(PREFIX, "commit"), escape_latex(short_commit(info.get("commit"))), "commit of the code"
    yield macro_name(PREFIX, "models"), str(len(info["models"])), "models of the run"
    yield macro_name(PREFIX, "datasets"), str(len(info["datasets"])), "datasets of the run"
    yield macro_name(PREFIX, "seed"), str(info.get("seed", "")), "seed"


def _counts(claims: Mapping[str, Claims]) -> Iterator[Macro]:
    total: Counter[str] = Counter()
    for study, judged in claims.items():
        count = Counter(claim.outcome for claim in judged.claims)
        total += count
        yield from _count(study, count)
    yield from _count("", total)


def _count(study: str, count: Counter[str]) -> Iterator[Macro]:
    yield count_macro(study, "claims"), str(count.total()), f"claims{_of(study)}"
    for outcome, word in _CLAIMS.items():
        yield count_macro(study, f"claims {word}"), str(count[outcome]), f"claims{_of(study)}: {outcome}"


def _published(scorecards: Mapping[str, Scorecard]) -> Iterator[Macro]:
    if not scorecards:
        return
    total: Counter[str] = Counter()
    for study, card in scorecards.items():
        total.update(card.counts)
        yield from _verdicts(study, card.counts)
    yield from _verdicts("", total)


def _verdicts(study: str, counts: Mapping[str, int]) -> Iterator[Macro]:
    yield count_macro(study, "published"), str(sum(counts.values())), f"published numbers{_of(study)}"
    for verdict in VERDICTS:
        yield (
            count_macro(study, f"published {verdict}"),
            str(counts.get(verdict, 0)),
            f"published numbers{_of(study)}: {verdict}",
        )


def _scores(study: str, scores: Sequence[Best]) -> Iterator[Macro]:
    datasets: dict[str, set[str]] = {}
    for best in scores:
        datasets.setdefault(best.score.name, set()).add(best.dataset)
    for best in scores:
        of = [best.dataset] if len(datasets[best.score.name]) > 1 else []
        name = macro_name(PREFIX, study, best.score.name, *of, best.model.id)
        what = f"{best.score.title or best.score.name}, {best.model.display_name}, {best.dataset}, {best.unit}"
        yield name, printed(best.value, best.unit), what
        yield f"{name}Layer", str(best.layer), "its layer"
        for end, value in zip(("Low", "High"), best.interval or (), strict=False):
            yield f"{name}{end}", printed(value, best.unit), f"{end.lower()} end of its interval"


def _ours(study: str, card: Scorecard) -> Iterable[Macro]:
    for row in card.compared:
        name = macro_name(PREFIX, study, "ours", str(row["id"]))
        yield name, printed(row["ours"], row["unit"]), f"beside {row['published']} of {row['table']}: {row['verdict']}"


def _of(study: str) -> str:
    return f" of {study}" if study else ""
