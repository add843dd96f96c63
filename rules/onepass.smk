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
        **growing(lambda wildcards: TARGETS.pass_needs(wildcards.model, wildcards.job)),
        gpu=gpus_per_job,
    params:
        network=lambda wildcards: TARGETS.network(wildcards.model),
        dataset=lambda wildcards: wildcards.job.split("/")[0],
        collectors=lambda wildcards: TARGETS.pass_collectors(wildcards.model, wildcards.job),
        options=lambda wildcards: TARGETS.pass_options(wildcards.model, wildcards.job),
        batch_size=config["batch_size"],
        seed=config["seed"],
        gpu=config["gpu"],
    message:
        "Passing {wildcards.job} through {wildcards.model}"
    shell:
        "python -m workflow_scripts.run_pass --model {wildcards.model:q} --network {params.network:q} {params.options:q}"
        " --dataset {params.dataset:q} --collectors {params.collectors:q} --batch-size {params.batch_size:q}"
        " --threads {threads} --seed {params.seed:q} --gpu {params.gpu:q} --output {output:q} 2>&1 | tee {log:q}"


rule run_fit:
    """Fit a statistic of a study over a dataset by the features of a model, by steps in a seeded order."""
    input:
        unpack(lambda wildcards: TARGETS.fit_inputs(wildcards.study, wildcards.fit, wildcards.model)),
    output:
        f"{RESULTS}/fits/{{study}}/{{fit}}/{{model}}.safetensors",
    log:
        f"{RESULTS}/logs/run_fit/{{study}}/{{fit}}/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/run_fit/{{study}}/{{fit}}/{{model}}.tsv"
    wildcard_constraints:
        study="[a-z][a-z0-9_]*",
        fit="[a-z][a-z0-9_]*",
    conda:
        "../envs/vit.yaml"
    threads: config["threads_per_pass"]
    resources:
        **growing(lambda wildcards: TARGETS.fit_needs(wildcards.study, wildcards.fit, wildcards.model)),
        gpu=gpus_per_job,
    params:
        network=lambda wildcards: TARGETS.network(wildcards.model),
        options=lambda wildcards: TARGETS.fit_options(wildcards.study, wildcards.fit, wildcards.model),
        seed=config["seed"],
        gpu=config["gpu"],
    message:
        "Fitting {wildcards.fit} of {wildcards.study} by {wildcards.model}"
    shell:
        "python -m workflow_scripts.run_fit --model {wildcards.model:q} --network {params.network:q} {params.options:q}"
        " --threads {threads} --seed {params.seed:q} --gpu {params.gpu:q} --output {output:q} 2>&1 | tee {log:q}"
