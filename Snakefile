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
        TARGETS.feature_files(),


rule figures:
    input:
        TARGETS.figure_files(),


onstart:
    # All that is missing is asked for at once, before anything heavy starts. A dry run and `plan` do not come here.
    stop_if_files_are_missing()


onsuccess:
    if not only_planned():
        print(f"\nThe report is ready: open {REPORT} in a browser.")


onerror:
    print("\nA job failed; the lines above name its log. Mend it and run the same command again: it resumes.")
