"""What a person reads: the demo's check and contact sheet, what was run, and the HTML report."""


rule check_demo_zoo:
    """Measure k-NN accuracy of the demo zoo and stop if a model knows too little."""
    input:
        bank=TARGETS.demo_passes("demo_train")["passes"],
        query=TARGETS.demo_passes("demo_val")["passes"],
        bank_samples=TARGETS.demo_passes("demo_train")["samples"],
        query_samples=TARGETS.demo_passes("demo_val")["samples"],
        models=TARGETS.models_file,
        code=code_inputs("check_demo_zoo"),
    output:
        f"{RESULTS}/tables/demo/knn.parquet",
    log:
        f"{RESULTS}/logs/check_demo_zoo.log",
    benchmark:
        f"{RESULTS}/benchmarks/check_demo_zoo.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(Needs(minutes=15, memory_mb=2000)),
    params:
        view=TARGETS.demo_passes("demo_val")["view"],
        neighbours=config["demo"]["neighbours"],
        margin=[] if config["demo"]["minimum_margin"] is None else ["--minimum-margin", config["demo"]["minimum_margin"]],
        seed=config["seed"],
    message:
        "Checking that every demo model has learned something"
    shell:
        "python -m workflow_scripts.check_demo_zoo --bank-passes {input.bank:q} --query-passes {input.query:q}"
        " --bank-samples {input.bank_samples:q} --query-samples {input.query_samples:q} --view {params.view:q}"
        " --models {input.models:q} --neighbours {params.neighbours:q}"
        " {params.margin:q} --seed {params.seed:q} --output {output:q} &> {log:q}"


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
        **growing(Needs(minutes=15, memory_mb=2000)),
    message:
        "Drawing the demo world's contact sheet"
    shell:
        "python -m workflow_scripts.draw_contact_sheet --images {input.world:q} --clips {input.clips:q}"
        " --pdf {output.pdf:q} --png {output.png:q} &> {log:q}"


rule describe_run:
    """Write down what was run."""
    input:
        passes=TARGETS.first_passes(),
        samples=[TARGETS.crops(dataset, view, "samples.parquet") for dataset, view in TARGETS.datasets.items()],
        skipped=[TARGETS.crops(dataset, view, "skipped.json") for dataset, view in TARGETS.datasets.items()],
        code=code_inputs("describe_run"),
    output:
        f"{RESULTS}/run.json",
    log:
        f"{RESULTS}/logs/describe_run.log",
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(Needs(minutes=15, memory_mb=1000)),
    params:
        config=json.dumps(config),
        models=json.dumps(TARGETS.described_models),
        datasets=list(TARGETS.datasets),
        benchmarks=f"{RESULTS}/benchmarks",
        command=RUN_COMMAND,
    message:
        "Writing down what was run"
    shell:
        "python -m workflow_scripts.describe_run --config {params.config:q} --passes {input.passes:q}"
        " --datasets {params.datasets:q} --samples {input.samples:q} --skipped {input.skipped:q}"
        " --benchmarks {params.benchmarks:q} --command {params.command:q} --output {output:q} &> {log:q}"


rule write_scorecard:
    """Set every published number of the studies beside that of this run."""
    input:
        **TARGETS.scorecard_inputs(),
    output:
        parquet=TARGETS.scorecard_file("parquet"),
        csv=TARGETS.scorecard_file("csv"),
    log:
        f"{RESULTS}/logs/write_scorecard.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_scorecard.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(Needs(minutes=15, memory_mb=4000)),
    params:
        published=[f"{study.name}={study.claims}" for study in SETTINGS.studies if study.claims],
        sizes=TARGETS.scorecard_sizes(),
    message:
        "Setting published numbers beside those of this run"
    shell:
        "python -m workflow_scripts.write_scorecard --published {params.published:q} --models {input.models:q}"
        " --sizes {params.sizes:q} --tables {input.tables:q} --parquet {output.parquet:q} --csv {output.csv:q} &> {log:q}"


rule write_report:
    """Assemble the HTML report, one folder that opens offline."""
    input:
        **TARGETS.report_inputs(),
        templates=[
            *(name for end in ("j2", "css", "js", "yaml") for name in glob.glob(f"workflow_scripts/report/*.{end}")),
            *glob.glob("workflow_scripts/report/assets/*/*"),
        ],
    output:
        REPORT,
    log:
        f"{RESULTS}/logs/write_report.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_report.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(Needs(minutes=15, memory_mb=4000)),
    params:
        studies=[study.name for study in SETTINGS.studies],
        figures=[figure.key for figure in TARGETS.figures],
        folders=["--figures-dir", f"{RESULTS}/figures", "--tables-dir", f"{RESULTS}/tables", "--maps-dir", f"{RESULTS}/maps"],
        explore=TARGETS.explored(),
        made=TARGETS.made_json(),
        demo=lambda wildcards, input: (
            ["--contact-sheet", input.contact_sheet, "--knn", input.knn] if "knn" in input.keys() else []
        ),
        card=lambda wildcards, input: ["--card", input.card] if "card" in input.keys() else [],
        output=lambda wildcards, output: os.path.dirname(output[0]),
    message:
        "Writing the report"
    shell:
        "python -m workflow_scripts.write_report --studies {params.studies:q} --figures {params.figures:q} {params.folders:q}"
        " --made {params.made:q} --models {input.models:q} --explore {params.explore:q} --scorecard {input.scorecard:q}"
        " --run-info {input.run:q} {params.demo:q} {params.card:q} --output-dir {params.output:q} &> {log:q}"


rule write_latex:
    """Write the report as LaTeX, into a folder of the report."""
    input:
        **TARGETS.latex_inputs(),
        report=REPORT,  # whose folder is replaced whole when it is written
    output:
        LATEX,
    log:
        f"{RESULTS}/logs/write_latex.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_latex.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(Needs(minutes=15, memory_mb=2000)),
    params:
        studies=[study.name for study in SETTINGS.studies],
        figures=[figure.key for figure in TARGETS.figures],
        folders=["--figures-dir", f"{RESULTS}/figures", "--tables-dir", f"{RESULTS}/tables"],
        output=lambda wildcards, output: os.path.dirname(output[0]),
    message:
        "Writing the report as LaTeX"
    shell:
        "python -m workflow_scripts.write_latex_report --studies {params.studies:q} --figures {params.figures:q} {params.folders:q}"
        " --tables {input.tables:q} --models {input.models:q} --scorecard {input.scorecard:q} --run-info {input.run:q}"
        " --citation {input.citation:q} --output-dir {params.output:q} &> {log:q}"


rule report_pdf:
    """Make a PDF of the LaTeX report, where LaTeX is installed."""
    input:
        source=LATEX,
        code=code_inputs("make_pdf"),
    output:
        f"{RESULTS}/report/latex/report.pdf",
    log:
        f"{RESULTS}/logs/report_pdf.log",
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(Needs(minutes=30, memory_mb=2000)),
    params:
        sources=lambda wildcards, input: os.path.dirname(input.source),
        latex=f"{RESULTS}/logs/report_pdf_latex.log",
    message:
        "Making a PDF of the report"
    shell:
        "python -m workflow_scripts.make_pdf --sources {params.sources:q} --latex-log {params.latex:q} --output {output:q} &> {log:q}"
