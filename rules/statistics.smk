# Means, contrasts and their uncertainty, computed from the observations; and the tables that people read.


rule summary:
    input:
        targets.protocol_results(settings),
    output:
        summary="results/statistics/summary.parquet",
        recall="results/statistics/recall.parquet",
    log:
        "logs/summary.log",
    benchmark:
        "results/benchmarks/summary.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=code("summary.py"),
        measures=params.measures(),
    script:
        "../scripts/summary.py"


rule contrasts:
    input:
        rows=targets.protocol_results(settings),
        models=inputs.model_cards(settings),
        test_splits=inputs.clustered_items(settings),
    output:
        contrasts="results/statistics/contrasts.parquet",
        sensitivity="results/statistics/sensitivity.parquet",
        conclusions="results/statistics/conclusions.parquet",
        plan="results/statistics/plan.parquet",
    log:
        "logs/contrasts.log",
    benchmark:
        "results/benchmarks/contrasts.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=code("contrasts.py"),
        measures=params.measures(),
        statistics=params.values_of(settings, "statistics"),
        comparisons=params.without_questions(comparisons),
        conclusions=params.conclusions(settings),
        seed=settings.seed,
    script:
        "../scripts/contrasts.py"


rule objectives:
    input:
        rows=targets.protocol_results(settings),
        test_splits=inputs.clustered_items(settings),
    output:
        "results/statistics/objectives.parquet",
    log:
        "logs/objectives.log",
    benchmark:
        "results/benchmarks/objectives.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(2000),
        runtime=30,
    params:
        code=code("objectives.py"),
        measures=params.measures(),
        statistics=params.values_of(settings, "statistics"),
        groups=params.groups(settings),
        seed=settings.seed,
    script:
        "../scripts/objectives.py"


rule result_tables:
    input:
        summary="results/statistics/summary.parquet",
        objectives="results/statistics/objectives.parquet",
        recall="results/statistics/recall.parquet",
        models=inputs.model_cards(settings),
        datasets=inputs.dataset_cards(settings),
    output:
        results="results/tables/results.csv",
        objectives="results/tables/objectives.csv",
        recall="results/tables/recall.csv",
    log:
        "logs/result_tables.log",
    benchmark:
        "results/benchmarks/result_tables.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("result_tables.py"),
    script:
        "../scripts/result_tables.py"


# These are tables of their own, so that figures of the other ones are drawn before contrasts are computed, and not
# again after one of them was edited.
rule contrast_tables:
    input:
        contrasts="results/statistics/contrasts.parquet",
        sensitivity="results/statistics/sensitivity.parquet",
        conclusions="results/statistics/conclusions.parquet",
        plan="results/statistics/plan.parquet",
        summary="results/statistics/summary.parquet",
        models=inputs.model_cards(settings),
        datasets=inputs.dataset_cards(settings),
        described=rules.result_tables.output,
    output:
        contrasts="results/tables/contrasts.csv",
        sensitivity="results/tables/sensitivity.csv",
        conclusions="results/tables/conclusions.csv",
        plan="results/tables/plan.csv",
        descriptor="results/tables/datapackage.json",
    log:
        "logs/contrast_tables.log",
    benchmark:
        "results/benchmarks/contrast_tables.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("contrast_tables.py"),
        measures=params.measures(),
        comparisons=params.without_questions(comparisons),
        citation=own_content("CITATION.cff"),
    script:
        "../scripts/contrast_tables.py"
