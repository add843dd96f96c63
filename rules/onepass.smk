"""The one pass: a dataset goes through a model once, in all of its views, for every enabled study."""


rule run_pass:
    """Pass a dataset through a model and gather all statistics that the enabled studies ask for."""
    input:
        unpack(lambda wildcards: TARGETS.pass_inputs(wildcards.model, wildcards.job)),
    output:
        f"{RESULTS}/passes/{{job}}/{{model}}.safetensors",
    log:
        f"{RESULTS}/logs/run_pass/{{job}}/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/run_pass/{{job}}/{{model}}.tsv"
    wildcard_constraints:
        job="[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)?",
    conda:
        "../envs/vit.yaml"
    threads: config["threads_per_pass"]
    resources:
        gpu=GPUS_PER_JOB,
        mem_mb=6000,
        runtime=240,
    params:
        network=lambda wildcards: TARGETS.network(wildcards.model),
        dataset=lambda wildcards: wildcards.job.split("/")[0],
        collectors=lambda wildcards: TARGETS.pass_collectors(wildcards.model, wildcards.job),
        files=lambda wildcards: TARGETS.pass_options(wildcards.model, wildcards.job),
        batch_size=config["batch_size"],
        seed=config["seed"],
        gpu=config["gpu"],
    message:
        "Passing {wildcards.job} through {wildcards.model}"
    shell:
        "python -m workflow_scripts.run_pass --model {wildcards.model} --network {params.network:q} {params.files}"
        " --dataset {params.dataset} --collectors {params.collectors:q} --batch-size {params.batch_size}"
        " --threads {threads} --seed {params.seed} --gpu {params.gpu} --output {output} 2>&1 | tee {log}"
