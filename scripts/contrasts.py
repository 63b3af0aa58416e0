"""Compare the sides of every contrast, also by other analyses, flag reasons for doubt, conclude and plan."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.contrasts import Conclusion
    from wordsight.config.load import validate
    from wordsight.config.statistics import StatisticsSection
    from wordsight.datasets import card as dataset_card
    from wordsight.datasets.item_clusters import concepts_by_dataset
    from wordsight.files.parquet import read_frame, write_frame
    from wordsight.models import card as model_card
    from wordsight.statistics.audit import Evidence, audited
    from wordsight.statistics.comparison import Comparison
    from wordsight.statistics.conclusions import conclude
    from wordsight.statistics.effects import compare
    from wordsight.statistics.measures import Measure
    from wordsight.statistics.paired_effects import Material
    from wordsight.statistics.planning import plan
    from wordsight.statistics.sensitivity import read_elsewhere, sensitivities

    measures = {name: validate(Measure, values) for name, values in snakemake.params.measures.items()}
    comparisons = [validate(Comparison, values) for values in snakemake.params.comparisons]
    section = validate(StatisticsSection, snakemake.params.statistics)
    models = model_card.read_cards(snakemake.input.models)
    datasets = dataset_card.read_cards(snakemake.input.datasets)
    clusters = concepts_by_dataset(snakemake.input.get("test_splits", []))
    material = Material(section, snakemake.params.seed, measures, models, clusters)
    frame, parts = compare(snakemake.input.rows, comparisons, material)
    elsewhere = read_elsewhere(snakemake.input.rows, comparisons, material)
    sensitivity = sensitivities(frame, parts, section, models, elsewhere)
    evidence = Evidence(
        read_frame(snakemake.input.summary),
        sensitivity,
        {comparison.name: comparison for comparison in comparisons},
        models,
        datasets,
        measures,
    )
    wanted = {name: validate(Conclusion, values) for name, values in snakemake.params.conclusions.items()}
    write_frame(snakemake.output.conclusions, conclude(frame, wanted, section))
    write_frame(snakemake.output.plan, plan(frame, parts, section))
    write_frame(snakemake.output.sensitivity, sensitivity)
    write_frame(snakemake.output.contrasts, audited(frame, evidence))
