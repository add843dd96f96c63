"""Paths, targets and input functions, all derived from the checked configuration."""

import glob
import json
import os
import sys

from workflow_scripts.common.code_inputs import code_inputs
from workflow_scripts.common.device import machine_has_gpu
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.interpreter import jobs_use_this_python
from workflow_scripts.figures import catalogue
from workflow_scripts.figures.catalogue import FIGURES
from workflow_scripts.studies.settings import load_settings

try:
    SETTINGS = load_settings(config, ["config/config.yaml", *workflow.overwrite_configfiles])
except AtlasError as problem:
    print("\n".join(f"error: {line}" for line in str(problem).splitlines()), file=sys.stderr)
    sys.exit(1)

jobs_use_this_python()

RESULTS, RESOURCES = config["results"], config["resources"]
REPORT = f"{RESULTS}/report/index.html"
MODELS = list(SETTINGS.models)
GPUS_PER_JOB = int(config["gpu"] == "require" or (config["gpu"] == "auto" and machine_has_gpu()))
# Every dataset that a study looks at, with its geometry; the demo's training split only feeds the demo's check.
USED_DATASETS = dict(pair for passes in SETTINGS.passes.values() for pair in passes)
RUN_COMMAND = " ".join(["uv run snakemake", *(f"--configfile {file}" for file in workflow.overwrite_configfiles)])
DEMO_CHECKPOINTS = {SETTINGS.checkpoint(name).rsplit("/", 1)[1]: name for name in SETTINGS.demo_models}


wildcard_constraints:
    model="[a-z][a-z0-9_]*",
    dataset="[a-z][a-z0-9_]*",
    geometry="resize[0-9]+-crop[0-9]+",
    grid="[0-9]+x[0-9]+",
    figure="[a-z][a-z0-9_]*",


def dataset_file(wildcards):
    return SETTINGS.datasets[wildcards.dataset]["path"]


def crops(dataset, geometry, what):
    return f"{RESOURCES}/crops/{dataset}/{geometry}/{what}"


def pass_file(model, dataset, geometry):
    return f"{RESULTS}/passes/{dataset}/{geometry}/{model}.safetensors"


def pass_collectors(wildcards):
    return SETTINGS.passes[wildcards.model][wildcards.dataset, wildcards.geometry]


def pass_inputs(wildcards):
    """Files of a pass: crops, weights, object masks if a collector wants them, and the code that it imports."""
    model, dataset, geometry = wildcards.model, wildcards.dataset, wildcards.geometry
    if (dataset, geometry) not in SETTINGS.passes.get(model, {}):
        # Nobody asked for this pass: without an input to offer, Snakemake reports the target as unknown.
        return {"crops": f"{dataset} is not passed through {model} in this configuration"}
    files = {
        "crops": crops(dataset, geometry, "crops.npy"),
        "samples": crops(dataset, geometry, "samples.parquet"),
        "code": code_inputs("run_pass", f"zoo.{SETTINGS.models[model]['adapter']}"),
    }
    if SETTINGS.checkpoint(model):
        files["checkpoint"] = SETTINGS.checkpoint(model)
    if "mask_iou" in pass_collectors(wildcards):
        files["masks"] = crops(dataset, geometry, f"masks_{SETTINGS.patch_grid(model)}.safetensors")
    return files


def attention_passes(wildcards):
    settings = config["thesis"]["attention"]
    geometry = f"resize{settings['geometry']['resize']}-crop{settings['geometry']['crop']}"
    return {
        "attention_pass": pass_file(wildcards.model, settings["dataset"], geometry),
        "mask_pass": pass_file(wildcards.model, settings["mask_dataset"], geometry),
        "crops": crops(settings["dataset"], geometry, "crops.npy"),
        "samples": crops(settings["dataset"], geometry, "samples.parquet"),
    }


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


def tables(study, analysis):
    return expand(f"{RESULTS}/tables/{study}/{analysis}/{{model}}.parquet", model=MODELS)


def maps(study, analysis):
    return expand(f"{RESULTS}/maps/{study}/{analysis}/{{model}}.safetensors", model=MODELS)


def figure_names(study):
    return [figure.name for figure in FIGURES if figure.study == study]


def figure_files(suffixes=("pdf", "png", "csv")):
    return [
        f"{RESULTS}/figures/{figure.study}/{figure.name}.{suffix}"
        for figure in FIGURES
        if figure.study in config["studies"]
        for suffix in suffixes
    ]


def figure_inputs(wildcards):
    """Tables and maps, as far as the figure reads them, and its code."""
    figure = catalogue.figure("thesis", wildcards.figure)
    files = {"code": code_inputs("draw_figure", figure.module.removeprefix("workflow_scripts."))}
    if figure.needs_tables:
        files["tables"] = tables("thesis", "attention")
    if figure.needs_maps:
        files["maps"] = maps("thesis", "attention")
    return files


def figure_options(wildcards, input):
    return " ".join(f"--{kind} {' '.join(input[kind])}" for kind in ("tables", "maps") if kind in input.keys())
