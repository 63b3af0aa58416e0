# A network is fetched, verified and rewritten as safetensors.
rule model:
    output:
        weights="resources/models/{model}/weights.safetensors",
        network="resources/models/{model}/network.json",
    log:
        "logs/model/{model}.log",
    benchmark:
        "results/benchmarks/model/{model}.tsv"
    wildcard_constraints:
        model=any_of(targets.fetched_models(settings)),
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=60,
    params:
        code=lambda w: code("model.py", *params.model_modules(settings, w.model)),
        section=lambda w: params.network(settings, w.model),
        content=lambda w: checked(own_files.user_content, settings, "models", w.model),
    script:
        "../scripts/model.py"


# The card adds what the model learned from. It has a rule of its own, so that correcting a trait reruns no network.
for cut in targets.cuts_of_models(settings):

    rule:
        name:
            cut.rule("model_card")
        input:
            network=per_job(inputs.of_models, cut, "network.json"),
        output:
            card=cut.files("resources/models/{model}/card.json"),
        log:
            f"logs/{cut.rule('model_card')}/{cut.job(dataset=False)}.log",
        benchmark:
            f"results/benchmarks/{cut.rule('model_card')}/{cut.job(dataset=False)}.tsv"
        wildcard_constraints:
            model=any_of(cut.names),
            objective=any_of(cut.names),
        conda:
            "../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=growing(500),
            runtime=5,
        params:
            code=code("model_card.py"),
            traits=per_job(params.traits_of_job, cut),
            places=per_job(params.places, cut),
        script:
            "../scripts/model_card.py"

    prefer(cut.rule("model_card"), "model_card")


# Check one model before anything else runs: whether its weights were loaded and its features make sense.
rule check_model:
    input:
        weights=per_job(inputs.of_known_model, "weights.safetensors"),
        network=per_job(inputs.of_known_model, "network.json"),
    output:
        report="results/checks/{model}.txt",
        findings="results/checks/{model}.json",
    log:
        "logs/check_model/{model}.log",
    benchmark:
        "results/benchmarks/check_model/{model}.tsv"
    # A name that can't be one gets its line from the input function.
    wildcard_constraints:
        model=".+",
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=10,
    params:
        code=lambda w: code(
            "check_model.py", *params.network_modules(settings, [w.model])
        ),
        place=lambda w: params.place(settings, w.model),
    script:
        "../scripts/check_model.py"


# Compare the accuracy of a classifier with the published one, where the user has the images.
rule check_top1:
    input:
        weights="resources/models/{model}/weights.safetensors",
        network="resources/models/{model}/network.json",
        dataset="resources/datasets/{dataset}/card.json",
        images="resources/datasets/{dataset}/test.parquet",
    output:
        findings="results/checks/{model}/{dataset}.json",
    log:
        "logs/check_top1/{model}/{dataset}.log",
    benchmark:
        "results/benchmarks/check_top1/{model}/{dataset}.tsv"
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=60,
    params:
        code=lambda w: code(
            "check_top1.py", *params.network_modules(settings, [w.model])
        ),
        published=lambda w: settings.models[w.model].top1,
        device=settings.features.device,
        seed=settings.seed,
    script:
        "../scripts/check_top1.py"
