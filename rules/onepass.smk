"""The one pass: a dataset goes through a model once, for every enabled study."""


rule run_pass:
    """Pass a dataset through a model and gather all statistics that the enabled studies ask for."""
    input:
        unpack(pass_inputs),
    output:
        f"{RESULTS}/passes/{{dataset}}/{{view}}/{{model}}.safetensors",
    log:
        f"{RESULTS}/logs/run_pass/{{dataset}}/{{view}}/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/run_pass/{{dataset}}/{{view}}/{{model}}.tsv"
    conda:
        "../envs/vit.yaml"
    threads: config["threads_per_pass"]
    resources:
        gpu=GPUS_PER_JOB,
        mem_mb=6000,
        runtime=240,
    params:
        entry=lambda wildcards: json.dumps(SETTINGS.models[wildcards.model], sort_keys=True),
        collectors=lambda wildcards: json.dumps(pass_collectors(wildcards), sort_keys=True),
        files=pass_options,
        batch_size=config["batch_size"],
        seed=config["seed"],
        gpu=config["gpu"],
    message:
        "Passing {wildcards.dataset} through {wildcards.model}"
    shell:
        "python -m workflow_scripts.run_pass --model {wildcards.model} --entry {params.entry:q} {params.files}"
        " --dataset {wildcards.dataset} --geometry {wildcards.view} --collectors {params.collectors:q}"
        " --crops {input.crops} --samples {input.samples} --batch-size {params.batch_size}"
        " --threads {threads} --seed {params.seed} --gpu {params.gpu} --output {output} 2>&1 | tee {log}"
