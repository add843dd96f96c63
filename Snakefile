"""ViT Atlas: the open, reproducible map of what Vision Transformers learn."""

from snakemake.utils import min_version

min_version("9.20")


configfile: "config/config.yaml"


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


onerror:
    say_at_exit((str(job), next(iter(job.log), "")) for job in workflow.scheduler.failed)
