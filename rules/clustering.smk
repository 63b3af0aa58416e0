# Do the features of the test images fall into their classes on their own?
rule clustering:
    input:
        test=features_for("clustering", "test"),
        dataset=cards_for("clustering"),
    output:
        "results/clustering/{model}/{dataset}.parquet",
    log:
        "logs/clustering/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/clustering/{model}/{dataset}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=30,
    params:
        code=code("clustering.py"),
        parameters=lambda w: parameters("clustering"),
        mode=lambda w: settings.protocol_mode("clustering"),
        seed=settings.seed,
    script:
        "../scripts/clustering.py"


if together:

    use rule clustering as clustering_together with:
        output:
            results_together("clustering"),
        log:
            "logs/clustering_together/{model}.log",
        benchmark:
            "results/benchmarks/clustering_together/{model}.tsv"
        wildcard_constraints:
            model=any_of(together),

    ruleorder: clustering_together > clustering
