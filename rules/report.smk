# What people look at: figures in every format, and one page that opens offline.
rule figure:
    input:
        results="results/tables/results.csv",
        objectives="results/tables/objectives.csv",
        contrasts="results/tables/contrasts.csv",
        datasets=dataset_cards(),
        training=learning_curves,
    output:
        json="results/figures/{figure}.json",
        svg=report(
            "results/figures/{figure}.svg",
            caption="../report/{figure}.rst",
            category="Figures",
        ),
        png="results/figures/{figure}.png",
        pdf="results/figures/{figure}.pdf",
    log:
        "logs/figure/{figure}.log",
    benchmark:
        "results/benchmarks/figure/{figure}.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=lambda w: code("figure.py", f"figures.{w.figure}"),
        groups=groups,
    script:
        "../scripts/figure.py"


# The page shows its captions, its templates and the whole configuration, so each of them is a param.
rule report:
    input:
        results="results/tables/results.csv",
        objectives="results/tables/objectives.csv",
        contrasts="results/tables/contrasts.csv",
        charts=expand("results/figures/{figure}.json", figure=figure_names(settings)),
        svgs=expand("results/figures/{figure}.svg", figure=figure_names(settings)),
        models=expand("resources/models/{model}/card.json", model=settings.models),
        datasets=dataset_cards(),
    output:
        html="results/report.html",
        verdicts="results/verdicts.txt",
    log:
        "logs/report.log",
    benchmark:
        "results/benchmarks/report.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(1000),
        runtime=10,
    params:
        code=code("report.py"),
        templates=provenance.content_digest(
            f"{workflow.basedir}/scripts/wordsight/report/templates", "report"
        ),
        captions={
            figure: Path(workflow.basedir, "report", f"{figure}.rst").read_text()
            for figure in figure_names(settings)
        },
        comparisons=[comparison.model_dump(mode="json") for comparison in comparisons],
        config=settings.model_dump(mode="json"),
        benchmarks="results/benchmarks",
        digests=step_digests,
    script:
        "../scripts/report.py"
