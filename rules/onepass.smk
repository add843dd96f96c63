"""The one pass: a dataset goes through a model once, in all of its views, for every enabled study."""

JOB = "[a-z][a-z0-9_]*(?:/[a-z][a-z0-9_]*)?"


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
        job=f"(?!(?:{one_of(TARGETS.sharded)})/[^/]*$){JOB}",
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
        part=[],  # of the images: all of them
        options=lambda wildcards: TARGETS.pass_options(wildcards.model, wildcards.job),
        batch_size=config["batch_size"],
        seed=config["seed"],
        gpu=config["gpu"],
    message:
        "Passing {wildcards.job} through {wildcards.model}"
    shell:
        "python -m workflow_scripts.run_pass --model {wildcards.model:q} --network {params.network:q} {params.options:q}"
        " --dataset {params.dataset:q} --collectors {params.collectors:q} --batch-size {params.batch_size:q} {params.part:q}"
        " --threads {threads} --seed {params.seed:q} --gpu {params.gpu:q} --output {output:q} 2>&1 | tee {log:q}"


use rule run_pass as pass_shard with:
    output:
        temp(TARGETS.shard_file("{model}", "{job}", "{shard}", "{of}")),
    log:
        f"{RESULTS}/logs/pass_shard/{{job}}/{{model}}/{{shard}}of{{of}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/pass_shard/{{job}}/{{model}}/{{shard}}of{{of}}.tsv"
    wildcard_constraints:
        job=one_of(TARGETS.sharded),
        shard="[1-9][0-9]*",
        of="[1-9][0-9]*",
    resources:
        **growing(lambda wildcards: TARGETS.shard_needs(wildcards.model, wildcards.job)),
        gpu=gpus_per_job,
    params:
        part=lambda wildcards: ["--shard", f"{wildcards.shard}/{wildcards.of}"],
    message:
        "Passing {wildcards.job} through {wildcards.model}, shard {wildcards.shard} of {wildcards.of}"


rule merge_shards:
    """Put the shards of a pass together: the file that one job would have written."""
    input:
        unpack(lambda wildcards: TARGETS.merge_inputs(wildcards.model, wildcards.job)),
    output:
        f"{RESULTS}/passes/{{job}}/{{model}}.safetensors",
    log:
        f"{RESULTS}/logs/merge_shards/{{job}}/{{model}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/merge_shards/{{job}}/{{model}}.tsv"
    wildcard_constraints:
        job=one_of(TARGETS.sharded),
    conda:
        "../envs/vit.yaml"
    resources:
        **growing(lambda wildcards: TARGETS.merge_needs(wildcards.model, wildcards.job)),
    params:
        collectors=lambda wildcards: TARGETS.pass_collectors(wildcards.model, wildcards.job),
        fits=lambda wildcards: TARGETS.fits_option(wildcards.model, wildcards.job),
    message:
        "Putting the shards of {wildcards.job} through {wildcards.model} together"
    shell:
        "python -m workflow_scripts.merge_shards --shards {input.shards:q} --collectors {params.collectors:q} {params.fits:q}"
        " --output {output:q} &> {log:q}"


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
