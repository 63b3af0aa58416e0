# How small a change of the pixels makes a classifier on the encoder wrong?
for cut in targets.cuts_of_protocol(settings, "robustness"):

    rule:
        name:
            cut.rule("robustness")
        input:
            weights=per_job(inputs.of_models, cut, "weights.safetensors"),
            network=per_job(inputs.of_models, cut, "network.json"),
            dataset="resources/datasets/{dataset}/card.json",
            test_images="resources/datasets/{dataset}/test.parquet",
            train=per_job(inputs.head_features, "robustness", cut),
        output:
            cut.files("results/robustness/{model}/{dataset}.parquet"),
        log:
            f"logs/{cut.rule('robustness')}/{cut.job()}.log",
        benchmark:
            f"results/benchmarks/{cut.rule('robustness')}/{cut.job()}.tsv"
        wildcard_constraints:
            model=any_of(cut.names),
            objective=any_of(cut.names),
        conda:
            "../envs/encoders.yaml"
        threads: 1
        resources:
            mem_mb=growing(2000),
            runtime=60,
        params:
            code=per_job(encoder_code, "robustness.py", cut),
            models=per_job(params.models, cut),
            places=per_job(params.places, cut),
            parameters=per_job(params.of_protocol, "robustness"),
            heads=per_job(params.heads, "robustness", cut),
            attacked=per_job(params.of_dataset, "robustness"),
            features=params.values_of(settings, "features"),
            mode=per_job(params.mode, "robustness"),
            seed=settings.seed,
        script:
            "../scripts/robustness.py"

    prefer(cut.rule("robustness"), "robustness")
