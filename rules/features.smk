# Every image passes through every encoder once; the protocols read the features.
rule features:
    input:
        weights="resources/models/{model}/weights.safetensors",
        network="resources/models/{model}/network.json",
        dataset=per_job(inputs.images, "card.json"),
        train_images=per_job(inputs.images, "train.parquet"),
        test_images=per_job(inputs.images, "test.parquet"),
    output:
        train="results/features/{model}/{dataset}/train.safetensors",
        test="results/features/{model}/{dataset}/test.safetensors",
    log:
        "logs/features/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/features/{model}/{dataset}.tsv"
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=60,
    params:
        code=lambda w: code("features.py", *params.network_modules(settings, w.model)),
        section=params.values_of(settings, "features"),
        seed=settings.seed,
    script:
        "../scripts/features.py"


# The training images as augmented in one epoch of the paper's linear probe.
use rule features as augmented_features with:
    output:
        train="results/features/{model}/{dataset}/augmented/{epoch}.safetensors",
    log:
        "logs/augmented_features/{model}/{dataset}/{epoch}.log",
    benchmark:
        "results/benchmarks/augmented_features/{model}/{dataset}/{epoch}.tsv"


if together:

    use rule features as features_together with:
        output:
            train=targets.features_together(settings, "train"),
            test=targets.features_together(settings, "test"),
        log:
            "logs/features_together/{model}.log",
        benchmark:
            "results/benchmarks/features_together/{model}.tsv"
        wildcard_constraints:
            model=any_of(together),

    ruleorder: features_together > features
