# Every image passes through every network once, in whatever places it is read; the protocols read the features.
for cut in targets.cuts_of_features(settings):

    rule:
        name:
            cut.rule("features")
        input:
            weights=per_job(inputs.of_models, cut, "weights.safetensors"),
            network=per_job(inputs.of_models, cut, "network.json"),
            dataset=per_job(inputs.images, "card.json"),
            train_images=per_job(inputs.images, "train.parquet"),
            test_images=per_job(inputs.images, "test.parquet"),
        output:
            train=targets.features(settings, cut, "train"),
            test=targets.features(settings, cut, "test"),
        log:
            f"logs/{cut.rule('features')}/{cut.job()}.log",
        benchmark:
            f"results/benchmarks/{cut.rule('features')}/{cut.job()}.tsv"
        wildcard_constraints:
            model=any_of(cut.names),
            objective=any_of(cut.names),
        # Most protocols wait for features, which take long where networks are large.
        priority: 1
        conda:
            "../envs/encoders.yaml"
        threads: 1
        resources:
            mem_mb=growing(2000),
            runtime=60,
        params:
            code=per_job(encoder_code, "features.py", cut),
            section=params.values_of(settings, "features"),
            models=per_job(params.models, cut),
            places=per_job(params.places, cut),
            seed=settings.seed,
        script:
            "../scripts/features.py"

    prefer(cut.rule("features"), "features")


# The training images as augmented in one epoch of the paper's linear probe.
use rule features as augmented_features with:
    output:
        train="results/features/{model}/{dataset}/augmented/{epoch}.safetensors",
    log:
        "logs/augmented_features/{model}/{dataset}/{epoch}.log",
    benchmark:
        "results/benchmarks/augmented_features/{model}/{dataset}/{epoch}.tsv"
