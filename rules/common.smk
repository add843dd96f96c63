"""Paths, targets and input functions, all derived from the checked configuration."""

import glob
import json
import os
import re
import shlex
import sys

from workflow_scripts.common.code_inputs import code_inputs
from workflow_scripts.common.device import machine_has_gpu
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.interpreter import jobs_use_this_python
from workflow_scripts.data.reader_names import reader_module
from workflow_scripts.data.views import PATTERN as VIEW_PATTERN
from workflow_scripts.fetch.incoming import missing_incoming
from workflow_scripts.figures import catalogue
from workflow_scripts.figures.catalogue import FIGURES
from workflow_scripts.onepass.names import COLLECTORS
from workflow_scripts.studies import thesis_plan
from workflow_scripts.studies.settings import load_settings
from workflow_scripts.zoo.registry import sides

try:
    SETTINGS = load_settings(config, ["config/config.yaml", *workflow.overwrite_configfiles])
except AtlasError as problem:
    print("\n".join(f"error: {line}" for line in str(problem).splitlines()), file=sys.stderr)
    sys.exit(1)

jobs_use_this_python()

RESULTS, RESOURCES = config["results"], config["resources"]
REPORT = f"{RESULTS}/report/index.html"
CKA = f"{RESULTS}/tables/thesis/cka.parquet"
CLAIMS = f"{RESULTS}/tables/thesis/claims.json"
SUMMARY_TABLES = ("models", "best_layers", "dense_against_normal")
MODELS = list(SETTINGS.models)
GPUS_PER_JOB = int(config["gpu"] == "require" or (config["gpu"] == "auto" and machine_has_gpu()))
# Every dataset that a study looks at, with its geometry; the demo's training split only feeds the demo's check.
USED_DATASETS = dict(pair for passes in SETTINGS.passes.values() for pair in passes)
RUN_COMMAND = " ".join(["uv run snakemake", *(f"--configfile {file}" for file in workflow.overwrite_configfiles)])
DEMO_CHECKPOINTS = {SETTINGS.checkpoint(name).rsplit("/", 1)[1]: name for name in SETTINGS.demo_models}
FETCHED_CHECKPOINTS = {SETTINGS.checkpoint(name).rsplit("/", 1)[1]: name for name in SETTINGS.fetched_models}
# Several datasets may lie in one folder: the splits and subsets of one archive.
DATASET_FOLDERS = {
    entry["path"].rsplit("/", 1)[1]: name
    for name, entry in reversed(SETTINGS.datasets.items())
    if entry["source"]["type"] == "archives"
}


def missing_files():
    """Files that only the user can get, of the jobs that are about to run."""
    wanted = {}
    for job in workflow.dag.needrun_jobs():
        if job.rule.name == "fetch_dataset":
            name = DATASET_FOLDERS[job.wildcards.folder]
            wanted[name] = SETTINGS.datasets[name]
        elif job.rule.name == "fetch_model":
            name = FETCHED_CHECKPOINTS[job.wildcards.checkpoint]
            wanted[name] = SETTINGS.models[name]
    return missing_incoming(wanted, config["incoming"], f"{RESOURCES}/downloads")


wildcard_constraints:
    model="[a-z][a-z0-9_]*",
    dataset="[a-z][a-z0-9_]*",
    view=VIEW_PATTERN,
    grid="[0-9]+x[0-9]+",
    figure="[a-z][a-z0-9_]*",


def only_planned():
    return {job.rule.name for job in workflow.dag.jobs} == {"plan"}


def stop_if_files_are_missing():
    missing = missing_files()
    if missing:
        lines = "\n".join(f"error: {line}" for line in missing)
        print(f"{lines}\nPut these files into {config['incoming']}/ and run the same command again.", file=sys.stderr)
        sys.exit(1)


def dataset_files(dataset):
    """What a job that reads a dataset waits for: its file or folder, or of a fetched dataset the sign that it is whole."""
    entry = SETTINGS.datasets[dataset]
    return f"{entry['path']}/.complete.json" if entry["source"]["type"] == "archives" else entry["path"]


def dataset_file(wildcards):
    return dataset_files(wildcards.dataset)


def reader_code(command, dataset):
    """Code of a command that reads a dataset: its own and the reader's."""
    return code_inputs(command, reader_module(SETTINGS.datasets[dataset]["reader"]))


def reader(dataset):
    """Command line options that open a dataset."""
    entry = SETTINGS.datasets[dataset]
    options = shlex.quote(json.dumps(entry.get("options", {}), sort_keys=True))
    return f"--reader {entry['reader']} --path {shlex.quote(entry['path'])} --options {options}"


def untracked(value):
    """Return a parameter that is no reason to run again: Snakemake does not track functions of the output."""
    return lambda wildcards, output: value


def crops(dataset, geometry, what):
    return f"{RESOURCES}/crops/{dataset}/{geometry}/{what}"


def pass_file(model, dataset, geometry):
    return f"{RESULTS}/passes/{dataset}/{geometry}/{model}.safetensors"


def pass_collectors(wildcards):
    return SETTINGS.passes[wildcards.model][wildcards.dataset, wildcards.view]


def collector_modules(wildcards):
    return sorted({COLLECTORS[name][0] for name in pass_collectors(wildcards)})


def pass_inputs(wildcards):
    """Files of a pass: crops, weights, object masks if a collector wants them, and the code that it imports."""
    model, dataset, geometry = wildcards.model, wildcards.dataset, wildcards.view
    if (dataset, geometry) not in SETTINGS.passes.get(model, {}):
        # Nobody asked for this pass: without an input to offer, Snakemake reports the target as unknown.
        return {"crops": f"{dataset} is not passed through {model} in this configuration"}
    files = {
        "crops": crops(dataset, geometry, "crops.npy"),
        "samples": crops(dataset, geometry, "samples.parquet"),
        "code": code_inputs("run_pass", f"zoo.{SETTINGS.models[model]['adapter']}", *collector_modules(wildcards)),
    }
    if SETTINGS.checkpoint(model):
        files["checkpoint"] = SETTINGS.checkpoint(model)
    wanted = pass_collectors(wildcards)
    grid = SETTINGS.patch_grid(model)
    if {"mask_iou", "region_features"} & wanted.keys():
        files["masks"] = crops(dataset, geometry, f"masks_{grid}.safetensors")
    if "propagated_labels" in wanted:
        files["labels"] = crops(dataset, geometry, f"labels_{grid}.safetensors")
    if "matched_keypoints" in wanted:
        files["pairs"] = crops(dataset, geometry, "pairs.safetensors")
    return files


def pass_options(wildcards, input):
    options = {"checkpoint": "checkpoint", "masks": "grid-masks", "labels": "grid-labels", "pairs": "keypoint-pairs"}
    return " ".join(f"--{option} {input[name]}" for name, option in options.items() if name in input.keys())


def thesis_geometry(model, purpose):
    return thesis_plan.geometries(config["thesis"], sides(SETTINGS.models[model]["patch"])[0])[purpose]


def thesis_pass(model, dataset, purpose="whole"):
    return pass_file(model, dataset, thesis_geometry(model, purpose))


def thesis_crops(model, dataset, what, purpose="whole"):
    return crops(dataset, thesis_geometry(model, purpose), what)


def attention_passes(wildcards):
    settings, model = config["thesis"]["attention"], wildcards.model
    return {
        "attention_pass": thesis_pass(model, settings["dataset"]),
        "mask_pass": thesis_pass(model, settings["mask_dataset"]),
        "crops": thesis_crops(model, settings["dataset"], "crops.npy"),
        "samples": thesis_crops(model, settings["dataset"], "samples.parquet"),
    }


def clustering_inputs(wildcards):
    settings, model = config["thesis"]["clustering"], wildcards.model
    files = {
        "image_pass": thesis_pass(model, settings["image_dataset"]),
        "image_samples": thesis_crops(model, settings["image_dataset"], "samples.parquet"),
    }
    for kind in ("object", "part"):
        for setting, purpose in (("normal", "whole"), *([("dense", "dense")] if settings["dense"] else [])):
            dataset = settings[f"{kind}_dataset"]
            masks = thesis_crops(model, dataset, f"masks_{SETTINGS.patch_grid(model)}.safetensors", purpose)
            files[f"{kind}_{setting}"] = [thesis_pass(model, dataset, purpose), masks]
    return files


def knn_inputs(wildcards):
    files = {}
    for split, key in (("bank", "bank"), ("query", "queries")):
        dataset = config["thesis"]["knn"][key]
        files[f"{split}_pass"] = thesis_pass(wildcards.model, dataset)
        files[f"{split}_samples"] = thesis_crops(wildcards.model, dataset, "samples.parquet")
    return files


def task_inputs(analysis, purposes):
    """Inputs of an analysis of one dataset: the passes of a model by purpose, the dataset's files, and the code."""

    def inputs(wildcards):
        dataset = config["thesis"][analysis]["dataset"]
        files = {purpose: thesis_pass(wildcards.model, dataset, purpose) for purpose in purposes}
        return files | {
            "samples": thesis_crops(wildcards.model, dataset, "samples.parquet", purposes[0]),
            "files": dataset_files(dataset),
            "code": reader_code(f"tabulate_{analysis}", dataset),
        }

    return inputs


def file_options(*names):
    """Command line options `--name files` for those named inputs that the job has."""

    def options(wildcards, input):
        return " ".join(f"--{name.replace('_', '-')} {input[name]}" for name in names if name in input.keys())

    return options


def demo_pass_files(dataset):
    geometry = f"resize{config['demo']['geometry']['resize']}-crop{config['demo']['geometry']['crop']}"
    return {
        "passes": [pass_file(model, dataset, geometry) for model in SETTINGS.demo_models],
        "samples": crops(dataset, geometry, "samples.parquet"),
    }


def feature_files():
    """Passes that the ``features`` section of the configuration asks for."""
    geometry = f"resize{config['features']['geometry']['resize']}-crop{config['features']['geometry']['crop']}"
    return [pass_file(model, dataset, geometry) for dataset in config["features"]["datasets"] for model in MODELS]


def report_inputs(wildcards):
    """What the report shows beside the figures: in a run with demo models, their check and the painted world."""
    if not SETTINGS.demo_models:
        return {}
    return {
        "knn": f"{RESULTS}/tables/demo/knn.parquet",
        "contact_sheet": f"{RESULTS}/figures/demo/contact_sheet.png",
    }


def tables(study, analysis, models=None):
    return expand(f"{RESULTS}/tables/{study}/{analysis}/{{model}}.parquet", model=models or MODELS)


def maps(study, analysis, models=None):
    return expand(f"{RESULTS}/maps/{study}/{analysis}/{{model}}.safetensors", model=models or MODELS)


def model_tables():
    """Tables of one model each, of every enabled analysis."""
    return [table for name in thesis_plan.analyses(config["thesis"]) if name != "cka" for table in tables("thesis", name)]


def summary_tables():
    """Tables that the study's summary is drawn up from."""
    asked = [name for name in ("knn", "retrieval", "video", "keypoints") if config["thesis"][name] is not None]
    return [table for name in asked or ["residual"] for table in tables("thesis", name)]


def enabled_figures():
    """Figures of the enabled studies whose analyses the configuration asks for."""
    asked = {"thesis": {*thesis_plan.analyses(config["thesis"])}}
    dense = (config["thesis"]["clustering"] or {}).get("dense")
    figures = [f for f in FIGURES if f.study in config["studies"] and {*f.analyses} <= asked[f.study]]
    return [figure for figure in figures if dense or not figure.dense]


def figure_names(study):
    return [figure.name for figure in FIGURES if figure.study == study]


def figure_files(suffixes=("pdf", "png", "csv")):
    return [f"{RESULTS}/figures/{figure.key}.{suffix}" for figure in enabled_figures() for suffix in suffixes]


def figure_inputs(wildcards):
    """Tables and maps of the models that the figure shows, as far as it reads them, and its code."""
    figure = catalogue.figure("thesis", wildcards.figure)
    models = SETTINGS.main_models if figure.main else MODELS
    files = {"code": code_inputs("draw_figure", figure.module.removeprefix("workflow_scripts."))}
    if figure.analyses:
        files["tables"] = [table for name in figure.analyses for table in tables("thesis", name, models)]
    if figure.maps:
        files["maps"] = maps("thesis", "attention", models)
    if figure.cka:
        files["cka"] = CKA
    return files


def figure_options(wildcards, input):
    figure = catalogue.figure("thesis", wildcards.figure)
    models = SETTINGS.main_models if figure.main else MODELS
    return f"{file_options('tables', 'maps', 'cka')(wildcards, input)} --models {' '.join(models)}"
