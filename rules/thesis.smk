"""The thesis study: how supervision shapes ViTs (Walmer et al. 2023)."""


rule tabulate_attention:
    """Turn the attention statistics of one model into a table and maps."""
    input:
        unpack(attention_passes),
        code=lambda wildcards: code_inputs("tabulate_attention"),
    output:
        table=f"{RESULTS}/tables/thesis/attention/{{model}}.parquet",
        maps=f"{RESULTS}/maps/thesis/attention/{{model}}.safetensors",
    log:
        f"{RESULTS}/logs/tabulate_attention/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_attention/{{model}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        seed=config["seed"],
    message:
        "Attention analysis of {wildcards.model}"
    shell:
        "python -m workflow_scripts.tabulate_attention --attention-pass {input.attention_pass} --mask-pass {input.mask_pass}"
        " --crops {input.crops} --samples {input.samples} --seed {params.seed} --table {output.table}"
        " --maps {output.maps} &> {log}"


rule tabulate_clustering:
    """Cluster the image, object and part features of one model."""
    input:
        unpack(clustering_inputs),
        code=code_inputs("tabulate_clustering"),
    output:
        f"{RESULTS}/tables/thesis/clustering/{{model}}.parquet",
    log:
        f"{RESULTS}/logs/tabulate_clustering/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_clustering/{{model}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=8000,
        runtime=240,
    params:
        files=file_options("object_normal", "object_dense", "part_normal", "part_dense"),
        clusters=lambda wildcards: " ".join(
            f"--{kind}-clusters {config['thesis']['clustering'][f'{kind}_clusters']}" for kind in ("image", "object", "part")
        ),
        restarts=lambda wildcards: config["thesis"]["clustering"]["restarts"],
        seed=config["seed"],
    message:
        "Clustering of {wildcards.model}"
    shell:
        "python -m workflow_scripts.tabulate_clustering --image-pass {input.image_pass}"
        " --image-samples {input.image_samples} {params.files} {params.clusters} --restarts {params.restarts}"
        " --seed {params.seed} --table {output} &> {log}"


rule tabulate_residual:
    """Compare skip connections and branches of one model."""
    input:
        passed=lambda wildcards: thesis_pass(wildcards.model, config["thesis"]["similarity"]["dataset"]),
        code=code_inputs("tabulate_residual"),
    output:
        f"{RESULTS}/tables/thesis/residual/{{model}}.parquet",
    log:
        f"{RESULTS}/logs/tabulate_residual/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_residual/{{model}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        seed=config["seed"],
    message:
        "Residual connections of {wildcards.model}"
    shell:
        "python -m workflow_scripts.tabulate_residual --pass {input.passed} --seed {params.seed} --table {output} &> {log}"


rule tabulate_cka:
    """Compare the representations of all models and layers, from Gram blocks alone."""
    input:
        passes=[thesis_pass(model, config["thesis"]["similarity"]["dataset"]) for model in MODELS],
        code=code_inputs("tabulate_cka"),
    output:
        CKA,
    log:
        f"{RESULTS}/logs/tabulate_cka.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_cka.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=8000,
        runtime=60,
    params:
        seed=config["seed"],
    message:
        "CKA of all pairs of models"
    shell:
        "python -m workflow_scripts.tabulate_cka --passes {input.passes} --seed {params.seed} --table {output} &> {log}"


rule tabulate_knn:
    """Classify images by their nearest neighbours, at every layer of one model."""
    input:
        unpack(knn_inputs),
        code=code_inputs("tabulate_knn"),
    output:
        f"{RESULTS}/tables/thesis/knn/{{model}}.parquet",
    log:
        f"{RESULTS}/logs/tabulate_knn/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_knn/{{model}}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: config["threads_per_pass"]
    resources:
        mem_mb=8000,
        runtime=720,
    params:
        neighbours=lambda wildcards: " ".join(map(str, config["thesis"]["knn"]["neighbours"])),
        seed=config["seed"],
    message:
        "k-NN classification by {wildcards.model}"
    shell:
        "python -m workflow_scripts.tabulate_knn --bank-pass {input.bank_pass} --query-pass {input.query_pass}"
        " --bank-samples {input.bank_samples} --query-samples {input.query_samples} --neighbours {params.neighbours}"
        " --seed {params.seed} --table {output} &> {log}"


rule tabulate_retrieval:
    """Retrieve images at every layer of one model."""
    input:
        unpack(task_inputs("retrieval", ["retrieval"])),
    output:
        f"{RESULTS}/tables/thesis/retrieval/{{model}}.parquet",
    log:
        f"{RESULTS}/logs/tabulate_retrieval/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_retrieval/{{model}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        reader=lambda wildcards: reader(config["thesis"]["retrieval"]["dataset"]),
        seed=config["seed"],
    message:
        "Retrieval by {wildcards.model}"
    shell:
        "python -m workflow_scripts.tabulate_retrieval --pass {input.retrieval} --samples {input.samples} {params.reader}"
        " --seed {params.seed} --table {output} &> {log}"


rule tabulate_video:
    """Score the masks that every layer of one model propagates through videos."""
    input:
        unpack(task_inputs("video", ["frames", *(["dense"] if (config["thesis"]["video"] or {}).get("dense") else [])])),
    output:
        f"{RESULTS}/tables/thesis/video/{{model}}.parquet",
    log:
        f"{RESULTS}/logs/tabulate_video/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_video/{{model}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=4000,
        runtime=480,
    params:
        passes=file_options("frames", "dense"),
        reader=lambda wildcards: reader(config["thesis"]["video"]["dataset"]),
        seed=config["seed"],
    message:
        "Video propagation by {wildcards.model}"
    shell:
        "python -m workflow_scripts.tabulate_video {params.passes} --samples {input.samples} {params.reader}"
        " --seed {params.seed} --table {output} &> {log}"


rule tabulate_keypoints:
    """Score the key points that every layer of one model finds again."""
    input:
        passed=lambda wildcards: thesis_pass(wildcards.model, config["thesis"]["keypoints"]["dataset"], "keypoints"),
        pairs=lambda wildcards: thesis_crops(
            wildcards.model, config["thesis"]["keypoints"]["dataset"], "pairs.safetensors", "keypoints"
        ),
        code=code_inputs("tabulate_keypoints"),
    output:
        f"{RESULTS}/tables/thesis/keypoints/{{model}}.parquet",
    log:
        f"{RESULTS}/logs/tabulate_keypoints/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_keypoints/{{model}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        alphas=lambda wildcards: " ".join(map(str, config["thesis"]["keypoints"]["alphas"])),
        seed=config["seed"],
    message:
        "Key points of {wildcards.model}"
    shell:
        "python -m workflow_scripts.tabulate_keypoints --pass {input.passed} --pairs {input.pairs}"
        " --alphas {params.alphas} --seed {params.seed} --table {output} &> {log}"


rule tabulate_summary:
    """Best layer of every model and task, dense against normal features, and the models: the study's tables."""
    input:
        tables=summary_tables(),
        code=code_inputs("tabulate_summary"),
    output:
        [f"{RESULTS}/tables/thesis/{name}.{suffix}" for name in SUMMARY_TABLES for suffix in ("parquet", "html", "tex")],
    log:
        f"{RESULTS}/logs/tabulate_summary.log",
    benchmark:
        f"{RESULTS}/benchmarks/tabulate_summary.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        models=lambda wildcards: json.dumps(SETTINGS.models),
        folder=lambda wildcards, output: os.path.dirname(output[0]),
    message:
        "Tables of the best layers, dense features and models"
    shell:
        "python -m workflow_scripts.tabulate_summary --tables {input.tables} --models-json {params.models:q}"
        " --output-dir {params.folder} &> {log}"


rule judge_claims:
    """Compare the study's claims with the tables."""
    input:
        tables=model_tables(),
        maps=maps("thesis", "attention"),
        cka=CKA,
        claims="config/published/thesis.yaml",
        code=code_inputs("judge_claims"),
    output:
        json=CLAIMS,
        tex=f"{RESULTS}/tables/thesis/claims.tex",
    log:
        f"{RESULTS}/logs/judge_claims.log",
    benchmark:
        f"{RESULTS}/benchmarks/judge_claims.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        models=lambda wildcards: json.dumps(SETTINGS.models),
        main_models=SETTINGS.main_models,
    message:
        "Judging the study's claims"
    shell:
        "python -m workflow_scripts.judge_claims --tables {input.tables} --maps {input.maps} --cka {input.cka}"
        " --models-json {params.models:q} --main-models {params.main_models} --claims {input.claims}"
        " --output {output.json} --latex {output.tex} &> {log}"


rule draw_thesis_figure:
    """Draw one figure of the thesis study from tables and maps."""
    input:
        unpack(figure_inputs),
    output:
        pdf=f"{RESULTS}/figures/thesis/{{figure}}.pdf",
        png=report(
            f"{RESULTS}/figures/thesis/{{figure}}.png",
            caption="../workflow_scripts/report/caption.rst",
            category="Study 1: thesis",
            subcategory=lambda wildcards: catalogue.figure("thesis", wildcards.figure).section,
            labels={"figure": "{figure}"},
        ),
        csv=f"{RESULTS}/figures/thesis/{{figure}}.csv",
    log:
        f"{RESULTS}/logs/draw_thesis_figure/{{figure}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/draw_thesis_figure/{{figure}}.tsv"
    wildcard_constraints:
        figure="|".join(figure_names("thesis")),
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        options=figure_options,
        title=lambda wildcards: catalogue.figure("thesis", wildcards.figure).title,
        caption=lambda wildcards: catalogue.figure("thesis", wildcards.figure).caption,
    message:
        "Drawing {wildcards.figure}"
    shell:
        "python -m workflow_scripts.draw_figure thesis/{wildcards.figure} {params.options}"
        " --pdf {output.pdf} --png {output.png} --csv {output.csv} &> {log}"
