# How well does a handful of labelled images tell the classes apart?
rule few_shot:
    input:
        train=features_for("few_shot", "train"),
        test=features_for("few_shot", "test"),
        dataset=cards_for("few_shot"),
    output:
        "results/few_shot/{model}/{dataset}.parquet",
    log:
        "logs/few_shot/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/few_shot/{model}/{dataset}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=30,
    params:
        code=code("few_shot.py"),
        parameters=lambda w: parameters("few_shot"),
        mode=lambda w: settings.protocol_mode("few_shot"),
        seed=settings.seed,
    script:
        "../scripts/few_shot.py"


if together:

    use rule few_shot as few_shot_together with:
        output:
            results_together("few_shot"),
        log:
            "logs/few_shot_together/{model}.log",
        benchmark:
            "results/benchmarks/few_shot_together/{model}.tsv"
        wildcard_constraints:
            model=any_of(together),

    ruleorder: few_shot_together > few_shot
