"""The checked configuration, and the names that rules share. What jobs there are is in studies/targets.py."""

import glob
import json
import os
import re
import sys
from functools import partial

import snakemake.benchmark as benchmarking

from workflow_scripts.common.atomic import clear_stale
from workflow_scripts.common.code_inputs import code_inputs
from workflow_scripts.common.device import machine_has_gpu
from workflow_scripts.common.errors import AtlasError
from workflow_scripts.common.interpreter import jobs_use_this_python
from workflow_scripts.common.left_jobs import note_jobs, wait_for_left_jobs
from workflow_scripts.common.run_lock import hold_folders
from workflow_scripts.common.run_messages import command_text, from_here, published_line, say_at_exit
from workflow_scripts.common.slurm import check_slurm
from workflow_scripts.common.yaml_file import read_yaml
from workflow_scripts.data.views import PATTERN
from workflow_scripts.demo.shipped import FOLDER, INDEX, shipped_sources
from workflow_scripts.fetch.incoming import missing_incoming
from workflow_scripts.studies.needs import Needs
from workflow_scripts.studies.settings import load_settings
from workflow_scripts.studies.targets import Targets, scores_json


def checked_settings():
    """Read every configuration file strictly, as Snakemake does not, then check what it merged of them."""
    files = ["config/config.yaml", *map(from_here, workflow.overwrite_configfiles)]
    for file in files:
        if not isinstance(read_yaml(file), dict):
            raise AtlasError(f"{file}: expected keys with values (key: value) at the top, one of config/config.yaml's")
    return load_settings(config, files)


def stop_with(problem):
    """End with one line for each mistake: a WorkflowError would put the place in this file before them."""
    print("\n".join(f"error: {line}" for line in str(problem).splitlines()), file=sys.stderr)
    sys.exit(1)


try:
    SETTINGS = checked_settings()
except AtlasError as problem:
    stop_with(problem)

jobs_use_this_python()

TARGETS = Targets(SETTINGS)
if workflow.is_main_process:
    for line in SETTINGS.left_out.values():
        print(f"note: {line}", file=sys.stderr)
RESULTS, RESOURCES = config["results"], config["resources"]
REPORT = f"{RESULTS}/report/index.html"
LATEX = f"{RESULTS}/report/latex/report.tex"
SMALL = Needs(minutes=30, memory_mb=8000)
RUN_COMMAND = command_text(workflow.overwrite_configfiles, workflow.config_settings.config)
DEMO_IS_SHIPPED = config["demo"]["zoo"] == "shipped"
DEMO_CHECKPOINTS = {SETTINGS.checkpoint(name).rsplit("/", 1)[1]: name for name in SETTINGS.demo_models}
FETCHED_CHECKPOINTS = {SETTINGS.checkpoint(name).rsplit("/", 1)[1]: name for name in SETTINGS.fetched_models}
# Several datasets may lie in one folder: the splits and subsets of one archive.
DATASET_FOLDERS = {
    entry["path"].rsplit("/", 1)[1]: name
    for name, entry in reversed(SETTINGS.datasets.items())
    if entry["source"]["type"] == "archives"
}
try:
    SHIPPED_SOURCES = shipped_sources(DEMO_CHECKPOINTS if DEMO_IS_SHIPPED else [])
except AtlasError as problem:
    stop_with(problem)


def one_of(names):
    """Return the wildcard constraint that only these names meet."""
    return "|".join(map(re.escape, names)) or "none"


wildcard_constraints:
    model="[a-z][a-z0-9_]*",
    dataset="[a-z][a-z0-9_]*",
    view=PATTERN,
    grid="[0-9]+x[0-9]+",
    figure="[a-z][a-z0-9_]*",


def growing(needs):
    """Return memory and run time of jobs, as they need them or as a function of wildcards says: at each attempt as much again."""
    of = needs if callable(needs) else lambda wildcards: needs
    return {
        "mem_mb": lambda wildcards, attempt: attempt * of(wildcards).memory_mb,
        "runtime": lambda wildcards, attempt: attempt * of(wildcards).minutes,
    }


def on_cluster():
    """Return whether other machines run the jobs. While rules are read Snakemake does not know it yet."""
    planned = workflow.dryrun and workflow.global_resources["_nodes"].value is not None
    return workflow.remote_exec or workflow.non_local_exec or planned


def gpus_per_job(wildcards):
    """Return 1 if jobs that can use a GPU are to have one; of those of a cluster the machine that submits knows nothing."""
    return int(config["gpu"] == "require" or (config["gpu"] == "auto" and (on_cluster() or machine_has_gpu())))


def together(group, needs=lambda wildcards: SMALL):
    """Return the group of jobs that need little, of which a cluster is given many in one submission; others go alone."""

    def choose(wildcards):
        job = needs(wildcards) if on_cluster() else None
        return group if job and job.minutes <= SMALL.minutes and job.memory_mb <= SMALL.memory_mb else None

    return choose


def crops_needs(wildcards):
    return TARGETS.crops_needs(wildcards.dataset, wildcards.view)


def models_of(analysis, wildcards):
    """The models whose passes a job of an analysis reads: its own, or all that it is made of."""
    return TARGETS.analysis_models(analysis) if analysis.over_models else [wildcards.model]


def analysis_needs(analysis, wildcards):
    return TARGETS.analysis_needs(analysis, models_of(analysis, wildcards))


def only_planned():
    return {job.rule.name for job in workflow.dag.jobs} == {"plan"}


def stop_if_files_are_missing():
    """Ask for all files that only the user can get, of the jobs that are about to run."""
    wanted = {}
    for job in workflow.dag.needrun_jobs():
        if job.rule.name == "fetch_dataset":
            name = DATASET_FOLDERS[job.wildcards.folder]
            wanted[name] = SETTINGS.datasets[name]
        elif job.rule.name == "fetch_model":
            name = FETCHED_CHECKPOINTS[job.wildcards.checkpoint]
            wanted[name] = SETTINGS.models[name]
    missing = missing_incoming(wanted, config["incoming"], f"{RESOURCES}/downloads")
    if missing:
        print(f"Put these files into {config['incoming']}/ and run the same command again.", file=sys.stderr)
        stop_with("\n".join(missing))


def hold_this_run():
    """Keep other runs out of the folders that this one fills, and clear there what killed jobs have left."""
    try:
        if hasattr(workflow.executor_settings, "status_command"):  # those of the Slurm plugin
            check_slurm(workflow.executor_settings.status_command)
        hold_folders([RESULTS, RESOURCES])
        if wait_for_left_jobs([RESULTS, RESOURCES]):
            # What they have made is no work of this run any more, which was planned before.
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    except AtlasError as problem:
        stop_with(problem)
    # What the Slurm plugin calls all jobs of this run; other executors have no name for theirs.
    note_jobs([RESULTS, RESOURCES], getattr(workflow.scheduler._executor, "run_uuid", ""))
    for folder in (RESULTS, RESOURCES):
        clear_stale(folder)


def lift_default_job_rate():
    """Submit jobs as soon as they are ready, unless the command line or a profile says how many a second.

    Every job that Snakemake starts under a limit leaves a timer that goes through all ready jobs once in its timespan until the
    run ends. Under the default of 100 a second, some hundred jobs keep a core busy with that alone.
    """
    limit = workflow.scheduling_settings.max_jobs_per_timespan
    if limit and (limit.max_jobs, limit.timespan) == (100, 1):
        workflow.scheduler.job_rate_limiter = None


def measure_jobs_less_often():
    """Look at the memory of running jobs every two seconds, not twice a second.

    Snakemake reads it page table by page table while a job is young, and most jobs are: some 5 % of a core.
    """
    benchmarking.BENCHMARK_INTERVAL_SHORT = 2


# Jobs that show progress write it on the screen too, through tee; the others write into their log alone.
def untracked(value):
    """Return a parameter that is no reason to run again: Snakemake does not track functions of the output."""
    return lambda wildcards, output: value


CLAIMS_LABELS = {"number": "", "title": "Claims with their verdicts", "models": "all"}


def in_report(file, study, labels):
    """Return an output that stands among the claims and tables of a study in Snakemake's own report."""
    return report(file, category=study.title, subcategory="Claims and tables", labels=labels)


def summary_outputs(study):
    """Return the files of a study's tables for reading; the HTML ones stand in Snakemake's own report."""
    files = TARGETS.summary_files(study)
    return [in_report(file, study, TARGETS.table_labels(study, file)) if file.endswith(".html") else file for file in files]
