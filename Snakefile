"""ViT Atlas: the open, reproducible map of what Vision Transformers learn."""

from snakemake.utils import min_version

min_version("9.20")


configfile: "config/config.yaml"


# What Snakemake's own report (`snakemake --report`) begins with.
report: "workflow_scripts/report/workflow.rst"


include: "rules/common.smk"
include: "rules/fetch.smk"
include: "rules/models.smk"
include: "rules/datasets.smk"
include: "rules/onepass.smk"
include: "rules/studies.smk"
include: "rules/report.smk"


rule all:
    default_target: True
    input:
        REPORT,
        LATEX,
        TARGETS.feature_files(),


rule figures:
    input:
        TARGETS.figure_files(),


onstart:
    # All that is missing is asked for at once, before anything heavy starts. A dry run and `plan` do not come here.
    if not only_planned():
        stop_if_files_are_missing()  # before anything is written
        hold_this_run()
    lift_default_job_rate()
    measure_jobs_less_often()


onsuccess:
    if any(job.rule.name == "write_report" for job in workflow.dag.jobs):
        print(f"\nThe report is ready: open {REPORT} in a browser.")
        if said := published_line(f"{RESULTS}/scorecard.csv"):
            print(said)


onerror:
    say_at_exit((str(job), next(iter(job.log), "")) for job in workflow.scheduler.failed)
