# The figures in every format, and the report: one page that opens offline.
if targets.example_names(settings):

    # One job gathers the data of all figures that show single images.
    rule figure_data:
        input:
            features=inputs.embedded_features(settings),
            robustness=inputs.attacked_results(settings),
            examples=inputs.adversarial_examples(settings),
            transfer=inputs.confused_results(settings),
            datasets=inputs.pictured(settings, "card.json"),
            test_images=inputs.pictured(settings, "test.parquet"),
        output:
            expand(
                "results/figures/data/{figure}.json",
                figure=targets.example_names(settings),
            ),
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
            comparisons=params.without_questions(targets.confused(settings)),
            dataset=targets.embedded_dataset(settings),
            groups=params.groups(settings),
            seed=settings.seed,
        script:
            "../scripts/figure_data.py"


rule figure:
    input:
        results="results/tables/results.csv",
        objectives="results/tables/objectives.csv",
        contrasts=per_job(inputs.compared, "contrasts"),
        sensitivity=per_job(inputs.compared, "sensitivity"),
        datasets=inputs.dataset_cards(settings),
        training=per_job(inputs.learning_curves),
        examples=per_job(inputs.figure_examples),
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
        code=lambda w: code("figure.py", f"figures.{figures.drawn_by(w.figure)}"),
        # For Snakemake's own report, where the caption file can't depend on a wildcard.
        caption=lambda w: figures.caption(w.figure),
        groups=params.groups(settings),
        questions=lambda w: (
            params.questions(settings, comparisons) if w.figure == "overview" else {}
        ),
    script:
        "../scripts/figure.py"


# The page shows its captions, its templates, its references and the whole configuration, so each of them is a param.
rule report:
    input:
        results="results/tables/results.csv",
        objectives="results/tables/objectives.csv",
        contrasts="results/tables/contrasts.csv",
        sensitivity="results/tables/sensitivity.csv",
        conclusions="results/tables/conclusions.csv",
        charts=expand(
            "results/figures/{figure}.json", figure=targets.figure_names(settings)
        ),
        svgs=expand(
            "results/figures/{figure}.svg", figure=targets.figure_names(settings)
        ),
        pdfs=expand(
            "results/figures/{figure}.pdf", figure=targets.figure_names(settings)
        ),
        models=inputs.model_cards(settings),
        datasets=inputs.dataset_cards(settings),
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
        citation=own_content("CITATION.cff"),
        templates=own_content("scripts/wordsight/report/templates"),
        references=own_content("scripts/wordsight/catalogue/references.bib"),
        captions={
            figure: figures.caption(figure)
            for figure in targets.figure_names(settings)
        },
        comparisons=[comparison.model_dump(mode="json") for comparison in comparisons],
        config=settings.model_dump(mode="json"),
        benchmarks="results/benchmarks",
        digests=step_digests,
    script:
        "../scripts/report.py"
