"""Weights: the demo's small zoo, trained here and saved in each method's official layout."""


rule train_demo_model:
    """Train one tiny ViT of the demo zoo."""
    input:
        world=f"{RESOURCES}/demo/world/train.safetensors",
        code=lambda wildcards: code_inputs("train_demo_model"),
    output:
        f"{RESOURCES}/checkpoints/{{checkpoint}}",
    log:
        f"{RESULTS}/logs/train_demo_model/{{checkpoint}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_demo_model/{{checkpoint}}.tsv"
    wildcard_constraints:
        checkpoint="|".join(map(re.escape, DEMO_CHECKPOINTS)) or "none",
    conda:
        "../envs/vit.yaml"
    threads: config["threads_per_pass"]
    resources:
        gpu=GPUS_PER_JOB,
        mem_mb=3000,
        runtime=30,
    params:
        method=lambda wildcards: SETTINGS.models[DEMO_CHECKPOINTS[wildcards.checkpoint]]["checkpoint"]["source"]["method"],
        effort=config["demo"]["effort"],
        seed=config["seed"],
        gpu=config["gpu"],
    message:
        "Training the demo's {params.method} model"
    shell:
        "python -m workflow_scripts.train_demo_model --method {params.method:q} --world {input.world:q} --seed {params.seed:q}"
        " --effort {params.effort:q} --threads {threads} --gpu {params.gpu:q} --output {output:q} 2>&1 | tee {log:q}"


rule describe_models:
    """Write down the models of this run: what figures, tables and claims call them and group them by."""
    output:
        TARGETS.models_file,
    log:
        f"{RESULTS}/logs/describe_models.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        config=untracked(json.dumps(config)),
        described=json.dumps(TARGETS.described_models),  # the reason to write it again
    message:
        "Describing the models of this run"
    shell:
        "python -m workflow_scripts.describe_models --config {params.config:q} --output {output:q} &> {log:q}"
