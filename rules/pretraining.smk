# Encoders that differ only in their objective. A killed job resumes when it is run again.
rule sentences:
    input:
        dataset="resources/datasets/{dataset}/card.json",
        images="resources/datasets/{dataset}/train.parquet",
    output:
        "resources/sentences/{dataset}.safetensors",
    log:
        "logs/sentences/{dataset}.log",
    benchmark:
        "results/benchmarks/sentences/{dataset}.tsv"
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=60,
    params:
        code=code("sentences.py"),
        device=per_job(params.training_device),
    script:
        "../scripts/sentences.py"


for cut in targets.cuts_of_training(settings):

    rule:
        name:
            cut.rule("pretrain")
        input:
            dataset=per_job(inputs.image_set, "card.json"),
            images=per_job(inputs.image_set, "train.parquet"),
            sentences=per_job(inputs.sentences),
        output:
            weights=cut.files("resources/models/{model}/weights.safetensors"),
            network=cut.files("resources/models/{model}/network.json"),
            curve=cut.files("resources/models/{model}/training.csv"),
        log:
            f"logs/{cut.rule('pretrain')}/{cut.job(dataset=False)}.log",
        benchmark:
            f"results/benchmarks/{cut.rule('pretrain')}/{cut.job(dataset=False)}.tsv"
        wildcard_constraints:
            model=any_of(cut.names),
            objective=any_of(cut.names),
        # Everything else waits for trained encoders.
        priority: 2
        conda:
            "../envs/encoders.yaml"
        threads: 1
        resources:
            mem_mb=growing(1500),
            runtime=600,
        params:
            code=lambda w: code("pretrain.py", *params.training_modules(settings, w)),
            networks=per_job(params.networks, cut),
            section=per_job(params.training),
            seed=settings.seed,
        script:
            "../scripts/pretrain.py"

    prefer(cut.rule("pretrain"), "pretrain")


# `make search` runs these two rules. The learning rates of the configurations come from them; a run skips them.
rule learning_rate:
    input:
        dataset=per_job(inputs.image_set, "card.json"),
        images=per_job(inputs.image_set, "train.parquet"),
        sentences=per_job(inputs.sentences),
    output:
        "results/search/{objective}/{learning_rate}.json",
    log:
        "logs/learning_rate/{objective}/{learning_rate}.log",
    benchmark:
        "results/benchmarks/learning_rate/{objective}/{learning_rate}.tsv"
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=600,
    params:
        code=lambda w: code("learning_rate.py", *params.training_modules(settings, w)),
        networks=per_job(params.candidates),
        section=per_job(params.training),
        probe=params.probe(),
        seed=settings.seed,
    script:
        "../scripts/learning_rate.py"


rule learning_rates:
    input:
        inputs.searched(settings),
    output:
        "results/tables/learning_rates.csv",
    log:
        "logs/learning_rates.log",
    benchmark:
        "results/benchmarks/learning_rates.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("learning_rates.py"),
    script:
        "../scripts/learning_rates.py"
