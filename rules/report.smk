# What people look at: figures in every format, and one page that opens offline.
if example_names(settings):

    # The figures that show images read all that they show from here, in one job.
    rule figure_data:
        input:
            features=embedded_features(),
            robustness=attacked_results(),
            transfer=confused_results(),
            datasets=pictured("card.json"),
            test_images=pictured("test.parquet"),
        output:
            expand("results/figures/data/{figure}.json", figure=example_names(settings)),
        log:
            "logs/figure_data.log",
        benchmark:
            "results/benchmarks/figure_data.tsv"
        conda:
            "../envs/analysis.yaml"
        threads: 1
        resources:
            mem_mb=growing(1000),
            runtime=10,
        params:
            code=code("figure_data.py"),
            comparisons=[
                comparison.model_dump(mode="json", exclude={"question"})
                for comparison in confused(settings)
            ],
            dataset=embedded_dataset(settings),
            groups=groups,
            seed=settings.seed,
        script:
            "../scripts/figure_data.py"


rule figure:
    input:
        results="results/tables/results.csv",
        objectives="results/tables/objectives.csv",
        contrasts="results/tables/contrasts.csv",
        sensitivity="results/tables/sensitivity.csv",
        datasets=dataset_cards(),
        training=learning_curves,
        examples=figure_examples,
    output:
        json="results/figures/{figure}.json",
        svg=report(
            "results/figures/{figure}.svg",
            caption="../report/caption.rst.j2",
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
        # For Snakemake's report, whose captions can't be chosen by a wildcard.
        caption=lambda w: caption(w.figure),
        groups=groups,
    script:
        "../scripts/figure.py"


localrules:
    rule_graph,


# Needs nothing but the plan of the run, so it draws what the report's own run looks like.
rule rule_graph:
    output:
        "results/figures/rules.svg",
    log:
        "logs/rule_graph.log",
    benchmark:
        "results/benchmarks/rule_graph.tsv"
    conda:
        "../envs/analysis.yaml"
    threads: 1
    resources:
        mem_mb=growing(500),
        runtime=5,
    params:
        code=code("rule_graph.py"),
        graph=rules_of_report,
    script:
        "../scripts/rule_graph.py"


# The page shows its captions, its templates and the whole configuration, so each of them is a param.
rule report:
    input:
        results="results/tables/results.csv",
        objectives="results/tables/objectives.csv",
        contrasts="results/tables/contrasts.csv",
        sensitivity="results/tables/sensitivity.csv",
        charts=expand("results/figures/{figure}.json", figure=figure_names(settings)),
        svgs=expand("results/figures/{figure}.svg", figure=figure_names(settings)),
        pdfs=expand("results/figures/{figure}.pdf", figure=figure_names(settings)),
        rules="results/figures/rules.svg",
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
        citation=citation(),
        templates=provenance.content_digest(
            f"{workflow.basedir}/scripts/wordsight/report/templates", "report"
        ),
        captions={figure: caption(figure) for figure in figure_names(settings)},
        comparisons=[comparison.model_dump(mode="json") for comparison in comparisons],
        config=settings.model_dump(mode="json"),
        benchmarks="results/benchmarks",
        digests=step_digests,
    script:
        "../scripts/report.py"
