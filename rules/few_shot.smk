# How well does a handful of labelled images tell the classes apart?
rule few_shot:
    input:
        train="results/features/{model}/{dataset}/train.safetensors",
        test="results/features/{model}/{dataset}/test.safetensors",
        dataset="resources/datasets/{dataset}/card.json",
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
