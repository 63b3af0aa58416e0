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
            texts=per_job(inputs.head_texts, "robustness", cut),
            pieces=per_job(inputs.pieces, "robustness", cut),
        output:
            rows=cut.files("results/robustness/{model}/{dataset}.parquet"),
            examples=cut.files("results/robustness/{model}/{dataset}.safetensors"),
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


# With `images_per_job`, the images are attacked in pieces, which the rule above joins.
rule robustness_piece:
    input:
        weights=per_job(inputs.of_models, targets.ALONE, "weights.safetensors"),
        network=per_job(inputs.of_models, targets.ALONE, "network.json"),
        dataset="resources/datasets/{dataset}/card.json",
        test_images="resources/datasets/{dataset}/test.parquet",
        train=per_job(inputs.head_features, "robustness", targets.ALONE),
        texts=per_job(inputs.head_texts, "robustness", targets.ALONE),
    output:
        "results/robustness_pieces/{model}/{dataset}/{piece}.json",
    log:
        "logs/robustness_piece/{model}/{dataset}/{piece}.log",
    benchmark:
        "results/benchmarks/robustness_piece/{model}/{dataset}/{piece}.tsv"
    wildcard_constraints:
        piece=r"\d+",
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=60,
    params:
        code=per_job(encoder_code, "robustness_piece.py", targets.ALONE),
        places=per_job(params.places, targets.ALONE),
        parameters=per_job(params.of_protocol, "robustness"),
        heads=per_job(params.heads, "robustness", targets.ALONE),
        piece=per_job(params.piece, "robustness"),
        features=params.values_of(settings, "features"),
        mode=per_job(params.mode, "robustness"),
        seed=settings.seed,
    script:
        "../scripts/robustness_piece.py"
