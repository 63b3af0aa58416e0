# How much of what an encoder learned carries over to concepts and styles of drawing that it has not met?


# A few drawings of one style tell the classes apart in another.
rule cross_style_few_shot:
    input:
        unpack(lambda w: crossed_inputs(settings, "cross_style_few_shot", w.model)),
    output:
        expand(
            "results/cross_style_few_shot/{{model}}/{cell}.parquet", cell=list(CELLS)
        ),
    log:
        "logs/cross_style_few_shot/{model}.log",
    benchmark:
        "results/benchmarks/cross_style_few_shot/{model}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=30,
    params:
        code=code("cross_style_few_shot.py"),
        parameters=lambda w: parameters("cross_style_few_shot"),
        dataset=lambda w: settings.protocols.cross_style_few_shot.datasets[0],
        seed=settings.seed,
    script:
        "../scripts/cross_style_few_shot.py"


# A linear classifier that is fitted in one style is tested in another.
rule cross_style_probe:
    input:
        unpack(lambda w: crossed_inputs(settings, "cross_style_probe", w.model)),
    output:
        expand("results/cross_style_probe/{{model}}/{cell}.parquet", cell=list(CELLS)),
    log:
        "logs/cross_style_probe/{model}.log",
    benchmark:
        "results/benchmarks/cross_style_probe/{model}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=30,
    params:
        code=code("cross_style_probe.py"),
        parameters=lambda w: parameters("cross_style_probe"),
        dataset=lambda w: settings.protocols.cross_style_probe.datasets[0],
        seed=settings.seed,
    script:
        "../scripts/cross_style_probe.py"


# The same concept is looked for in another style, without any label.
rule cross_style_retrieval:
    input:
        unpack(lambda w: crossed_inputs(settings, "cross_style_retrieval", w.model)),
    output:
        expand(
            "results/cross_style_retrieval/{{model}}/{cell}.parquet", cell=list(CELLS)
        ),
    log:
        "logs/cross_style_retrieval/{model}.log",
    benchmark:
        "results/benchmarks/cross_style_retrieval/{model}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1500),
        runtime=30,
    params:
        code=code("cross_style_retrieval.py"),
        dataset=lambda w: settings.protocols.cross_style_retrieval.datasets[0],
        seed=settings.seed,
    script:
        "../scripts/cross_style_retrieval.py"
