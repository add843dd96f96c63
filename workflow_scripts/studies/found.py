"""Finding the studies by their folders, and reading their descriptions into the nouns of `common.study`.

A study is a folder with a ``study.yaml``. Figures may stand in a ``figures.yaml`` beside it and claims in a
``published.yaml``; a small study says all in one file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from workflow_scripts.common.config import check, locate_near
from workflow_scripts.common.errors import AtlasError, nearest
from workflow_scripts.common.study import (
    IMAGES,
    Analysis,
    Ask,
    Count,
    Figure,
    FitAsk,
    Score,
    Setting,
    Study,
    Summary,
    SummaryTable,
    fits_of,
    settings_of,
)
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.data.alterations import ALTERATIONS
from workflow_scripts.onepass.names import COLLECTORS, FITS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).resolve().parent
SCHEMA = ROOT / "config" / "schemas" / "study.schema.yaml"
VIEW_GEOMETRIES = {"crop", "tiles", "letterbox", "squash", "cut", "area", "padded"}
_OF_EACH = {"area", "padded", *ALTERATIONS}  # what a view may be of each of several numbers
_SCHEMA_WORDS = ("minimum", "exclusiveMinimum", "maximum", "contains", "enum")
# Which keys go together, only `studies.settings` says: files laid over each other unite theirs, and null takes one away again.
_SIZE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        key: {"type": ["integer", "null"], "minimum": 1, "maximum": most}
        for key, most in {"resize": 16384, "crop": 16384, "patches": 1024}.items()
    }
    | {"trained": {"type": ["boolean", "null"], "enum": [True, None]}},  # the size that each model was trained at
}
_MODELS = {"type": ["array", "null"], "minItems": 1, "uniqueItems": True, "items": {"type": "string"}}
_PLACES = {
    "type": "array",
    "minItems": 1,
    "uniqueItems": True,
    "items": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "number", "minimum": 0, "maximum": 1}},
}
_SHAPE = {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer", "minimum": 1, "maximum": 16384}}
_NAMED = {"shape": _SHAPE, "size": _SIZE, "models": _MODELS, "places": _PLACES}
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}


def study_names() -> list[str]:
    """Return the names of all studies: the folders that describe one, sorted."""
    return sorted(path.parent.name for path in FOLDER.glob("*/study.yaml"))


@cache
def find_study(name: str) -> Study:
    """Return the study called `name`.

    Raises:
        AtlasError: there is none, or its description is at fault; the message names file, line and key.
    """
    if name not in study_names():
        raise AtlasError(f"no study '{name}' (known: {', '.join(study_names())}){nearest(name, study_names())}")
    files = [FOLDER / name / file for file in ("study.yaml", "figures.yaml", "published.yaml")]
    described = _read(files[0])
    if files[1].exists():
        described |= _read(files[1], part=True)
    claims = next((file for file in (files[2], files[0]) if file.exists() and "claims" in read_yaml(file)), None)
    analyses = {key: _analysis(name, key, value) for key, value in described["analyses"].items()}
    study = Study(
        name=name,
        title=described["title"],
        reference=described["reference"],
        settings=_settings(described.get("settings", {})),
        views=described["views"],
        analyses=analyses,
        fits={key: FitAsk(name=key, **value) for key, value in described.get("fits", {}).items()},
        scores={key: _score(key, value, analyses) for key, value in described.get("scores", {}).items()},
        figures=tuple(_figure(name, figure) for figure in described.get("figures", [])),
        summary=_summary(described.get("summary")),
        claims=_relative(claims) if claims else "",
        files=tuple(_relative(file) for file in files[:2] if file.exists()),
    )
    problems = list(_problems(study, [str(file) for file in files[:2] if file.exists()]))
    if problems:
        raise AtlasError("\n".join(problems))
    return study


def claim_modules(study: str) -> list[str]:
    """Return the modules below the package that hold a study's claims: ``claims.py``, or all of the folder ``claims``."""
    folder = [path.stem for path in sorted((FOLDER / study / "claims").glob("*.py"))]
    return [f"studies.{study}.claims.{name}" for name in folder if name != "__init__"] or [f"studies.{study}.claims"]


def _read(path: Path, part: bool = False) -> dict[str, Any]:
    content = read_yaml(path)
    schema = read_yaml(SCHEMA)
    if part:
        schema = schema | {"required": ["figures"]}
    problems = check(content, schema, [path])
    if problems:
        raise AtlasError("\n".join(problems))
    return content


def _relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _settings(described: Mapping[str, Mapping[str, Any]]) -> dict[str, Setting]:
    return {
        name: Setting(name, value["default"], _setting_schema(value), value.get("truth", ""), value["meaning"])
        for name, value in described.items()
    }


def _setting_schema(described: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON schema of a setting's values; its type is that of the default unless it says another."""
    kind = described.get("type") or _TYPES[type(described["default"])]
    if kind in _NAMED:
        schema = dict(_NAMED[kind])
        return schema | ({"type": [schema["type"], "null"]} if kind == "shape" and described.get("nullable") else {})
    words = {word: described[word] for word in _SCHEMA_WORDS if word in described}
    if kind == "array":
        items = {"type": _TYPES[type(described["default"][0])]}
        contains = words.pop("contains", None)
        schema = {"type": "array", "minItems": 1, "uniqueItems": True, "items": items | words}
        return schema | ({} if contains is None else {"contains": {"const": contains}})
    # A dataset may be null: what needs it is then left out.
    null = described.get("nullable") or described.get("truth")
    return {"type": [kind, "null"] if null else kind, **words}


def _analysis(study: str, name: str, described: Mapping[str, Any]) -> Analysis:
    return Analysis(
        study=study,
        name=name,
        title=described["title"],
        settings=_settings(described.get("settings", {})),
        asks={key: _ask(key, value) for key, value in described["asks"].items()},
        over_models=described.get("over") == "models",
        maps=described.get("maps", False),
        fits=tuple(described.get("fits", ())),
        needs={"memory_mb": 4000, "minutes": 60} | described.get("needs", {}),
        models=described.get("models", ""),
        counts={key: Count(one["n_of"], one.get("over", one["n_of"])) for key, one in described.get("counts", {}).items()},
    )


def _ask(name: str, described: Mapping[str, Any]) -> Ask:
    words = {"if": "condition"}
    values = {words.get(key, key): value for key, value in described.items()}
    return Ask(name=name, **values | {"files": tuple(described.get("files", ()))})


def _score(name: str, described: Mapping[str, Any], analyses: Mapping[str, Analysis]) -> Score:
    values = {"condition" if key == "if" else key: value for key, value in described.items()}
    analysis = analyses.get(described["analysis"])
    count = analysis.count(described["metric"], described["facet"]) if analysis else None
    return Score(name=name, **values | ({"n_of": count.n_of, "over": count.over} if count else {}))


def _figure(study: str, described: Mapping[str, Any]) -> Figure:
    def prose(key: str) -> str:
        text = described.get(key, "")
        return text if isinstance(text, str) else " ".join(text)

    draw = described.get("draw", {})
    return Figure(
        study=study,
        name=described["name"],
        number=described.get("number", ""),
        section=described["section"],
        title=described["title"],
        caption=prose("caption"),
        found=prose("found"),
        **{kind: tuple(described.get(kind, ())) for kind in ("tables", "maps", "pairs")},
        condition=described.get("if", ""),
        main=described.get("models") == "main",
        draw=draw,
        scores=tuple(dict.fromkeys(_drawn_scores(draw) or described.get("scores", ()))),
    )


def _drawn_scores(draw: Mapping[str, Any]) -> list[str]:
    """Return the names of the scores in a drawing: each place shows one, or the first measured of a list."""
    places = [cell for row in draw.get("panels", ()) for cell in row]
    places += [draw["by_supervision"]] if "by_supervision" in draw else []
    return [name for place in places for name in ([place] if isinstance(place, str) else place)]


def _summary(described: Mapping[str, Any] | None) -> Summary | None:
    if described is None:
        return None
    tables = tuple(SummaryTable(**table) for table in described["tables"])
    return Summary(tuple(described["reads"]), tables, described.get("published", False))


def _problems(study: Study, files: list[str]) -> Iterable[str]:
    """Yield what a description refers to and does not have."""

    def unknown(key: tuple[str | int, ...], kind: str, name: str, known: Iterable[str]) -> Iterable[str]:
        known = list(known)
        if name not in known:
            where = ".".join(str(part) for part in key)
            yield f"{locate_near(files, key)}: {where}: no {kind} '{name}' (known: {', '.join(known)}){nearest(name, known)}"

    of_analyses = [f"{name}.{setting}" for name, analysis in study.analyses.items() for setting in analysis.settings]
    for name, view in study.views.items():
        if len(VIEW_GEOMETRIES & view.keys()) != 1:
            expected = ", ".join(sorted(VIEW_GEOMETRIES))
            yield f"{locate_near(files, ('views', name))}: views.{name}: expected one of the keys {expected}"
        if len(ALTERATIONS.keys() & view.keys()) > 1:
            words = ", ".join(ALTERATIONS)
            yield f"{locate_near(files, ('views', name))}: views.{name}: expected at most one of the keys {words}"
        if ("cut" in view) != ("tile" in view):
            yield f"{locate_near(files, ('views', name))}: views.{name}: cut and tile go together; give both or none"
        if "scaled" in view and "padded" not in view:
            yield f"{locate_near(files, ('views', name, 'scaled'))}: views.{name}.scaled: goes with padded; give that as well"
        for word, setting in view.items():
            if isinstance(setting, str) and not (word in _OF_EACH and setting == "each"):
                yield from unknown(("views", name, word), "setting", setting, [*study.settings, *of_analyses])
    for name, analysis in study.analyses.items():
        datasets = [setting.name for setting in analysis.settings.values() if setting.truth]
        for ask in analysis.asks.values():
            key = ("analyses", name, "asks", ask.name)
            yield from unknown((*key, "dataset"), "dataset setting", ask.dataset, datasets)
            yield from unknown((*key, "view"), "view", ask.view, study.views)
            for collector, options in ask.gather.items():
                yield from unknown((*key, "gather"), "collector", collector, COLLECTORS)
                for fit in fits_of(options):
                    yield from unknown((*key, "gather", collector), "fit", fit, study.fits)
                for setting in settings_of(options):
                    yield from unknown((*key, "gather"), "setting", setting, analysis.settings)
            for word, setting in (("if", ask.condition), ("each", ask.each)):
                if setting:
                    yield from unknown((*key, word), "setting", setting, analysis.settings)
        for fit in analysis.fits:
            yield from unknown(("analyses", name, "fits"), "fit", fit, study.fits)
        if analysis.decodes and (analysis.over_models or not analysis.models):
            where = f"{locate_near(files, ('analyses', name, 'needs'))}: analyses.{name}.needs.decoder"
            yield f"{where}: is for an analysis of single models, some of which it leaves out; give it 'models', not 'over'"
        if analysis.models:
            lists = [setting.name for setting in analysis.settings.values() if setting.schema == _MODELS]
            yield from unknown(("analyses", name, "models"), "setting of type models", analysis.models, lists)
    for name, fit in study.fits.items():
        analysis, setting = fit.dataset.split(".")
        yield from unknown(("fits", name, "dataset"), "analysis", analysis, study.analyses)
        if analysis in study.analyses:
            own = study.analyses[analysis].settings
            yield from unknown(("fits", name, "dataset"), "setting", setting, own)
            for read in (read for options in fit.fit.values() for read in settings_of(options)):
                yield from unknown(("fits", name, "fit"), "setting", read, of_analyses if "." in read else own)
        yield from unknown(("fits", name, "view"), "view", fit.view, study.views)
        yield from unknown(("fits", name, "fit"), "fit", next(iter(fit.fit)), FITS)
    per_model = [name for name, analysis in study.analyses.items() if not analysis.over_models]
    mapped = [name for name, analysis in study.analyses.items() if analysis.maps]
    paired = [name for name, analysis in study.analyses.items() if analysis.over_models]
    for place, figure in enumerate(study.figures):
        for kind, known in (("tables", per_model), ("maps", mapped), ("pairs", paired)):
            for analysis in getattr(figure, kind):
                yield from unknown(("figures", place, kind), f"analysis with {kind}", analysis, known)
        if figure.condition:
            yield from unknown(("figures", place, "if"), "setting", figure.condition, of_analyses)
        for score in figure.scores:
            yield from unknown(("figures", place, "draw" if figure.draw else "scores"), "score", score, study.scores)
    for name, score in study.scores.items():
        yield from unknown(("scores", name, "analysis"), "analysis", score.analysis, study.analyses)
        if score.condition:
            yield from unknown(("scores", name, "if"), "setting", score.condition, of_analyses)
    for name in study.summary.reads if study.summary else ():
        yield from unknown(("summary", "reads"), "analysis", name, per_model)


def names_models(setting: Setting) -> bool:
    """Return whether a setting's values are ids of models."""
    return setting.schema == _MODELS


def truth_of(setting: Setting) -> str | None:
    """Return the ground truth that a dataset setting wants beyond images, None if it wants none."""
    return None if setting.truth in ("", IMAGES) else setting.truth
