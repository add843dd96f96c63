"""What the studies make of passes: tables, tables for reading, claims and figures; one loop for all that are described."""

for analysis in TARGETS.analyses.values():  # bound by partial: a lambda would see the last one

    rule:
        """Compute one analysis of a study from its passes."""
        name:
            f"{analysis.study}_{analysis.name}"
        input:
            unpack(
                partial(
                    lambda analysis, wildcards: TARGETS.analysis_inputs(analysis, models_of(analysis, wildcards)), analysis
                )
            ),
        output:
            **TARGETS.analysis_outputs(analysis),
        log:
            TARGETS.analysis_file(analysis, "log"),
        benchmark:
            TARGETS.analysis_file(analysis, "benchmark")
        group:
            None if analysis.on_device else together("tables", partial(analysis_needs, analysis))
        conda:
            f"../envs/{'vit' if analysis.on_device else 'analysis'}.yaml"
        threads: config["threads_per_pass"] if analysis.needs.get("threads") else 1
        resources:
            **growing(partial(analysis_needs, analysis)),
            gpu=gpus_per_job if analysis.on_device else 0,
        params:
            passes=partial(
                lambda analysis, wildcards: TARGETS.analysis_passes(analysis, models_of(analysis, wildcards)), analysis
            ),
            settings=TARGETS.analysis_settings(analysis),
            seed=config["seed"],
            module=analysis.command,
            command=[analysis.key, *(["--over-models"] if analysis.over_models else [])],
            options=partial(
                lambda analysis, wildcards: TARGETS.analysis_options(analysis, models_of(analysis, wildcards)), analysis
            ),
            maps=partial(lambda analysis, wildcards, output: ["--maps", output.maps] if analysis.maps else [], analysis),
        message:
            f"{analysis.title}{' of all models' if analysis.over_models else ' of {wildcards.model}'}"
        shell:
            "python -m workflow_scripts.{params.module:q} {params.command:q} --passes {params.passes:q} --settings {params.settings:q}"
            " --seed {params.seed:q} --table {output.table:q} {params.maps:q} {params.options:q} &> {log:q}"


for study in SETTINGS.studies:

    if study.summary:

        rule:
            """Draw up a study's tables for reading."""
            name:
                f"{study.name}_summary"
            input:
                **TARGETS.summary_inputs(study),
            output:
                summary_outputs(study),
            log:
                f"{RESULTS}/logs/{study.name}/summary.log",
            benchmark:
                f"{RESULTS}/benchmarks/{study.name}/summary.tsv"
            conda:
                "../envs/analysis.yaml"
            resources:
                **growing(Needs(minutes=15, memory_mb=2000)),
            params:
                study=study.name,
                scores=scores_json(study),
                folder=lambda wildcards, output: os.path.dirname(output[0]),
            message:
                f"Tables for reading of the study {study.name}"
            shell:
                "python -m workflow_scripts.summarise {params.study:q} --tables {input.tables:q} --models {input.models:q}"
                " --scores {params.scores:q} --output-dir {params.folder:q} &> {log:q}"

    if study.claims:

        rule:
            """Compare a study's claims with what was measured."""
            name:
                f"{study.name}_claims"
            input:
                **TARGETS.claims_inputs(study),
            output:
                json=in_report(TARGETS.claims_file(study), study, CLAIMS_LABELS),
                tex=f"{RESULTS}/tables/{study.name}/claims.tex",
            log:
                f"{RESULTS}/logs/{study.name}/claims.log",
            benchmark:
                f"{RESULTS}/benchmarks/{study.name}/claims.tsv"
            conda:
                "../envs/analysis.yaml"
            resources:
                **growing(Needs(minutes=15, memory_mb=4000)),
            params:
                study=study.name,
                options=TARGETS.claims_options(study),
            message:
                f"Judging the claims of the study {study.name}"
            shell:
                "python -m workflow_scripts.judge_claims {params.study:q} --claims {input.claims:q} --models {input.models:q}"
                " {params.options:q} --output {output.json:q} --latex {output.tex:q} &> {log:q}"

    rule:
        """Draw one figure of a study from tables and maps."""
        name:
            f"{study.name}_figure"
        input:
            unpack(partial(lambda study, wildcards: TARGETS.figure_inputs(TARGETS.figure(study, wildcards.figure)), study)),
        output:
            pdf=f"{RESULTS}/figures/{study.name}/{{figure}}.pdf",
            png=report(
                f"{RESULTS}/figures/{study.name}/{{figure}}.png",
                caption="../workflow_scripts/report/caption.rst",
                category=study.title,
                subcategory=partial(lambda study, wildcards: TARGETS.figure(study, wildcards.figure).section, study),
                labels=partial(lambda study, wildcards: TARGETS.figure_labels(TARGETS.figure(study, wildcards.figure)), study),
            ),
            csv=f"{RESULTS}/figures/{study.name}/{{figure}}.csv",
        log:
            f"{RESULTS}/logs/{study.name}/figures/{{figure}}.log",
        benchmark:
            f"{RESULTS}/benchmarks/{study.name}/figures/{{figure}}.tsv"
        wildcard_constraints:
            figure="|".join(figure.name for figure in study.figures) or "none",
        group:
            together("figures")
        conda:
            "../envs/analysis.yaml"
        resources:
            **growing(Needs(minutes=5, memory_mb=2000)),
        params:
            options=partial(lambda study, wildcards: TARGETS.figure_options(TARGETS.figure(study, wildcards.figure)), study),
            # Words: functions of the output are not tracked, so a comma redraws nothing.
            title=partial(lambda study, wildcards, output: TARGETS.figure(study, wildcards.figure).title, study),
            caption=partial(lambda study, wildcards, output: TARGETS.figure(study, wildcards.figure).caption, study),
        message:
            "Drawing {wildcards.figure}"
        shell:
            "python -m workflow_scripts.draw_figure --run-models {input.models:q} {params.options:q}"
            " --pdf {output.pdf:q} --png {output.png:q} --csv {output.csv:q} &> {log:q}"
