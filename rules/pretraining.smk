# Encoders that differ only in their objective. Each seed of an objective is a job; a killed job resumes when run again.
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
        device=lambda w: settings.pretraining.device,
    script:
        "../scripts/sentences.py"


rule pretrain:
    input:
        dataset=per_job(inputs.image_set, "card.json"),
        images=per_job(inputs.image_set, "train.parquet"),
        sentences=per_job(inputs.sentences),
    output:
        weights="resources/models/{model}/weights.safetensors",
        network="resources/models/{model}/network.json",
        curve="resources/models/{model}/training.csv",
    log:
        "logs/pretrain/{model}.log",
    benchmark:
        "results/benchmarks/pretrain/{model}.tsv"
    wildcard_constraints:
        model=any_of(targets.trained_models(settings)),
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=600,
    params:
        code=lambda w: code("pretrain.py", *params.training_modules(settings, w)),
        network=lambda w: params.network(settings, w.model),
        section=per_job(params.training),
        seed=settings.seed,
        checkpoint="resources/models/{model}/checkpoint.safetensors",
    script:
        "../scripts/pretrain.py"


# `make search` runs these two rules. The learning rates in config.yaml come from them; the default run skips them.
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
        network=per_job(params.candidate),
        section=per_job(params.training),
        probe=params.probe(),
        seed=settings.seed,
        checkpoint="results/search/{objective}/{learning_rate}.checkpoint.safetensors",
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
