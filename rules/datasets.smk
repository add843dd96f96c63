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
        mem_mb=3000,
        runtime=15,
    params:
        seed=config["seed"],
        train=config["demo"]["train_images"],
        val=config["demo"]["val_images"],
        clips=config["demo"]["clips"],
        frames=config["demo"]["frames"],
    message:
        "Painting the demo world"
    shell:
        "python -m workflow_scripts.paint_world --seed {params.seed} --train-images {params.train} --val-images {params.val}"
        " --clips {params.clips} --frames {params.frames} --train {output.train} --val {output.val}"
        " --clip-file {output.clips} 2>&1 | tee {log}"


rule crop_images:
    """Decode every image of a dataset once for one geometry."""
    input:
        files=dataset_file,
        code=lambda wildcards: reader_code("crop_images", wildcards.dataset),
    output:
        crops=(str if config["keep_crops"] else temp)(f"{RESOURCES}/crops/{{dataset}}/{{geometry}}/crops.npy"),
        samples=f"{RESOURCES}/crops/{{dataset}}/{{geometry}}/samples.parquet",
        skipped=f"{RESOURCES}/crops/{{dataset}}/{{geometry}}/skipped.json",
    log:
        f"{RESULTS}/logs/crop_images/{{dataset}}/{{geometry}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/crop_images/{{dataset}}/{{geometry}}.tsv"
    conda:
        "../envs/vit.yaml"
    threads: workflow.cores or 1
    resources:
        mem_mb=2000,
        runtime=240,
    params:
        reader=lambda wildcards: reader(wildcards.dataset),
        on_bad_image=config["on_bad_image"],
    message:
        "Decoding {wildcards.dataset} at {wildcards.geometry}"
    shell:
        "python -m workflow_scripts.crop_images --dataset {wildcards.dataset} {params.reader}"
        " --geometry {wildcards.geometry} --on-bad-image {params.on_bad_image} --workers {threads}"
        " --crops {output.crops} --samples {output.samples} --skipped {output.skipped} 2>&1 | tee {log}"


rule grid_masks:
    """Reduce object masks to a patch grid."""
    input:
        files=dataset_file,
        samples=f"{RESOURCES}/crops/{{dataset}}/{{geometry}}/samples.parquet",
        code=lambda wildcards: reader_code("grid_masks", wildcards.dataset),
    output:
        f"{RESOURCES}/crops/{{dataset}}/{{geometry}}/masks_{{grid}}.safetensors",
    log:
        f"{RESULTS}/logs/grid_masks/{{dataset}}/{{geometry}}/{{grid}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/grid_masks/{{dataset}}/{{geometry}}/{{grid}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        reader=lambda wildcards: reader(wildcards.dataset),
    message:
        "Reducing the object masks of {wildcards.dataset} to {wildcards.grid} patches"
    shell:
        "python -m workflow_scripts.grid_masks --dataset {wildcards.dataset} {params.reader}"
        " --geometry {wildcards.geometry} --grid {wildcards.grid} --samples {input.samples} --output {output} &> {log}"


rule grid_labels:
    """Reduce the labels of the first frames of videos to a patch grid."""
    input:
        files=dataset_file,
        samples=f"{RESOURCES}/crops/{{dataset}}/{{geometry}}/samples.parquet",
        code=lambda wildcards: reader_code("grid_labels", wildcards.dataset),
    output:
        f"{RESOURCES}/crops/{{dataset}}/{{geometry}}/labels_{{grid}}.safetensors",
    log:
        f"{RESULTS}/logs/grid_labels/{{dataset}}/{{geometry}}/{{grid}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/grid_labels/{{dataset}}/{{geometry}}/{{grid}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        reader=lambda wildcards: reader(wildcards.dataset),
    message:
        "Reducing the first labels of {wildcards.dataset} to {wildcards.grid} patches"
    shell:
        "python -m workflow_scripts.grid_labels {params.reader} --geometry {wildcards.geometry}"
        " --grid {wildcards.grid} --samples {input.samples} --output {output} &> {log}"


rule list_keypoint_pairs:
    """List the key-point pairs of a dataset in pixels of its crops."""
    input:
        files=dataset_file,
        samples=f"{RESOURCES}/crops/{{dataset}}/{{geometry}}/samples.parquet",
        code=lambda wildcards: reader_code("list_keypoint_pairs", wildcards.dataset),
    output:
        f"{RESOURCES}/crops/{{dataset}}/{{geometry}}/pairs.safetensors",
    log:
        f"{RESULTS}/logs/list_keypoint_pairs/{{dataset}}/{{geometry}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/list_keypoint_pairs/{{dataset}}/{{geometry}}.tsv"
    conda:
        "../envs/analysis.yaml"
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        reader=lambda wildcards: reader(wildcards.dataset),
    message:
        "Listing the key-point pairs of {wildcards.dataset}"
    shell:
        "python -m workflow_scripts.list_keypoint_pairs {params.reader}"
        " --geometry {wildcards.geometry} --samples {input.samples} --output {output} &> {log}"
