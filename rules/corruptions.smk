# Corrupted versions of the test images, made once for all encoders. They have the form of a dataset, so that features
# are extracted from them as from any other.
rule corrupted_images:
    input:
        dataset="resources/datasets/{dataset}/card.json",
        images="resources/datasets/{dataset}/test.parquet",
    output:
        card="resources/corruptions/{dataset}/card.json",
        train="resources/corruptions/{dataset}/train.parquet",
        test="resources/corruptions/{dataset}/test.parquet",
    log:
        "logs/corrupted_images/{dataset}.log",
    benchmark:
        "results/benchmarks/corrupted_images/{dataset}.tsv"
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=120,
    params:
        code=code("corrupted_images.py"),
        versions=per_job(params.versions),
        seed=settings.seed,
    script:
        "../scripts/corrupted_images.py"


use rule features as corrupted_features with:
    input:
        weights=per_job(
            inputs.of_models, targets.cuts(settings)[0], "weights.safetensors"
        ),
        network=per_job(inputs.of_models, targets.cuts(settings)[0], "network.json"),
        dataset=["resources/corruptions/{dataset}/card.json"],
        images="resources/corruptions/{dataset}/test.parquet",
    output:
        test="results/features/{model}/{dataset}/corrupted.safetensors",
    log:
        "logs/corrupted_features/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/corrupted_features/{model}/{dataset}.tsv"
