"""The table of a search for learning rates: means over the seeds of each, and the best for each objective."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from wordsight.logs import logger

MEANS = ["held_out_loss", "held_out_accuracy", "final_loss", "measured", "chance"]


def search_table(runs: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """One row for each objective and learning rate, in the order of the runs.

    Parameters
    ----------
    runs : one for each objective, learning rate and seed, with the columns of :data:`MEANS`

    Returns
    -------
    DataFrame
        ``objective``, ``learning_rate``, the number of ``seeds``, the means, ``held_out_loss_sd`` (standard
        deviation over the seeds, empty with one seed), ``best`` (the smallest mean ``held_out_loss`` of the
        objective) and ``at_edge`` (the best is the smallest or largest rate that was tried, so a better one
        may lie beyond it).
    """
    grouped = pd.DataFrame.from_records(list(runs)).groupby(["objective", "learning_rate"], sort=False)
    means = grouped[MEANS].mean()
    table = means.assign(seeds=grouped.size(), held_out_loss_sd=grouped["held_out_loss"].std()).reset_index()
    of_objective = table.groupby("objective")
    table["best"] = table["held_out_loss"] == of_objective["held_out_loss"].transform("min")
    rates = of_objective["learning_rate"]
    outermost = [table["learning_rate"] == rates.transform(end) for end in ("min", "max")]
    table["at_edge"] = table["best"] & (outermost[0] | outermost[1])
    for row in table[table["at_edge"]].itertuples():
        logger.warning(
            "%s: the best learning rate, %g, is at the edge of those tried; try more beyond it",
            row.objective,
            row.learning_rate,
        )
    first = ["objective", "learning_rate", "seeds", "held_out_loss", "held_out_loss_sd", "held_out_accuracy"]
    return table[[*first, "best", "at_edge", "final_loss", "measured", "chance"]]
