"""What a run would take: jobs by kind, hours that GPUs are held, the longest chain of jobs, and the disk at its fullest.

Sums of the predictions of `studies.durations` over the jobs of `studies.targets`; all times in seconds, sizes in bytes.
Downloads have no times: no registry knows a network.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from workflow_scripts.common.study import Analysis, Study
from workflow_scripts.studies.cost import crops_bytes, view_bytes, weights_bytes
from workflow_scripts.studies.durations import crops_seconds, merge_seconds
from workflow_scripts.studies.plan import PlannedPass, planned_passes
from workflow_scripts.studies.targets import Targets

DRAWING = 3.0  # of a figure, a summary or the claims of a study
REPORT = 60.0  # of the scorecard and the report, beside one second a figure
DECODING_THREADS = 8  # as rules/datasets.smk gives them


class Chain(NamedTuple):
    """Jobs of which each waits for the one before, with the time of all."""

    seconds: float = 0.0
    jobs: tuple[str, ...] = ()

    def then(self, job: str, seconds: float) -> Chain:
        """Return the chain with one more job."""
        return Chain(self.seconds + seconds, (*self.jobs, job))


@dataclass(frozen=True)
class Kind:
    """Jobs of a kind: how many, the time of all and of the longest."""

    name: str
    jobs: int
    seconds: float
    longest: float


@dataclass(frozen=True)
class GpuTime:
    """How long GPUs are held by passes, fits, and analyses that compute on one (at most), in seconds."""

    passes: float
    fits: float
    analyses: float

    @property
    def models(self) -> float:
        """What models run: passes and fits."""
        return self.passes + self.fits


@dataclass(frozen=True)
class Disk:
    """What lies on disk when it is fullest.

    Attributes:
        archives: that are fetched, where their size is published; they are kept.
        unpacked: their files, taken to be as large, which pictures are.
        weights: of models.
        crops: of all datasets and views of known size.
        passes: features of images and patches in the files of all passes.
        working: what the largest pass takes once more before it is whole: rows that wait, or its shards.
        least_crops: of the dataset that has most in all of its views; where crops go with their last pass and datasets come one
            after another, no more are there at once.
    """

    archives: float
    unpacked: float
    weights: float
    crops: float
    passes: float
    working: float
    least_crops: float

    def fullest(self, keep_crops: bool) -> float:
        """Return the most that lies there at once, with all crops or those of one dataset at a time."""
        fixed = self.archives + self.unpacked + self.weights + self.passes + self.working
        return fixed + (self.crops if keep_crops else self.least_crops)


class Schedule:
    """The predicted run of a configuration."""

    def __init__(self, targets: Targets) -> None:
        self.targets, self.settings = targets, targets.settings

    # Time

    @cached_property
    def kinds(self) -> list[Kind]:
        """Jobs by kind, in the order in which they come."""
        targets, studies = self.targets, self.settings.studies
        passes = [(model, job) for model, planned in self.settings.passes.items() for job in planned]
        split = [(model, job) for model, job in passes if job in targets.sharded]
        drawn = len(targets.figures) + sum(bool(study.summary) + bool(study.claims) for study in studies)
        decoded = [crops_seconds(self._dataset(one), view, DECODING_THREADS) for one, view in targets.views]
        # The time of a job and how many there are of it.
        kinds: dict[str, list[tuple[float, int]]] = {
            "decode images": [(seconds, 1) for seconds in decoded],
            "fit": [(self._fit_seconds(*fit), 1) for fit in self._fits(studies)],
            "pass": [(self._pass_seconds(*one), 1) for one in passes if one not in split],
            "shard of a pass": [(self._pass_seconds(*one), targets.sharded[one[1]]) for one in split],
            "merge shards": [(self._merge_seconds(*one), 1) for one in split],
            "analysis": [(self._analysis_seconds(*one), 1) for one in self._analyses(studies)],
            "figures, tables, claims": [(DRAWING, drawn)] if drawn else [],
            "report": [(REPORT + len(targets.figures), 1)],
        }
        return [
            Kind(name, sum(n for _, n in jobs), sum(time * n for time, n in jobs), max(time for time, _ in jobs))
            for name, jobs in kinds.items()
            if jobs
        ]

    @cached_property
    def longest(self) -> Chain:
        """The jobs that no number of machines makes faster, downloads left out."""
        chains = [self._analysed(analysis, models) for analysis, models in self._analyses(self.settings.studies)]
        chains += [self._passed(model, job) for model, planned in self.settings.passes.items() for job in planned]
        chain = max(chains, default=Chain())
        return chain.then("figures", DRAWING).then("report", REPORT + len(self.targets.figures))

    def gpu_time(self, studies: Iterable[Study] | None = None, models: Iterable[str] | None = None) -> GpuTime:
        """Return how long GPUs are held for some studies as if they ran alone, or for some models; None: for all together.

        An image that several studies show to a model passes once: studies alone add up to more than all together.
        """
        chosen = list(self.settings.studies if studies is None else studies)
        named = list(self.settings.models if models is None else models)
        passes = self.settings.passes if studies is None else self._passes_of(chosen)
        passed = sum(self._all_seconds(model, job, planned) for model in named for job, planned in passes[model].items())
        fitted = sum(self._fit_seconds(*fit) for fit in self._fits(chosen) if fit[2] in named)
        analysed = sum(
            self._analysis_seconds(analysis, its)
            for analysis, its in self._analyses(chosen)
            if analysis.on_device and set(its) & set(named)
        )
        return GpuTime(passed, fitted, analysed)

    def _passes_of(self, studies: list[Study]) -> Mapping[str, Mapping[str, PlannedPass]]:
        settings = self.settings
        config = {**settings.config, "features": {**settings.config["features"], "datasets": []}}
        return planned_passes(config, settings.models, set(settings.demo_models), studies)

    def _all_seconds(self, model: str, job: str, planned: PlannedPass) -> float:
        """Return the time of a pass in all of its shards together; of a study alone it is a pass of its own."""
        shards = self.targets.sharded.get(job, 1)
        return shards * self.targets.planned_seconds(model, planned, shards)

    def _pass_seconds(self, model: str, job: str) -> float:
        return self.targets.pass_seconds(model, job, self.targets.sharded.get(job, 1))

    def _merge_seconds(self, model: str, job: str) -> float:
        planned = self.targets.planned(model, job)
        return merge_seconds(planned, self.settings.models[model], self._dataset(planned.dataset))

    def _fit_seconds(self, study: str, fit: str, model: str) -> float:
        return self.targets.fit_seconds(study, fit, model)

    def _analysis_seconds(self, analysis: Analysis, models: list[str]) -> float:
        return self.targets.analysis_seconds(analysis, models)

    def _fits(self, studies: Iterable[Study]) -> list[tuple[str, str, str]]:
        return [
            (study.name, fit, model)
            for study in studies
            for model in self.settings.models
            for fit in self.targets.fits_of(study.name, model)
        ]

    def _analyses(self, studies: Iterable[Study]) -> list[tuple[Analysis, list[str]]]:
        """Return the jobs of the analyses: each with the models that it is of."""
        names = [study.name for study in studies]
        made = [analysis for analysis in self.targets.analyses.values() if analysis.study in names]
        jobs = []
        for analysis in made:
            models = self.targets.analysis_models(analysis)
            jobs += [(analysis, models)] if analysis.over_models else [(analysis, [model]) for model in models]
        return jobs

    def _decoded(self, dataset: str, view: str) -> Chain:
        return Chain().then(f"decode {dataset}", crops_seconds(self._dataset(dataset), view, DECODING_THREADS))

    def _fitted(self, study: str, fit: str, model: str) -> Chain:
        planned = self.targets.fit(study, fit, model)
        seconds = self._fit_seconds(study, fit, model)
        return self._decoded(planned.dataset, planned.view).then(f"fit {fit} by {model}", seconds)

    def _passed(self, model: str, job: str) -> Chain:
        planned, shards = self.targets.planned(model, job), self.targets.sharded.get(job, 1)
        before = [self._decoded(planned.dataset, view) for view in planned.views]
        before += [self._fitted(*name.split("/"), model) for name in self.targets.pass_fits(model, job)]
        part = f" in {shards} shards" if shards > 1 else ""
        chain = max(before).then(f"pass {job} through {model}{part}", self._pass_seconds(model, job))
        return chain.then("merge", self._merge_seconds(model, job)) if shards > 1 else chain

    def _analysed(self, analysis: Analysis, models: list[str]) -> Chain:
        jobs = {(model, one.job) for model in models for one in self.targets.asked(analysis, model)}
        before = [self._passed(model, job) for model, job in sorted(jobs)]
        before += [self._fitted(analysis.study, fit, model) for model in models for fit in analysis.fits]
        whom = "all models" if analysis.over_models else models[0]
        return max(before).then(f"{analysis.key} of {whom}", self._analysis_seconds(analysis, models))

    # Disk

    @cached_property
    def disk(self) -> Disk:
        """What lies on disk when it is fullest; what is of unknown size is left out."""
        datasets = self.settings.datasets
        files = {file["name"]: file for name in self.targets.datasets for file in datasets[name]["source"].get("files", [])}
        crops: dict[str, float] = {}
        for name, view in self.targets.views:
            if "images" in datasets[name]:
                crops[name] = crops.get(name, 0.0) + crops_bytes(datasets[name], view)
        passes = [self._kept(model, planned) for model, jobs in self.settings.passes.items() for planned in jobs.values()]
        packed = [file for file in files.values() if file["extract"]["kind"] != "none"]
        return Disk(
            archives=sum(map(_size, files.values())),
            unpacked=sum(map(_size, packed)),
            weights=sum(weights_bytes(entry) or 0.0 for entry in self.settings.models.values()),
            crops=sum(crops.values()),
            passes=sum(passes),
            working=max(passes, default=0.0),
            least_crops=max(crops.values(), default=0.0),
        )

    def _kept(self, model: str, planned: PlannedPass) -> float:
        entry, dataset = self.settings.models[model], self._dataset(planned.dataset)
        if "images" not in dataset:
            return 0.0
        return float(sum(view_bytes(wanted, entry, dataset, view) for view, wanted in planned.views.items()))

    def _dataset(self, name: str) -> Mapping[str, Any]:
        return self.settings.datasets[name]


def _size(file: Mapping[str, Any]) -> float:
    return float(file.get("bytes") or file.get("about_bytes") or 0)
