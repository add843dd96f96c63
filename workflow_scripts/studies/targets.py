"""What jobs there are: their files, what they read, and what their commands are given. The rules only spell it for Snakemake.

Here what studies make of passes: tables, figures, claims, the report; `pass_targets` has what models run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cached_property
from math import prod
from pathlib import PurePath
from typing import Any

from workflow_scripts.common.code_inputs import code_inputs
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.run_model import described
from workflow_scripts.common.sizes import sides
from workflow_scripts.common.study import Analysis, Figure, Score, Study
from workflow_scripts.data.reader_names import reader_module
from workflow_scripts.demo.shipped import CARD
from workflow_scripts.studies.durations import PLAIN_MEMORY, START, TORCH_MEMORY, TORCH_START, images_of
from workflow_scripts.studies.found import claim_modules
from workflow_scripts.studies.needs import MEMORY_MARGIN, TIME_MARGIN, Needs, needs_of
from workflow_scripts.studies.pass_targets import Files, PassTargets
from workflow_scripts.studies.plan import Asked, analysed_models, asked, enabled_analyses
from workflow_scripts.studies.protocol import other_sizes


class Targets(PassTargets):
    """All jobs of a configuration."""

    @cached_property
    def analyses(self) -> dict[str, Analysis]:
        """Analyses that this run makes, by key."""
        return {a.key: a for study in self.settings.studies for a in enabled_analyses(study, self.config)}

    @cached_property
    def left_out(self) -> list[str]:
        """A line for each analysis that this run leaves out, or part of one, for want of a dataset or of its ground truth."""
        lines = []
        for analysis in (a for study in self.settings.studies for a in study.analyses.values()):
            key, chosen = f"{analysis.study}.{analysis.name}", self.config[analysis.study][analysis.name]
            if chosen is None:
                lines.append(f"{key}: null in the configuration: left out ({analysis.title})")
                continue
            said = len(lines)
            models = f"{key}.{analysis.models}"
            if models in self.settings.left_out:
                lines.append(self.settings.left_out[models])
            elif not self.analysis_models(analysis):
                lines.append(f"{models}: names no model of this run: left out ({analysis.title})")
            for setting in analysis.settings.values():
                if setting.truth and chosen[setting.name] is None:
                    null = f"{key}.{setting.name}: null in the configuration: left out ({analysis.title}: {setting.meaning})"
                    lines.append(self.settings.left_out.get(f"{key}.{setting.name}", null))
            if len(lines) == said and analysis.key not in self.analyses:
                lines.append(f"{key}: its fits are set in an analysis that is left out: left out ({analysis.title})")
        return lines

    @cached_property
    def figures(self) -> list[Figure]:
        """Figures that this run draws, in order: those whose analyses it makes, each with the scores that these measure."""
        drawn = (self._drawn(figure) for study in self.settings.studies for figure in study.figures)
        return [figure for figure in drawn if figure is not None]

    def figure(self, study: Study, name: str) -> Figure:
        """Return a figure of this run.

        Raises:
            AtlasError: the study has no such figure, or this run leaves it out.
        """
        figure = self._drawn(study.figure(name))
        if figure is None:
            raise AtlasError(
                f"figure '{study.name}/{name}': this run leaves out what it shows; `snakemake plan` says what and why"
            )
        return figure

    def _drawn(self, figure: Figure) -> Figure | None:
        if any(f"{figure.study}/{name}" not in self.analyses for name in figure.analyses):
            return None
        if (figure.condition and not self._is_set(figure.study, figure.condition)) or not self.figure_models(figure):
            return None
        scores = self.study(figure.study).scores
        measured = {name for name in figure.scores if self._is_measured(figure.study, scores[name])}
        return figure.showing(measured) if figure.scores else figure

    def _is_measured(self, study: str, score: Score) -> bool:
        return f"{study}/{score.analysis}" in self.analyses and (not score.condition or self._is_set(study, score.condition))

    def _is_set(self, study: str, condition: str) -> bool:
        analysis, _, setting = condition.partition(".")
        return bool((self.config[study][analysis] or {}).get(setting))

    # Analyses

    def analysis_models(self, analysis: Analysis) -> list[str]:
        """Return the ids of the models that an analysis is made of."""
        return analysed_models(analysis, self.config)

    def asked(self, analysis: Analysis, model: str) -> list[Asked]:
        """Return what an analysis asks of the passes of a model."""
        patch = sides(self.settings.models[model]["patch"])[0]
        return asked(self.study(analysis.study), analysis, self.settings.config_of(model), patch)

    def analysis_file(self, analysis: Analysis, kind: str, model: str = "{model}") -> str:
        """Return the table, maps, log or benchmark of an analysis."""
        folder, suffix = {
            "table": ("tables", "parquet"),
            "maps": ("maps", "safetensors"),
            "log": ("logs", "log"),
            "benchmark": ("benchmarks", "tsv"),
        }[kind]
        return f"{self.results}/{folder}/{analysis.key}{'' if analysis.over_models else f'/{model}'}.{suffix}"

    def analysis_outputs(self, analysis: Analysis) -> Files:
        """Return the files that an analysis writes, with Snakemake's wildcard of the model."""
        return {kind: self.analysis_file(analysis, kind) for kind in ("table", *(["maps"] if analysis.maps else []))}

    def analysis_inputs(self, analysis: Analysis, models: list[str]) -> Files:
        """Return the input files of an analysis of `models`, with its code and that of the readers it opens."""
        if foreign := [model for model in models if model not in self.analysis_models(analysis)]:
            chosen = f"{analysis.study}.{analysis.name}.{analysis.models}"
            raise AtlasError(f"{analysis.key}: not made of {foreign[0]} in this run; add it to {chosen}, or null for all")
        every = [(model, one) for model in models for one in self.asked(analysis, model)]
        files = [file for model, one in every for file in self._asked_files(model, one).values()]
        files += [self.fit_file(analysis.study, fit, model) for model in models for fit in analysis.fits]
        opened = list(dict.fromkeys(one.dataset for _, one in every if "reader" in one.files))
        readers = [reader_module(self.settings.datasets[dataset]["reader"]) for dataset in opened]
        decoding = models if analysis.decodes else []
        files += [*map(self.dataset_file, opened), *(self.settings.checkpoint(model) for model in decoding)]
        adapters = [f"zoo.{self.settings.models[model]['adapter']}" for model in decoding]
        return {
            "files": list(dict.fromkeys(files)),
            "code": code_inputs(analysis.command, analysis.module, *readers, *adapters),
        }

    def analysis_options(self, analysis: Analysis, models: list[str]) -> list[str]:
        """Return the further command line options of an analysis as words: its machine's, and the model that it runs."""
        machine = ["--gpu", self.config["gpu"], "--threads", str(self.config["threads_per_pass"])]
        words = machine if analysis.on_device else []
        for model in models if analysis.decodes else []:
            words = [*words, "--model", model, "--network", self.network(model, decoder=True), *self.checkpoint_option(model)]
        return words

    def analysis_seconds(self, analysis: Analysis, models: list[str]) -> float:
        """Return how long an analysis of `models` takes at most: what its study states, for this run's images and models."""
        start = TORCH_START if analysis.on_device else START
        return start + 60.0 * analysis.needs["minutes"] / TIME_MARGIN * self._share(analysis, models)

    def analysis_needs(self, analysis: Analysis, models: list[str]) -> Needs:
        """Return what an analysis of `models` is given: `needs` of study.yaml, for this run's images and models."""
        memory = TORCH_MEMORY if analysis.on_device else PLAIN_MEMORY
        stated = 1e6 * analysis.needs["memory_mb"] / MEMORY_MARGIN * self._share(analysis, models)
        on_device = analysis.on_device and self.config["gpu"] != "never"
        return needs_of(self.analysis_seconds(analysis, models), memory + stated, on_device)

    def _share(self, analysis: Analysis, models: list[str]) -> float:
        """Return the work of an analysis, relative to that of its study's own datasets and a ViT-B: images, layers and width.

        Of several datasets the largest share counts; where several are larger than the study's, the product: what compares
        each image of one with each of another grows with both.
        """
        known, settings = self.settings.datasets, self.config[analysis.study][analysis.name]
        shares = {}
        for ask in analysis.asks.values():
            chosen, own = settings[ask.dataset], analysis.settings[ask.dataset].default
            if chosen is not None and own in known:
                shares[ask.dataset] = images_of(known[chosen]) / images_of(known[own])
        larger = [share for share in shares.values() if share > 1]
        images = prod(larger) if larger else max(shares.values(), default=1.0)
        entries = (self.settings.models[model] for model in models)
        return images * max(entry["layers"] * entry["dim"] for entry in entries) / (12 * 768)

    def analysis_passes(self, analysis: Analysis, models: list[str]) -> str:
        """Return the option ``--passes`` of `tabulate`: the files of each ask and fit; of each model's, for one over models."""
        by_model = {
            model: {
                "asks": {one.name: self._described(model, one) for one in self.asked(analysis, model)},
                "fits": {fit: self.fit_file(analysis.study, fit, model) for fit in analysis.fits},
            }
            for model in models
        }
        return json.dumps(by_model if analysis.over_models else by_model[models[0]], sort_keys=False)

    def analysis_settings(self, analysis: Analysis) -> str:
        """Return the settings of an analysis, as JSON."""
        return json.dumps(self.config[analysis.study][analysis.name], sort_keys=True)

    def _described(self, model: str, one: Asked) -> Files:
        reader = {"reader": self.opening(one.dataset)} if "reader" in one.files else {}
        own = {"owner": one.owner} if one.owner else {}
        return {"dataset": one.dataset, "view": one.view, "files": self._asked_files(model, one), **reader, **own}

    def _asked_files(self, model: str, one: Asked) -> dict[str, str]:
        kinds = [kind for kind in one.files if kind != "reader"]
        files = {"pass": self.pass_file(model, one.job), "samples": self.crops(one.dataset, one.view, "samples.parquet")}
        return files | self._view_files(model, one.dataset, one.view, kinds)

    # Tables, figures and claims of a study

    def tables(self, study: Study, analyses: Any = None, models: list[str] | None = None) -> list[str]:
        """Return the tables of single models, of all analyses of a study that this run makes or of some."""
        made = [a for a in self.analyses.values() if a.study == study.name and not a.over_models]
        chosen = [a for a in made if analyses is None or a.name in analyses]
        return [self.analysis_file(a, "table", model) for a in chosen for model in models or self.analysis_models(a)]

    def reads(self, study: Study, maps: Any = None, pairs: Any = None, models: list[str] | None = None) -> Files:
        """Return files of maps and of comparisons that this run makes, by kind and analysis; None stands for all."""
        made = [a for a in self.analyses.values() if a.study == study.name]
        return {
            "maps": {
                a.name: [self.analysis_file(a, "maps", model) for model in models or self.analysis_models(a)]
                for a in made
                if a.maps and (maps is None or a.name in maps)
            },
            "pairs": {
                a.name: [self.analysis_file(a, "table")] for a in made if a.over_models and (pairs is None or a.name in pairs)
            },
        }

    def figure_models(self, figure: Figure) -> list[str]:
        """Return the ids of the models that a figure shows: of all, or the main ones, those of every analysis that it reads.

        An author may choose others (``figures.models``).
        """
        models = self.settings.main_models(self.study(figure.study)) if figure.main else self.models
        models = self.config["figures"]["models"].get(figure.key) or models
        read = [self.analysis_models(self.analyses[f"{figure.study}/{name}"]) for name in figure.analyses]
        return [model for model in models if all(model in own for own in read)]

    def figure_inputs(self, figure: Figure) -> Files:
        """Return the files that a figure is drawn from, with its code."""
        study, models = self.study(figure.study), self.figure_models(figure)
        reads = self.reads(study, figure.maps, figure.pairs, models)
        modules = [figure.module] if figure.module else []
        return {
            "models": self.models_file,
            "tables": self.tables(study, figure.tables, models) if figure.tables else [],
            "others": [file for kind in reads.values() for files in kind.values() for file in files],
            "code": code_inputs("draw_figure", *modules),
        }

    def figure_labels(self, figure: Figure) -> dict[str, str]:
        """Return the columns that Snakemake's own report lists a figure by."""
        models = self.figure_models(figure)
        shown = "all" if models == self.models else ", ".join(self.settings.models[name]["display_name"] for name in models)
        return {"number": figure.number, "title": figure.title, "models": shown}

    def table_labels(self, study: Study, file: str) -> dict[str, str]:
        """Return the columns that Snakemake's own report lists a study's table for reading by."""
        (table,) = (one for one in study.summary.tables if one.name == PurePath(file).stem)
        return {"number": f"Table {table.number}" if table.number else "", "title": table.title, "models": "all"}

    def figure_options(self, figure: Figure) -> list[str]:
        """Return the command line options of drawing a figure as words, but for its outputs."""
        study, models = self.study(figure.study), self.figure_models(figure)
        tables = self.tables(study, figure.tables, models) if figure.tables else []
        words = ["--models", *models, *(["--tables", *tables] if tables else [])]
        words += _by_analysis(self.reads(study, figure.maps, figure.pairs, models))
        chosen = self.config["figures"]
        words += [word for key in ("width", "font") for word in (f"--{key}", chosen[key])]
        return [*words, "--drawing", study.drawing(figure)]

    def figure_files(self, suffixes: tuple[str, ...] = ("pdf", "png", "csv")) -> list[str]:
        """Return the files of all figures of this run."""
        return [f"{self.results}/figures/{figure.key}.{suffix}" for figure in self.figures for suffix in suffixes]

    def claims_inputs(self, study: Study) -> Files:
        """Return the files that a study's claims are judged by, with the code that judges."""
        reads = self.reads(study)
        return {
            "claims": study.claims,
            "models": self.models_file,
            "tables": self.tables(study),
            "others": [file for kind in reads.values() for files in kind.values() for file in files],
            "code": code_inputs("judge_claims", *claim_modules(study.name)),
        }

    def claims_options(self, study: Study) -> list[str]:
        """Return the command line options of judging a study's claims as words, but for its outputs."""
        words = ["--main-models", *self.settings.main_models(study), "--tables", *self.tables(study)]
        return [*words, *_by_analysis(self.reads(study)), "--scores", scores_json(study)]

    def summary_inputs(self, study: Study) -> Files:
        """Return the files that a study's summary is drawn up from, with its code."""
        published = [study.claims] if study.summary.published else []
        return {
            "models": self.models_file,
            "tables": self.tables(study, study.summary.reads),
            "code": [*code_inputs("summarise", f"studies.{study.name}.summary"), *published],
        }

    def summary_files(self, study: Study, suffixes: tuple[str, ...] = ("parquet", "html", "tex")) -> list[str]:
        """Return the files of a study's tables for reading."""
        tables = study.summary.tables if study.summary else ()
        return [f"{self.results}/tables/{study.name}/{table.name}.{suffix}" for table in tables for suffix in suffixes]

    def claims_file(self, study: Study) -> str:
        """Return the file of a study's judged claims."""
        return f"{self.results}/tables/{study.name}/claims.json"

    def scorecard_file(self, suffix: str) -> str:
        """Return the file of all published numbers beside ours: .parquet, .csv."""
        return f"{self.results}/scorecard.{suffix}"

    def scorecard_sizes(self) -> str:
        """Return the option ``--sizes``: by analysis, as JSON, which size of its images is not that of its study's protocol."""
        analyses = [(self.study(one.study), one) for one in self.analyses.values()]
        other = {one.key: other_sizes(study, one, self.config[study.name]) for study, one in analyses}
        return json.dumps({key: said for key, said in other.items() if said}, sort_keys=True)

    def scorecard_inputs(self) -> Files:
        """Return the files that published numbers are compared with, with the code that compares."""
        studies = self.settings.studies
        return {
            "published": [study.claims for study in studies if study.claims],
            "models": self.models_file,
            "tables": [table for study in studies if study.claims for table in self.tables(study)],
            "code": code_inputs("write_scorecard"),
        }

    # The demo, further features, the report

    def demo_passes(self, dataset: str) -> Files:
        """Return the passes of the demo's models over one of its splits, and its samples."""
        models = self.settings.demo_models
        if not models:
            return {"view": "", "passes": [], "samples": []}
        view = self.settings.demo_view(models[0])
        return {
            "view": view,
            "passes": [self.pass_file(model, dataset) for model in models],
            "samples": self.crops(dataset, view, "samples.parquet"),
        }

    def feature_files(self) -> list[str]:
        """Return the passes that the ``features`` section of the configuration asks for."""
        return [self.pass_file(model, dataset) for dataset in self.config["features"]["datasets"] for model in self.models]

    def report_inputs(self) -> Files:
        """Return what the report is made of."""
        studies, demo = self.settings.studies, {}
        if self.settings.demo_models:
            demo = {
                "knn": f"{self.results}/tables/demo/knn.parquet",
                "contact_sheet": f"{self.results}/figures/demo/contact_sheet.png",
            } | ({"card": CARD} if self.config["demo"]["zoo"] == "shipped" else {})
        return {
            "figures": self.figure_files(),
            "summaries": [file for study in studies for file in self.summary_files(study, ("html", "tex"))],
            "claims": [self.claims_file(study) for study in studies if study.claims],
            "tables": [file for study in studies for file in self.tables(study)],
            "descriptions": [file for study in studies for file in study.files],
            "run": f"{self.results}/run.json",
            "scorecard": self.scorecard_file("parquet"),
            "models": self.models_file,
            "explored": self._explored_files(),
            "code": code_inputs("write_report"),
        } | demo

    def explored(self) -> str:
        """Return what the report's explorer shows, as JSON: by analysis its models, null where one table has all, and maps."""
        shown = {
            analysis.key: {
                "models": None if analysis.over_models else self.analysis_models(analysis),
                "maps": analysis.maps and not analysis.over_models,
            }
            for analysis in self.analyses.values()
        }
        return json.dumps(shown)

    def _explored_files(self) -> list[str]:
        return [
            self.analysis_file(analysis, kind, model)
            for analysis in self.analyses.values()
            for kind in ("table", *(["maps"] if analysis.maps and not analysis.over_models else []))
            for model in ([""] if analysis.over_models else self.analysis_models(analysis))
        ]

    def made_json(self) -> str:
        """Return the models that each analysis of single models is made of, as JSON."""
        made = {key: self.analysis_models(one) for key, one in self.analyses.items() if not one.over_models}
        return json.dumps(made, separators=(",", ":"))

    def latex_inputs(self) -> Files:
        """Return what the report in LaTeX is made of."""
        studies = self.settings.studies
        scored = {study.name: {score.analysis for score in study.scores.values()} for study in studies}
        return {
            "figures": self.figure_files(),
            "summaries": [file for study in studies for file in self.summary_files(study, ("tex",))],
            "claims": [self.claims_file(study) for study in studies if study.claims],
            "descriptions": [file for study in studies for file in study.files],
            "tables": [file for study in studies for file in self.tables(study, scored[study.name])],
            "models": self.models_file,
            "scorecard": self.scorecard_file("parquet"),
            "run": f"{self.results}/run.json",
            "citation": "CITATION.cff",
            "fixed": [f"workflow_scripts/report/latex/{name}" for name in ("preamble.tex", "Makefile")],
            "code": code_inputs("write_latex_report"),
        }

    @property
    def described_models(self) -> list[dict[str, Any]]:
        """What `models.json` will say."""
        return described(self.settings.models)


def scores_json(study: Study) -> str:
    """Return which rows a study's scores are, by name, as JSON: what claims and summaries read, without words for figures."""
    keys = ("name", "analysis", "metric", "facet", "setting", "head")
    return json.dumps({name: {key: getattr(s, key) for key in keys} for name, s in study.scores.items()}, sort_keys=True)


def _by_analysis(reads: Mapping[str, Mapping[str, list[str]]]) -> list[str]:
    """Return the options --maps and --pairs, as words ``analysis=file``."""
    words = []
    for kind, files in reads.items():
        if files:
            words += [f"--{kind}", *(f"{analysis}={file}" for analysis, paths in files.items() for file in paths)]
    return words
