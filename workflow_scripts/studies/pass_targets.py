"""What a model runs: views of datasets, passes over them and fits, their files and what their commands are given.

Everything follows from the checked configuration and from the studies' descriptions; nothing here reads a result.
"""

from __future__ import annotations

import json
from functools import cached_property, partial
from typing import Any

from workflow_scripts.common.code_inputs import code_inputs
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.sizes import sides
from workflow_scripts.common.study import Study, fits_of
from workflow_scripts.data.reader_names import reader_module
from workflow_scripts.data.truth_files import truth_file
from workflow_scripts.onepass.names import COLLECTORS, FITS, cannot_be_cut, kind_of
from workflow_scripts.studies.durations import (
    TORCH_MEMORY,
    crops_seconds,
    fit_memory,
    fit_seconds,
    merge_seconds,
    pass_memory,
    pass_seconds,
    view_seconds,
)
from workflow_scripts.studies.needs import Needs, needs_of
from workflow_scripts.studies.plan import PlannedFit, PlannedPass, planned_fits
from workflow_scripts.studies.settings import Settings
from workflow_scripts.zoo.registry import network_facts

Files = dict[str, Any]
CROPS_MEMORY = 1.2e9  # of decoding, with PyTorch where that pays; crops are written as they come
_SEEN = {"crops": "npy", "samples": "parquet"}  # what a model sees of a view, file name -> suffix


class PassTargets:
    """The jobs of a configuration that run models, and those that prepare what models see."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.config = settings.config
        self.results, self.resources = self.config["results"], self.config["resources"]
        self.models = list(settings.models)
        self.models_file = f"{self.results}/models.json"
        self._fits: dict[tuple[str, str], dict[str, PlannedFit]] = {}  # by study and model, planned once

    def study(self, name: str) -> Study:
        """Return an enabled study."""
        return next(study for study in self.settings.studies if study.name == name)

    def fits(self, model: str) -> list[PlannedFit]:
        """Return all fits of a model."""
        return [fit for study in self.settings.studies for fit in self.fits_of(study.name, model).values()]

    def fits_of(self, study: str, model: str) -> dict[str, PlannedFit]:
        """Return the fits of a study that the analyses of a model use, by name."""
        if (study, model) not in self._fits:
            patch = sides(self.settings.models[model]["patch"])[0]
            self._fits[study, model] = planned_fits(self.study(study), self.settings.config_of(model), model, patch)
        return self._fits[study, model]

    # Views of datasets

    @cached_property
    def views(self) -> list[tuple[str, str]]:
        """(dataset, view) of every dataset that a model sees."""
        passes = (passed for planned in self.settings.passes.values() for passed in planned.values())
        seen = [(passed.dataset, view) for passed in passes for view in passed.views]
        for model in self.models:
            seen += [(fit.dataset, fit.view) for fit in self.fits(model)]
        return list(dict.fromkeys(seen))

    @cached_property
    def datasets(self) -> dict[str, str]:
        """Datasets that a model sees, each with the first of its views."""
        first: dict[str, str] = {}
        for dataset, view in self.views:
            first.setdefault(dataset, view)
        return first

    def dataset_file(self, dataset: str) -> str:
        """Return what a job that reads a dataset waits for: its file or folder, or the sign that a fetched one is whole."""
        entry = self.settings.datasets[dataset]
        return f"{entry['path']}/.complete.json" if entry["source"]["type"] == "archives" else entry["path"]

    def fetched_files(self) -> list[str]:
        """Return all that comes of the network: checkpoints, and the signs that datasets are whole."""
        archived = [name for name in self.datasets if self.settings.datasets[name]["source"]["type"] == "archives"]
        checkpoints = [self.settings.checkpoint(name) for name in self.settings.fetched_models]
        return list(dict.fromkeys([*checkpoints, *map(self.dataset_file, archived)]))

    def opening(self, dataset: str) -> Files:
        """Return what opens a dataset: reader, path and options."""
        entry = self.settings.datasets[dataset]
        return {"reader": entry["reader"], "path": entry["path"], "options": entry.get("options", {})}

    def reader(self, dataset: str) -> list[str]:
        """Return the command line options that open a dataset, as words."""
        opening = self.opening(dataset)
        options = json.dumps(opening["options"], sort_keys=True)
        return ["--reader", opening["reader"], f"--path={opening['path']}", "--options", options]

    def reader_code(self, command: str, dataset: str) -> list[str]:
        """Return the code of a command that reads a dataset: its own and the reader's."""
        return code_inputs(command, reader_module(self.settings.datasets[dataset]["reader"]))

    def crops(self, dataset: str, view: str, file: str) -> str:
        """Return a file of a dataset's crops in a view."""
        return f"{self.resources}/crops/{dataset}/{view}/{file}"

    def _view_files(self, model: str, dataset: str, view: str, kinds: list[str]) -> dict[str, str]:
        """Return files of a view by kind: crops, and ground truth for the model's patch grid."""
        grid = self.settings.patch_grid(model, view)
        names = {kind: "crops.npy" if kind == "crops" else truth_file(kind, grid) for kind in kinds}
        return {kind: self.crops(dataset, view, name) for kind, name in names.items()}

    def crops_needs(self, dataset: str, view: str) -> Needs:
        """Return what decoding a dataset for a view is given: time as of one thread, whatever the machine lends it."""
        return needs_of(crops_seconds(self.settings.datasets[dataset], view, threads=1), CROPS_MEMORY)

    # Passes

    def pass_file(self, model: str, job: str) -> str:
        """Return the file of a pass; `job` is the dataset's name, or that of a part of its own below it."""
        return f"{self.results}/passes/{job}/{model}.safetensors"

    def planned(self, model: str, job: str) -> PlannedPass:
        """Return a pass.

        Raises:
            AtlasError: nobody asked for it.
        """
        try:
            return self.settings.passes[model][job]
        except KeyError:
            raise AtlasError(
                f"{self.pass_file(model, job)}: this configuration does not pass {job} through {model} (it passes "
                f"{', '.join(self.settings.passes.get(model, {})) or 'nothing'})"
            ) from None

    def pass_views(self, model: str, job: str) -> dict[str, dict[str, str]]:
        """Return the files of each view of a pass by kind: crops, samples, and what its collectors need of ground truth."""
        planned = self.planned(model, job)
        files = {}
        for view, collectors in planned.views.items():
            truth = sorted({COLLECTORS[kind_of(name)].truth for name in collectors} - {""})
            samples = {"samples": self.crops(planned.dataset, view, "samples.parquet")}
            files[view] = self._view_files(model, planned.dataset, view, ["crops"]) | samples
            files[view] |= self._view_files(model, planned.dataset, view, truth)
        return files

    def pass_inputs(self, model: str, job: str) -> Files:
        """Return the input files of a pass, with the code that it imports."""
        views = self.pass_views(model, job)
        fits = list(self.pass_fits(model, job).values())
        modules = self._collector_modules(model, job)
        files: Files = {"files": [*(file for kinds in views.values() for file in kinds.values()), *fits]}
        files["code"] = code_inputs("run_pass", f"zoo.{self.settings.models[model]['adapter']}", *modules)
        checkpoint = self.settings.checkpoint(model)
        return files | ({"checkpoint": checkpoint} if checkpoint else {})

    def _collector_modules(self, model: str, job: str) -> list[str]:
        collectors = {name for wanted in self.planned(model, job).views.values() for name in wanted}
        return sorted({COLLECTORS[kind_of(name)].module for name in collectors})

    def pass_options(self, model: str, job: str) -> list[str]:
        """Return the command line options that name a pass' files and its model's weights, as words."""
        options: list[str] = []
        for view, kinds in self.pass_views(model, job).items():
            truth = [f"{kind}={file}" for kind, file in kinds.items() if kind not in ("crops", "samples")]
            options += ["--view", view, kinds["crops"], kinds["samples"], *truth]
        return [*options, *self.fits_option(model, job), *self._precision, *self.checkpoint_option(model)]

    @property
    def _precision(self) -> list[str]:
        """The command line option of what runs a model over a dataset, as words: another precision makes all of it anew."""
        return ["--precision", self.config["precision"]]

    def fits_option(self, model: str, job: str) -> list[str]:
        """Return the command line option that names the fits that a pass uses, as words; none for a pass without."""
        fits = self.pass_fits(model, job)
        return ["--fits", *(f"{name}={file}" for name, file in fits.items())] if fits else []

    def pass_seconds(self, model: str, job: str, shards: int = 1) -> float:
        """Return how long a pass, or the longest of its shards, takes by the cost model, at the configuration's speed."""
        return self.planned_seconds(model, self.planned(model, job), shards)

    def planned_seconds(self, model: str, planned: PlannedPass, shards: int = 1) -> float:
        """Return the same of any pass that may be planned."""
        dataset, tflops = self.settings.datasets[planned.dataset], self.config["plan_tflops"]
        return pass_seconds(planned, self.settings.models[model], dataset, tflops, partial(self._clusters, model), shards)

    def view_seconds(self, model: str, job: str, view: str) -> float:
        """Return how long one view of a pass takes, without the start of its job."""
        planned = self.planned(model, job)
        entry, dataset = self.settings.models[model], self.settings.datasets[planned.dataset]
        clusters, tflops = partial(self._clusters, model), self.config["plan_tflops"]
        return view_seconds(view, planned.views[view], entry, dataset, tflops, clusters)

    def pass_needs(self, model: str, job: str) -> Needs:
        """Return what a pass that is one job is given."""
        return self._pass_needs(model, job, 1)

    def _pass_needs(self, model: str, job: str, shards: int) -> Needs:
        planned, entry = self.planned(model, job), self.settings.models[model]
        memory = pass_memory(planned, entry, self.settings.datasets[planned.dataset], self.config["batch_size"])
        return needs_of(self.pass_seconds(model, job, shards), memory, self.config["gpu"] != "never")

    def _clusters(self, model: str, fit: str) -> int:
        """Return how many clusters the codebooks of a fit, ``study/fit``, have in all facets of a layer."""
        options = self.fit(*fit.split("/"), model).fit["codebooks"]
        return options["clusters"] * len(options["facets"])

    @cached_property
    def sharded(self) -> dict[str, int]:
        """Jobs of passes that are split, each with the number of its shards: the same for all models.

        Over more images than the configuration's `shard_images`, if a view of any model can be cut; of datasets alone whose
        registry entry says how many images they have, for jobs are planned before images are read.
        """
        most = self.config["shard_images"]
        counts = {}
        for job, passed in ((job, one) for planned in self.settings.passes.values() for job, one in planned.items()):
            shards = -(-self.settings.datasets[passed.dataset].get("images", 0) // most)
            if shards > 1 and not all(cannot_be_cut(wanted) for wanted in passed.views.values()):
                counts[job] = shards
        return counts

    def shard_file(self, model: str, job: str, shard: int | str, of: int | str) -> str:
        """Return the file of a shard of a pass, counted from 1; it goes when the pass is whole."""
        return f"{self.results}/shards/{job}/{model}/{shard}of{of}.safetensors"

    def merge_inputs(self, model: str, job: str) -> Files:
        """Return the files that a split pass is put together from, with the code that does it."""
        shards = self.sharded[job]
        modules = self._collector_modules(model, job)
        return {
            "shards": [self.shard_file(model, job, number, shards) for number in range(1, shards + 1)],
            "fits": list(self.pass_fits(model, job).values()),
            "code": code_inputs("merge_shards", *modules),
        }

    def shard_needs(self, model: str, job: str) -> Needs:
        """Return what a shard of a split pass is given: views that cannot be cut are wholly in one."""
        return self._pass_needs(model, job, self.sharded[job])

    def merge_needs(self, model: str, job: str) -> Needs:
        """Return what putting a split pass together is given: its rows are read and written once, and held nowhere."""
        planned, entry = self.planned(model, job), self.settings.models[model]
        return needs_of(merge_seconds(planned, entry, self.settings.datasets[planned.dataset]), TORCH_MEMORY)

    def checkpoint_option(self, model: str) -> list[str]:
        """Return the command line option that names a model's weights, as words; none for a model without."""
        checkpoint = self.settings.checkpoint(model)
        return ["--checkpoint", checkpoint] if checkpoint else []

    def pass_fits(self, model: str, job: str) -> dict[str, str]:
        """Return the files of the fits that the collectors of a pass use, by ``study/fit``."""
        options = [o for collectors in self.planned(model, job).views.values() for o in collectors.values()]
        names = sorted({name for o in options for name in fits_of(o)})
        return {name: self.fit_file(*name.split("/"), model) for name in names}

    def pass_collectors(self, model: str, job: str) -> str:
        """Return the collectors of each view of a pass, as JSON."""
        return json.dumps(self.planned(model, job).views, sort_keys=True)

    def network(self, model: str, decoder: bool = False) -> str:
        """Return what computes of a model's registry entry, as JSON: mending a name or a licence repeats no pass."""
        return json.dumps(network_facts(self.settings.models[model], decoder), sort_keys=True)

    def first_passes(self) -> list[str]:
        """Return one pass of each model."""
        return [self.pass_file(model, next(iter(planned))) for model, planned in self.settings.passes.items() if planned]

    # Fits

    def fit_file(self, study: str, fit: str, model: str) -> str:
        """Return the file of a fit's result."""
        return f"{self.results}/fits/{study}/{fit}/{model}.safetensors"

    def fit(self, study: str, fit: str, model: str) -> PlannedFit:
        """Return a fit of a study.

        Raises:
            AtlasError: nobody uses it in this configuration.
        """
        planned = self.fits_of(study, model)
        if fit not in planned:
            raise AtlasError(
                f"fit '{study}/{fit}': no analysis of {model} in this configuration uses it "
                f"(used: {', '.join(planned) or 'none'})"
            )
        return planned[fit]

    def fit_seconds(self, study: str, fit: str, model: str) -> float:
        """Return how long a fit takes by the cost model, at the configuration's speed."""
        planned = self.fit(study, fit, model)
        dataset = self.settings.datasets[planned.dataset]
        return fit_seconds(planned, self.settings.models[model], dataset, self.config["plan_tflops"])

    def fit_needs(self, study: str, fit: str, model: str) -> Needs:
        """Return what a fit is given."""
        planned = self.fit(study, fit, model)
        memory = fit_memory(planned, self.settings.models[model], self.settings.datasets[planned.dataset])
        return needs_of(self.fit_seconds(study, fit, model), memory, self.config["gpu"] != "never")

    def fit_inputs(self, study: str, fit: str, model: str) -> Files:
        """Return the input files of a fit, with the code that it imports."""
        planned = self.fit(study, fit, model)
        files = {name: self.crops(planned.dataset, planned.view, f"{name}.{s}") for name, s in _SEEN.items()}
        adapter, kind = self.settings.models[model]["adapter"], FITS[next(iter(planned.fit))]
        files["code"] = code_inputs("run_fit", f"zoo.{adapter}", kind.module)
        checkpoint = self.settings.checkpoint(model)
        return files | ({"checkpoint": checkpoint} if checkpoint else {})

    def fit_options(self, study: str, fit: str, model: str) -> list[str]:
        """Return the command line options of a fit as words, but for those of its machine and its output."""
        planned = self.fit(study, fit, model)
        files = [self.crops(planned.dataset, planned.view, f"{name}.{s}") for name, s in _SEEN.items()]
        words = ["--dataset", planned.dataset, "--fit", json.dumps(planned.fit, sort_keys=True), "--view", planned.view, *files]
        return [*words, *self._precision, *self.checkpoint_option(model)]
