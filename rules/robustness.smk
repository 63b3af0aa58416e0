# How small a change of the pixels makes a classifier on the encoder wrong?
rule robustness:
    input:
        weights="resources/models/{model}/weights.safetensors",
        network="resources/models/{model}/network.json",
        dataset="resources/datasets/{dataset}/card.json",
        test_images="resources/datasets/{dataset}/test.parquet",
        train=head_features,
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
        code=lambda w: code("robustness.py", *model_modules(w.model)),
        parameters=lambda w: parameters("robustness"),
        attacked=lambda w: section("protocols", "robustness", "datasets", w.dataset),
        features=section("features"),
        mode=lambda w: settings.protocol_mode("robustness"),
        seed=settings.seed,
    script:
        "../scripts/robustness.py"
