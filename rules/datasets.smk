# A dataset is unpacked or downloaded once, split, checked for twins across the splits, and described by a card.
rule dataset:
    output:
        card="resources/datasets/{dataset}/card.json",
        train="resources/datasets/{dataset}/train.parquet",
        test="resources/datasets/{dataset}/test.parquet",
    log:
        "logs/dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/dataset/{dataset}.tsv"
    conda:
        "../envs/encoders.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=60,
    params:
        code=lambda w: code(
            "dataset.py", f"datasets.sources.{settings.datasets[w.dataset].source}"
        ),
        section=lambda w: params.values_of(settings, "datasets", w.dataset),
        content=lambda w: checked(
            own_files.user_content, settings, "datasets", w.dataset
        ),
        seed=settings.seed,
    script:
        "../scripts/dataset.py"
