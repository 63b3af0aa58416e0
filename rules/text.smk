# Language models and word vectors, the vectors that they give to class names, and corpora to learn words from.


rule text_model:
    output:
        weights="resources/text_models/{text_model}/weights.safetensors",
        tokenizer=directory("resources/text_models/{text_model}/tokenizer"),
        card="resources/text_models/{text_model}/card.json",
    log:
        "logs/text_model/{text_model}.log",
    benchmark:
        "results/benchmarks/text_model/{text_model}.tsv"
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(3000),
        runtime=60,
    params:
        code=lambda w: code(
            "text_model.py",
            f"text.sources.{settings.text_models[w.text_model].source}",
        ),
        section=lambda w: params.text_network(settings, w.text_model),
        content=lambda w: checked(
            own_files.user_content, settings, "text_models", w.text_model
        ),
    script:
        "../scripts/text_model.py"


# One job covers all datasets: they have few class names, and loading the model takes longer.
rule text_features:
    input:
        weights="resources/text_models/{text_model}/weights.safetensors",
        tokenizer="resources/text_models/{text_model}/tokenizer",
        card="resources/text_models/{text_model}/card.json",
        datasets=inputs.dataset_cards(settings),
    output:
        expand(
            "results/text_features/{{text_model}}/{dataset}.safetensors",
            dataset=targets.evaluated_datasets(settings),
        ),
    log:
        "logs/text_features/{text_model}.log",
    benchmark:
        "results/benchmarks/text_features/{text_model}.tsv"
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=lambda w: code(
            "text_features.py",
            f"text.readers.{settings.text_models[w.text_model].source}",
        ),
        wording=lambda w: params.wording(settings, w.text_model),
        device=settings.features.device,
    script:
        "../scripts/text_features.py"


rule corpus:
    output:
        articles="resources/corpora/{corpus}/articles.txt.gz",
        card="resources/corpora/{corpus}/card.json",
    log:
        "logs/corpus/{corpus}.log",
    benchmark:
        "results/benchmarks/corpus/{corpus}.tsv"
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=720,
    params:
        code=code("corpus.py"),
        section=lambda w: params.values_of(settings, "corpora", w.corpus),
        content=lambda w: checked(own_files.user_content, settings, "corpora", w.corpus),
    script:
        "../scripts/corpus.py"
