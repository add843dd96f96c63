"""Weights: the demo's small zoo, as it was shipped or trained here, in each method's official layout."""


rule take_demo_model:
    """Take one network of the shipped zoo, verified as what is fetched is."""
    input:
        lambda wildcards: f"{FOLDER}/{wildcards.checkpoint}",
    output:
        f"{RESOURCES}/checkpoints/{{checkpoint}}",
    log:
        f"{RESULTS}/logs/take_demo_model/{{checkpoint}}.log",
    wildcard_constraints:
        checkpoint=one_of(SHIPPED_SOURCES),
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        model=lambda wildcards: DEMO_CHECKPOINTS[wildcards.checkpoint],
        source=lambda wildcards: json.dumps(SHIPPED_SOURCES[wildcards.checkpoint], sort_keys=True),
        folder=FOLDER.as_posix(),
        index=INDEX.as_posix(),
    message:
        "Taking {params.model} from the shipped zoo"
    shell:
        "python -m workflow_scripts.fetch_model --model {params.model:q} --source {params.source:q} --incoming {params.folder:q}"
        " --lock config/fetched.lock.yaml --registry {params.index:q} --output {output:q} &> {log:q}"


rule paint_zoo_world:
    """Paint the images that the zoo trains on, and those of its learning curves."""
    input:
        code=code_inputs("paint_zoo_world"),
    output:
        zoo=f"{RESOURCES}/demo/world/zoo.safetensors",
        tuning=f"{RESOURCES}/demo/world/tuning.safetensors",
    log:
        f"{RESULTS}/logs/paint_zoo_world.log",
    benchmark:
        f"{RESULTS}/benchmarks/paint_zoo_world.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(Needs(minutes=30, memory_mb=6000)),
    params:
        seed=config["seed"],
        zoo=config["demo"]["zoo_images"],
        tuning=config["demo"]["tuning_images"],
    message:
        "Painting the images that the demo's models train on"
    shell:
        "python -m workflow_scripts.paint_zoo_world --seed {params.seed:q} --zoo-images {params.zoo:q}"
        " --tuning-images {params.tuning:q} --zoo {output.zoo:q} --tuning {output.tuning:q} 2>&1 | tee {log:q}"


rule train_demo_model:
    """Train one tiny ViT of the demo zoo."""
    input:
        zoo=f"{RESOURCES}/demo/world/zoo.safetensors",
        tuning=f"{RESOURCES}/demo/world/tuning.safetensors",
        code=lambda wildcards: code_inputs("train_demo_model"),
    output:
        checkpoint=f"{RESOURCES}/checkpoints/{{checkpoint}}",
        record=f"{RESOURCES}/demo_records/{{checkpoint}}.json",
    log:
        f"{RESULTS}/logs/train_demo_model/{{checkpoint}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_demo_model/{{checkpoint}}.tsv"
    wildcard_constraints:
        checkpoint=one_of([] if DEMO_IS_SHIPPED else DEMO_CHECKPOINTS),
    conda:
        "../envs/vit.yaml"
    threads: config["threads_per_pass"]
    resources:
        **growing(Needs(minutes=240, memory_mb=3000)),
        gpu=gpus_per_job,
    params:
        method=lambda wildcards: SETTINGS.models[DEMO_CHECKPOINTS[wildcards.checkpoint]]["checkpoint"]["source"]["method"],
        effort=config["demo"]["effort"],
        seed=config["seed"],
        gpu=config["gpu"],
    message:
        "Training the demo's {params.method} model"
    shell:
        "python -m workflow_scripts.train_demo_model --method {params.method:q} --world {input.zoo:q} --tuning {input.tuning:q}"
        " --seed {params.seed:q} --effort {params.effort:q} --threads {threads} --gpu {params.gpu:q}"
        " --output {output.checkpoint:q} --record {output.record:q} 2>&1 | tee {log:q}"


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
