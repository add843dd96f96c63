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
            subcategory="Attention",
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
