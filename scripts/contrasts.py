"""Compare the sides of every contrast, also by other analyses, conclude and plan."""

import sys

sys.path.insert(0, snakemake.scriptdir)

from wordsight.steps import step

with step(snakemake):
    from wordsight.config.contrasts import Conclusion
    from wordsight.config.load import validate
    from wordsight.config.statistics import StatisticsSection
    from wordsight.datasets.item_clusters import concepts_by_dataset
    from wordsight.files.parquet import write_frame
    from wordsight.models.card import read_cards
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
    models = read_cards(snakemake.input.models)
    clusters = concepts_by_dataset(snakemake.input.get("test_splits", []))
    material = Material(section, snakemake.params.seed, measures, models, clusters)
    frame, parts = compare(snakemake.input.rows, comparisons, material)
    elsewhere = read_elsewhere(snakemake.input.rows, comparisons, material)
    sensitivity = sensitivities(frame, parts, section, models, elsewhere)
    wanted = {name: validate(Conclusion, values) for name, values in snakemake.params.conclusions.items()}
    write_frame(snakemake.output.conclusions, conclude(frame, wanted, section))
    write_frame(snakemake.output.plan, plan(frame, parts, section))
    write_frame(snakemake.output.sensitivity, sensitivity)
    write_frame(snakemake.output.contrasts, frame)
