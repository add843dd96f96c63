"""Every study is a room of its own: it keeps to what its description says, and nothing outside knows its name."""

import ast
import importlib
import inspect
import re
import subprocess
import sys

import pytest

from workflow_scripts.studies.found import FOLDER, ROOT, find_study, study_names

# Studies whose names are words of English that prose may have; of all others the bare word is looked for as well.
WORDS = {"local", "registers", "segmentation", "thesis", "tokens"}
FORMATS = ROOT / "workflow_scripts/data"  # datasets have words of their own: COCO calls its masks by one of `WORDS`
STUDIES = [find_study(name) for name in study_names()]
ANALYSES = [analysis for study in STUDIES for analysis in study.analyses.values()]
HEAVY = ("numpy", "pandas", "PIL", "matplotlib", "torch")


# What modules of analyses use


def used(source, of):
    """Return the constant names that `source` looks up in one of the mappings called `of`."""
    return {
        node.slice.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in of
        if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str)
    }


def gathered(source):
    """Return the constant names of collectors whose statistics `source` reads."""
    return {
        node.args[0].value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("state", "rows")
        if node.args and isinstance(node.args[0], ast.Constant)
    }


def source_of(analysis):
    return (FOLDER / analysis.study / f"{analysis.name}.py").read_text(encoding="utf-8")


def test_what_is_used_is_seen():
    source = 'a = passes["images"].state("mask_iou")\nb = {m: asked["bank"] for m in passes}\nc = passes[name], other["x"]'
    assert used(source, ("passes", "asked")) == {"images", "bank"}
    assert gathered(source) == {"mask_iou"}


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda analysis: analysis.key)
def test_the_passes_that_a_module_reads_are_asks_of_its_description(analysis):
    assert used(source_of(analysis), ("passes", "asked")) <= set(analysis.asks)


def test_modules_do_read_passes_by_name():
    """Or the test above would hold nothing."""
    assert any(used(source_of(analysis), ("passes",)) for analysis in ANALYSES)
    assert any(used(source_of(analysis), ("asked",)) for analysis in ANALYSES if analysis.over_models)


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda analysis: analysis.key)
def test_the_settings_that_a_module_reads_are_described(analysis):
    assert used(source_of(analysis), ("settings",)) <= set(analysis.settings)


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda analysis: analysis.key)
def test_the_collectors_that_a_module_reads_are_gathered(analysis):
    assert gathered(source_of(analysis)) <= {name for ask in analysis.asks.values() for name in ask.gather}


@pytest.mark.parametrize("analysis", ANALYSES, ids=lambda analysis: analysis.key)
def test_every_analysis_has_what_its_command_calls(analysis):
    module = importlib.import_module(f"workflow_scripts.{analysis.module}")
    given = [*(["device"] if analysis.on_device else []), *(["model"] if analysis.decodes else [])]
    assert list(inspect.signature(module.rows).parameters) == ["passes", "settings", "seed", *given]
    assert hasattr(module, "maps") == analysis.maps


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_every_figure_has_a_module_or_a_drawing_and_no_module_is_left_over(study):
    there = {path.stem for path in (FOLDER / study.name / "figures").glob("*.py")} - {"__init__"}
    assert there == {figure.name for figure in study.figures if figure.module}


# What planning imports


def test_planning_imports_nothing_heavy():
    code = f"import sys, workflow_scripts.studies.targets; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# Who knows a study


def spelled(text, study):
    """Return where `text` names a study, as pieces of it."""
    name = re.escape(study.name)
    keys = [*study.settings, *study.analyses, *(key for one in study.analyses.values() for key in one.settings)]
    patterns = [
        rf"studies[./]{name}\b",
        rf"[\"']{name}[\"']",  # quoted, also as a key
        rf"(?<![A-Za-z0-9_]){name}/",
        rf"(?<![A-Za-z0-9_]){name}\.(?:{'|'.join(map(re.escape, keys))})\b",
        *([] if study.name in WORDS else [rf"(?<![A-Za-z0-9_]){name}(?![A-Za-z0-9_])"]),
    ]
    return [match.group() for pattern in patterns for match in re.finditer(pattern, text)]


def shared_files():
    """Return the files of the workflow that belong to no study."""
    rooms = [FOLDER / name for name in study_names()]
    files = [ROOT / "Snakefile", *(path for folder in ("workflow_scripts", "rules") for path in (ROOT / folder).rglob("*"))]
    return [
        path
        for path in files
        if path.is_file() and "__pycache__" not in path.parts and not any(path.is_relative_to(room) for room in rooms)
    ]


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
@pytest.mark.parametrize(
    "text",
    [
        "import workflow_scripts.studies.{0}.knn",
        "workflow_scripts/studies/{0}",
        'x["{0}"]',
        "'{0}'",
        "tables/{0}/knn",
        "{0}.{1}",
    ],
)
def test_a_name_that_is_spelled_is_seen(text, study):
    assert spelled(text.format(study.name, next(iter(study.analyses))), study)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_what_is_no_name_is_not_seen(study):
    for text in (f"syn{study.name}/x", f"my_{study.name}.dataset", f"{study.name}_like"):
        assert not spelled(text, study)


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_no_file_of_all_studies_spells_the_name_of_one(study):
    found = {}
    for path in shared_files():
        if study.name in WORDS and path.is_relative_to(FORMATS):
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:  # pictures and fonts
            continue
        if pieces := spelled(text, study):
            found[path.relative_to(ROOT).as_posix()] = pieces
    assert found == {}


def test_the_files_that_are_searched_are_the_workflow_s():
    files = {path.relative_to(ROOT).as_posix() for path in shared_files()}
    assert {"Snakefile", "rules/studies.smk", "workflow_scripts/tabulate.py", "workflow_scripts/studies/targets.py"} <= files
    assert not [file for file in files if any(f"/studies/{name}/" in file for name in study_names())]
