"""Descriptions of studies: what they say is read, what they get wrong is named with its place."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.data.alterations import ALTERATIONS
from workflow_scripts.studies import found
from workflow_scripts.studies.found import FOLDER, ROOT, SCHEMA, VIEW_GEOMETRIES, claim_modules, find_study, study_names

SMALL = """
title: Where the large norms are
reference: { short: a test }
views: { whole: { crop: size } }
settings:
  size: { default: { resize: 64, crop: 64 }, type: size, meaning: of images }
scores:
  norm: { analysis: norms, metric: skip_branch_ratio, facet: attention, setting: all }
analyses:
  norms:
    title: Norms
    settings:
      dataset: { default: demo_val, truth: images, meaning: images }
    asks:
      images: { dataset: dataset, view: whole, gather: { residual_ratio: {} } }
figures:
  - { name: by_layer, section: Norms, title: Norms, caption: A ratio., tables: [norms], draw: { panels: [[norm]] } }
"""


@pytest.fixture
def described(tmp_path, monkeypatch):
    """Describe a study of that name in a folder of its own; return it."""
    monkeypatch.setattr(found, "FOLDER", tmp_path)
    monkeypatch.setattr(found, "ROOT", tmp_path)
    find_study.cache_clear()

    def describe(text, **files):
        (tmp_path / "norms").mkdir(exist_ok=True)
        (tmp_path / "norms" / "study.yaml").write_text(text)
        for name, content in files.items():
            (tmp_path / "norms" / f"{name}.yaml").write_text(content)
        find_study.cache_clear()
        return find_study("norms")

    yield describe
    find_study.cache_clear()


def test_a_small_study_says_all_in_one_file(described):
    study = described(SMALL)
    assert study_names() == ["norms"]
    assert study.figure("by_layer").scores == ("norm",)
    assert study.figure("by_layer").module == ""
    assert study.analyses["norms"].module == "studies.norms.norms"
    assert (study.summary, study.claims, study.files) == (None, "", ("norms/study.yaml",))
    assert described(SMALL + "claims: [{ id: rises }]\n").claims == "norms/study.yaml"


def test_figures_and_claims_may_have_files_of_their_own(described):
    text, figures = SMALL.split("figures:\n")
    study = described(text, figures="figures:\n" + figures, published="claims: [{ id: rises }]\n")
    assert [figure.name for figure in study.figures] == ["by_layer"]
    assert study.claims == "norms/published.yaml"
    assert study.files == ("norms/study.yaml", "norms/figures.yaml")


MISTAKES = {
    "collector": ("residual_ratio: {}", "residual_ratoi: {}", r"no collector 'residual_ratoi' .*did you mean 'residual_ratio'"),
    "view": ("view: whole", "view: whol", r"asks\.images\.view: no view 'whol' \(known: whole\); did you mean 'whole'"),
    "dataset": ("dataset: dataset,", "dataset: datset,", r"dataset: no dataset setting 'datset' .*did you mean 'dataset'"),
    "condition": ("gather: {", "if: dense, gather: {", r"asks\.images\.if: no setting 'dense' \(known: dataset\)"),
    "each": ("gather: {", "each: levels, gather: {", r"asks\.images\.each: no setting 'levels'"),
    "score": ("[[norm]]", "[[nrom]]", r"figures\.0\.draw: no score 'nrom' \(known: norm\); did you mean 'norm'"),
    "table": ("tables: [norms]", "tables: [norm]", r"figures\.0\.tables: no analysis with tables 'norm' .*'norms'"),
    "maps": ("tables: [norms]", "maps: [norms]", r"figures\.0\.maps: no analysis with maps 'norms'"),
    "analysis": ("analysis: norms,", "analysis: normes,", r"scores\.norm\.analysis: no analysis 'normes'"),
    "word": ("view: whole", "veiw: whole", r"study\.yaml:15: analyses\.norms\.asks\.images\.veiw: unknown key .*'view'"),
    "missing": ("    title: Norms\n", "", r"study\.yaml:\d+: analyses\.norms: key 'title' is missing"),
    "size of a view": ("crop: size", "crop: sise", r"views\.whole\.crop: no setting 'sise' .*did you mean 'size'"),
    "blur of a view": ("crop: size", "crop: size, blur: leves", r"views\.whole\.blur: no setting 'leves'"),
    "band of a view": ("crop: size", "crop: size, band: leves", r"views\.whole\.band: no setting 'leves'"),
    "two alterations": ("crop: size", "crop: size, blur: size, scale: size", r"views\.whole: expected at most one of .*blur"),
    "no geometry": ("crop: size", "blur: size", r"views\.whole: expected one of the keys area, crop, cut, letterbox, .*"),
    "two geometries": ("crop: size", "crop: size, squash: size", r"views\.whole: expected one of the keys area"),
    "a cut without tiles": ("crop: size", "cut: size", r"views\.whole: cut and tile go together; give both or none"),
    "scaled alone": ("crop: size", "crop: size, scaled: true", r"views\.whole\.scaled: goes with padded; give that as well"),
    "scaled by a number": ("crop: size", "padded: size, scaled: 2", r"views\.whole\.scaled: True was expected"),
    "decoder of all": (
        "    title: Norms\n",
        "    title: Norms\n    needs: { decoder: true }\n",
        r"norms\.needs\.decoder: .*'models'",
    ),
    "option": ("ratio: {}", "ratio: { k: { setting: kk } }", r"asks\.images\.gather: no setting 'kk' \(known: dataset\)"),
    "figure's if": ("draw: {", "if: norms.dense, draw: {", r"figures\.0\.if: no setting 'norms.dense'"),
    "kind of file": ("gather: {", "files: [croops], gather: {", r"files\.0: found 'croops', allowed: crops"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_a_description_gets_wrong_is_named(mistake, described):
    right, wrong, expected = MISTAKES[mistake]
    assert right in SMALL
    with pytest.raises(AtlasError, match=expected) as caught:
        described(SMALL.replace(right, wrong, 1))
    assert re.match(r".*norms/study\.yaml:\d+: ", str(caught.value))


def test_an_unknown_study_suggests_the_nearest():
    with pytest.raises(AtlasError, match=r"no study 'thesiss' .*did you mean 'thesis'"):
        find_study("thesiss")
    with pytest.raises(AtlasError, match="no figure 'thesis/overvew'; did you mean 'thesis/overview'"):
        find_study("thesis").figure("overvew")


# What holds for every study there is


@pytest.mark.parametrize("name", study_names())
def test_defaults_are_values_that_the_settings_allow(name):
    from jsonschema import Draft202012Validator

    study = find_study(name)
    for settings in (study.settings, *(analysis.settings for analysis in study.analyses.values())):
        for setting in settings.values():
            assert not [error.message for error in Draft202012Validator(setting.schema).iter_errors(setting.default)]


@pytest.mark.parametrize("name", study_names())
def test_every_module_that_a_description_names_is_there_and_no_other(name):
    study = find_study(name)
    path = ROOT / "workflow_scripts"
    for analysis in study.analyses.values():
        assert (path / f"{analysis.module.replace('.', '/')}.py").is_file()
    figures = {figure.name for figure in study.figures if figure.module}
    folder = FOLDER / name / "figures"
    assert figures == {file.stem for file in folder.glob("*.py")} - {"__init__"}
    assert all((path / f"{module.replace('.', '/')}.py").is_file() for module in claim_modules(name) if study.claims)


@pytest.mark.parametrize("name", study_names())
def test_analyses_read_the_passes_that_they_ask_for(name):
    """Names in ``passes["..."]`` are asks; what is asked for is read, or its ask is looked for by a computed name."""
    for analysis in find_study(name).analyses.values():
        # An analysis may have its rows from another: it reads what that reads.
        rows = importlib.import_module(f"workflow_scripts.{analysis.module}").rows
        tree = ast.parse(Path(inspect.getsourcefile(rows)).read_text(encoding="utf-8"))
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)]
        keys = [node.slice for node in nodes if node.value.id in ("passes", "asked")]
        read = {key.value for key in keys if isinstance(key, ast.Constant)}
        assert read <= set(analysis.asks)
        computed = any(not isinstance(key, ast.Constant) for key in keys) or "passes.items()" in ast.unparse(tree)
        assert computed or read == set(analysis.asks)


def test_no_room_but_its_own_spells_a_study():
    """Studies are found, never named: a further one is a folder."""
    spelled = []
    for name in study_names():
        patterns = [rf"studies[./]{name}\b"]
        if name != "tokens":  # what arrays of tokens are called everywhere
            patterns += [rf"[\"'`]{name}[\"'`./]", rf"\[{name}\]", rf"\b{name}\.[a-z]"]
        ordinary = {"local", "tokens", "segmentation", "registers"}  # words that also mean what they mean
        patterns += [] if name in ordinary else [rf"\b{name}\b"]
        rooms = [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk"), *(ROOT / "workflow_scripts").rglob("*")]
        for path in rooms:
            # Datasets have words of their own: COCO calls its masks by one of these.
            formats = name in ordinary and path.is_relative_to(ROOT / "workflow_scripts/data")
            # So does a study whose analysis is of a task that another study is about.
            tasks = name in ordinary and path.is_relative_to(FOLDER) and path.parent != FOLDER
            own = path.is_relative_to(FOLDER / name) or formats or tasks
            if own or path.suffix not in (".py", ".smk", ".yaml", ".j2", ".rst", ".css", "") or not path.is_file():
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if any(re.search(pattern, line) for pattern in patterns):
                    spelled.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert spelled == []


def test_planning_imports_nothing_that_computes():
    heavy = {"numpy", "pandas", "PIL", "matplotlib", "torch", "sklearn", "pyarrow", "safetensors"}
    code = f"import sys; import workflow_scripts.studies.targets; print(sorted({heavy} & set(sys.modules)))"
    made = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert made.stdout.strip() == "[]"


def test_the_words_of_views_are_the_ones_that_the_schema_knows():
    words = read_yaml(SCHEMA)["properties"]["views"]["additionalProperties"]["properties"].keys()
    assert words == VIEW_GEOMETRIES | {"times", "fit", "tile", "to", "scaled"} | ALTERATIONS.keys()


def test_rules_are_one_loop_over_the_descriptions():
    """The rules of all tables and figures of all studies together; logic is in studies/targets.py."""
    assert len((ROOT / "rules/studies.smk").read_text().splitlines()) < 150


def test_yaml_of_studies_is_read_as_it_stands():
    text = (FOLDER / "thesis" / "study.yaml").read_text()
    assert list(yaml.safe_load(text)["analyses"]) == list(find_study("thesis").analyses)
