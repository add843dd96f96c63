"""Images: the demo world, and crops decoded once for all models."""


rule paint_world:
    """Paint the demo world with all of its ground truth."""
    input:
        code=code_inputs("paint_world"),
    output:
        train=f"{RESOURCES}/demo/world/train.safetensors",
        val=f"{RESOURCES}/demo/world/val.safetensors",
        clips=f"{RESOURCES}/demo/world/clips.safetensors",
    log:
        f"{RESULTS}/logs/paint_world.log",
    benchmark:
        f"{RESULTS}/benchmarks/paint_world.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(Needs(minutes=15, memory_mb=3000)),
    params:
        seed=config["seed"],
        train=config["demo"]["train_images"],
        val=config["demo"]["val_images"],
        clips=config["demo"]["clips"],
        frames=config["demo"]["frames"],
    message:
        "Painting the demo world"
    shell:
        "python -m workflow_scripts.paint_world --seed {params.seed:q} --train-images {params.train:q} --val-images {params.val:q}"
        " --clips {params.clips:q} --frames {params.frames:q} --train {output.train:q} --val {output.val:q}"
        " --clip-file {output.clips:q} 2>&1 | tee {log:q}"


rule crop_images:
    """Decode every image of a dataset once for one view."""
    input:
        files=lambda wildcards: TARGETS.dataset_file(wildcards.dataset),
        code=lambda wildcards: TARGETS.reader_code("crop_images", wildcards.dataset),
    output:
        crops=(str if config["keep_crops"] else temp)(f"{RESOURCES}/crops/{{dataset}}/{{view}}/crops.npy"),
        samples=f"{RESOURCES}/crops/{{dataset}}/{{view}}/samples.parquet",
        skipped=f"{RESOURCES}/crops/{{dataset}}/{{view}}/skipped.json",
    log:
        f"{RESULTS}/logs/crop_images/{{dataset}}/{{view}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/crop_images/{{dataset}}/{{view}}.tsv"
    group:
        together("crops", crops_needs)
    conda:
        "../envs/vit.yaml"
    threads: min(8, workflow.cores or 1)
    resources:
        **growing(crops_needs),
    params:
        reader=lambda wildcards: TARGETS.reader(wildcards.dataset),
        on_bad_image=config["on_bad_image"],
    message:
        "Decoding {wildcards.dataset} at {wildcards.view}"
    shell:
        "python -m workflow_scripts.crop_images --dataset {wildcards.dataset:q} {params.reader:q}"
        " --view {wildcards.view:q} --on-bad-image {params.on_bad_image:q} --workers {threads}"
        " --crops {output.crops:q} --samples {output.samples:q} --skipped {output.skipped:q} 2>&1 | tee {log:q}"


rule reduce_truth:
    """Reduce ground truth to a patch grid: object and part masks, the labels of the first frames of videos, or concepts."""
    input:
        files=lambda wildcards: TARGETS.dataset_file(wildcards.dataset),
        samples=f"{RESOURCES}/crops/{{dataset}}/{{view}}/samples.parquet",
        code=lambda wildcards: TARGETS.reader_code("reduce_truth", wildcards.dataset),
    output:
        f"{RESOURCES}/crops/{{dataset}}/{{view}}/{{kind}}_{{grid}}.safetensors",
    log:
        f"{RESULTS}/logs/reduce_truth/{{dataset}}/{{view}}/{{kind}}_{{grid}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/reduce_truth/{{dataset}}/{{view}}/{{kind}}_{{grid}}.tsv"
    wildcard_constraints:
        kind="masks|labels|concepts",
    group:
        together("crops", crops_needs)
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(crops_needs),
    params:
        reader=lambda wildcards: TARGETS.reader(wildcards.dataset),
        what=lambda wildcards: {"masks": "object masks", "labels": "first labels", "concepts": "concepts"}[wildcards.kind],
    message:
        "Reducing the {params.what} of {wildcards.dataset} to {wildcards.grid} patches"
    shell:
        "python -m workflow_scripts.reduce_truth --kind {wildcards.kind:q} --dataset {wildcards.dataset:q} {params.reader:q}"
        " --view {wildcards.view:q} --grid {wildcards.grid:q} --samples {input.samples:q} --output {output:q} &> {log:q}"


rule align_truth:
    """Bring ground truth into the pixels of the crops: keypoint pairs, boxes, or the class of every pixel."""
    input:
        files=lambda wildcards: TARGETS.dataset_file(wildcards.dataset),
        samples=f"{RESOURCES}/crops/{{dataset}}/{{view}}/samples.parquet",
        code=lambda wildcards: TARGETS.reader_code("reduce_truth", wildcards.dataset),
    output:
        f"{RESOURCES}/crops/{{dataset}}/{{view}}/{{kind}}.safetensors",
    log:
        f"{RESULTS}/logs/align_truth/{{dataset}}/{{view}}/{{kind}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/align_truth/{{dataset}}/{{view}}/{{kind}}.tsv"
    wildcard_constraints:
        kind="pairs|classes|boxes",
    group:
        together("crops", crops_needs)
    conda:
        "../envs/analysis.yaml"
    resources:
        **growing(crops_needs),
    params:
        reader=lambda wildcards: TARGETS.reader(wildcards.dataset),
        what=lambda wildcards: {"pairs": "keypoint pairs", "classes": "dense labels", "boxes": "boxes"}[wildcards.kind],
    message:
        "Bringing the {params.what} of {wildcards.dataset} into pixels of the crops"
    shell:
        "python -m workflow_scripts.reduce_truth --kind {wildcards.kind:q} --dataset {wildcards.dataset:q} {params.reader:q}"
        " --view {wildcards.view:q} --samples {input.samples:q} --output {output:q} &> {log:q}"
