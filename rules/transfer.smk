# How well does a linear classifier on frozen features do, given the whole training split?
rule transfer:
    input:
        train=features_for("transfer", "train"),
        test=features_for("transfer", "test"),
        views=augmented_views,
        dataset=cards_for("transfer"),
    output:
        "results/transfer/{model}/{dataset}.parquet",
    log:
        "logs/transfer/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/transfer/{model}/{dataset}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=30,
    params:
        code=code("transfer.py"),
        parameters=lambda w: parameters("transfer"),
        mode=lambda w: settings.protocol_mode("transfer"),
        seed=settings.seed,
    script:
        "../scripts/transfer.py"


if together:

    use rule transfer as transfer_together with:
        output:
            results_together("transfer"),
        log:
            "logs/transfer_together/{model}.log",
        benchmark:
            "results/benchmarks/transfer_together/{model}.tsv"
        wildcard_constraints:
            model=any_of(together),

    ruleorder: transfer_together > transfer
