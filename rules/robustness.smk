# How small a change of the pixels makes a classifier on the encoder wrong?
rule robustness:
    input:
        weights="resources/models/{model}/weights.safetensors",
        network="resources/models/{model}/network.json",
        dataset="resources/datasets/{dataset}/card.json",
        test_images="resources/datasets/{dataset}/test.parquet",
        train=per_job(inputs.head_features, "robustness"),
    output:
        "results/robustness/{model}/{dataset}.parquet",
    log:
        "logs/robustness/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/robustness/{model}/{dataset}.tsv"
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=60,
    params:
        code=lambda w: code("robustness.py", *params.network_modules(settings, w.model)),
        parameters=per_job(params.of_protocol, "robustness"),
        attacked=per_job(params.of_dataset, "robustness"),
        features=params.values_of(settings, "features"),
        mode=per_job(params.mode, "robustness"),
        seed=settings.seed,
    script:
        "../scripts/robustness.py"
