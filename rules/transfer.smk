# How well does a linear classifier on frozen features do, given the whole training split?
rule transfer:
    input:
        train="results/features/{model}/{dataset}/train.safetensors",
        test="results/features/{model}/{dataset}/test.safetensors",
        views=augmented_views,
        dataset="resources/datasets/{dataset}/card.json",
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
