"""What a person reads: the demo's check and contact sheet, what was run, and the HTML report."""


rule check_demo_zoo:
    """Measure k-NN accuracy of the demo zoo and stop if a training has collapsed."""
    input:
        bank=lambda wildcards: demo_pass_files("demo_train")["passes"],
        query=lambda wildcards: demo_pass_files("demo_val")["passes"],
        bank_samples=lambda wildcards: demo_pass_files("demo_train")["samples"],
        query_samples=lambda wildcards: demo_pass_files("demo_val")["samples"],
        code=lambda wildcards: code_inputs("check_demo_zoo"),
    output:
        f"{RESULTS}/tables/demo/knn.parquet",
    log:
        f"{RESULTS}/logs/check_demo_zoo.log",
    benchmark:
        f"{RESULTS}/benchmarks/check_demo_zoo.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        neighbours=config["demo"]["neighbours"],
        margin=lambda wildcards: (
            "" if config["demo"]["minimum_margin"] is None else f"--minimum-margin {config['demo']['minimum_margin']}"
        ),
        seed=config["seed"],
    message:
        "Checking that every demo model has learned something"
    shell:
        "python -m workflow_scripts.check_demo_zoo --bank-passes {input.bank} --query-passes {input.query}"
        " --bank-samples {input.bank_samples} --query-samples {input.query_samples} --neighbours {params.neighbours}"
        " {params.margin} --seed {params.seed} --output {output} &> {log}"


rule draw_contact_sheet:
    """Show the demo world: images with their ground truth, and a clip."""
    input:
        world=f"{RESOURCES}/demo/world/val.safetensors",
        clips=f"{RESOURCES}/demo/world/clips.safetensors",
        code=lambda wildcards: code_inputs("draw_contact_sheet"),
    output:
        pdf=f"{RESULTS}/figures/demo/contact_sheet.pdf",
        png=f"{RESULTS}/figures/demo/contact_sheet.png",
    log:
        f"{RESULTS}/logs/draw_contact_sheet.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_contact_sheet.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=15,
    message:
        "Drawing the demo world's contact sheet"
    shell:
        "python -m workflow_scripts.draw_contact_sheet --images {input.world} --clips {input.clips}"
        " --pdf {output.pdf} --png {output.png} &> {log}"


rule describe_run:
    """Write down what was run."""
    input:
        tables=tables("thesis", "attention"),
        samples=[crops(dataset, geometry, "samples.parquet") for dataset, geometry in USED_DATASETS.items()],
        skipped=[crops(dataset, geometry, "skipped.json") for dataset, geometry in USED_DATASETS.items()],
        code=lambda wildcards: code_inputs("describe_run"),
    output:
        f"{RESULTS}/run.json",
    log:
        f"{RESULTS}/logs/describe_run.log",
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=15,
    params:
        config=lambda wildcards: json.dumps(config),
        models=lambda wildcards: json.dumps(SETTINGS.models),
        datasets=lambda wildcards: json.dumps({dataset: SETTINGS.datasets[dataset] for dataset in USED_DATASETS}),
        benchmarks=f"{RESULTS}/benchmarks",
        command=RUN_COMMAND,
    message:
        "Writing down what was run"
    shell:
        "python -m workflow_scripts.describe_run --config {params.config:q} --models {params.models:q}"
        " --datasets {params.datasets:q} --tables {input.tables} --samples {input.samples} --skipped {input.skipped}"
        " --benchmarks {params.benchmarks} --command {params.command:q} --output {output} &> {log}"


rule write_report:
    """Assemble the HTML report, one folder that opens offline."""
    input:
        unpack(report_inputs),
        figures=figure_files(),
        summary=[f"{RESULTS}/tables/thesis/{name}.html" for name in SUMMARY_TABLES],
        claims=CLAIMS,
        run=f"{RESULTS}/run.json",
        code=lambda wildcards: code_inputs("write_report"),
        templates=[*glob.glob("workflow_scripts/report/*.j2"), *glob.glob("workflow_scripts/report/*.css")],
    output:
        REPORT,
    log:
        f"{RESULTS}/logs/write_report.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_report.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=1000,
        runtime=15,
    params:
        figures=[figure.key for figure in enabled_figures()],
        folder=lambda wildcards: f"{RESULTS}/figures",
        summary=lambda wildcards, input: os.path.dirname(input.summary[0]),
        demo=lambda wildcards, input: (
            f"--contact-sheet {input.contact_sheet} --knn {input.knn}" if "knn" in input.keys() else ""
        ),
        output=lambda wildcards, output: os.path.dirname(output[0]),
    message:
        "Writing the report"
    shell:
        "python -m workflow_scripts.write_report --figures-dir {params.folder} --figure {params.figures}"
        " --run-info {input.run} --summary-dir {params.summary} --claims {input.claims} {params.demo}"
        " --output-dir {params.output} &> {log}"
