"""From the network, and only here: weights and datasets, verified. Everything else works without it."""


rule fetch_model:
    """Fetch the weights of one model, or take them from the incoming folder, and verify them."""
    output:
        f"{RESOURCES}/checkpoints/{{checkpoint}}",
    log:
        f"{RESULTS}/logs/fetch_model/{{checkpoint}}.log",
    wildcard_constraints:
        checkpoint=one_of(FETCHED_CHECKPOINTS),
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(Needs(minutes=720, memory_mb=1000)),
        downloads=1,
    params:
        model=lambda wildcards: FETCHED_CHECKPOINTS[wildcards.checkpoint],
        source=lambda wildcards: json.dumps(
            SETTINGS.models[FETCHED_CHECKPOINTS[wildcards.checkpoint]]["checkpoint"]["source"], sort_keys=True
        ),
        incoming=untracked(config["incoming"]),
        registry=lambda wildcards, output: SETTINGS.registries["models"].sources[FETCHED_CHECKPOINTS[wildcards.checkpoint]],
        limits=untracked(json.dumps(config["fetch_limits"], sort_keys=True)),
    message:
        "Fetching the weights of {params.model}"
    shell:
        "python -m workflow_scripts.fetch_model --model {params.model:q} --source {params.source:q} --incoming {params.incoming:q}"
        " --lock config/fetched.lock.yaml --registry {params.registry:q} --limits {params.limits:q}"
        " --output {output:q} 2>&1 | tee {log:q}"


rule fetch_dataset:
    """Fetch the archives of a dataset, or take them from the incoming folder, verify and extract them."""
    output:
        f"{RESOURCES}/datasets/{{folder}}/.complete.json",
    log:
        f"{RESULTS}/logs/fetch_dataset/{{folder}}.log",
    wildcard_constraints:
        folder=one_of(DATASET_FOLDERS),
    localrule: True
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(Needs(minutes=2880, memory_mb=2000)),
        downloads=1,
    params:
        dataset=lambda wildcards: DATASET_FOLDERS[wildcards.folder],
        files=lambda wildcards: json.dumps(
            SETTINGS.datasets[DATASET_FOLDERS[wildcards.folder]]["source"]["files"], sort_keys=True
        ),
        path=lambda wildcards, output: os.path.dirname(output[0]),
        downloads=f"{RESOURCES}/downloads",
        incoming=untracked(config["incoming"]),
        registry=lambda wildcards, output: SETTINGS.registries["datasets"].sources[DATASET_FOLDERS[wildcards.folder]],
        limits=untracked(json.dumps(config["fetch_limits"], sort_keys=True)),
    message:
        "Fetching {params.dataset}"
    shell:
        "python -m workflow_scripts.fetch_dataset --dataset {params.dataset:q} --files {params.files:q} --path {params.path:q}"
        " --downloads {params.downloads:q} --incoming {params.incoming:q} --lock config/fetched.lock.yaml"
        " --registry {params.registry:q} --limits {params.limits:q} 2>&1 | tee {log:q}"


rule fetch:
    """Fetch everything that this run needs of the network, and nothing else."""
    input:
        TARGETS.fetched_files(),
    localrule: True
    message:
        "All is there that this run needs of the network"


rule plan:
    """Print what this configuration would run, fetch and need."""
    log:
        f"{RESULTS}/logs/plan.log",
    localrule: True
    conda:
        "../envs/analysis.yaml"
    params:
        config=json.dumps(config),
    message:
        "The plan of this configuration; nothing is fetched"
    shell:
        "python -m workflow_scripts.print_plan --config {params.config:q} 2>&1 | tee {log:q}"
