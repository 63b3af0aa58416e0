"""What the columns mean in the files of rows, where each row is one observation of a protocol."""

# Unit and meaning, by the names of :data:`wordsight.protocols.rows.SCHEMA`.
COLUMNS = {
    "protocol": ("", "as in results.csv"),
    "model": ("", "name in the configuration"),
    "dataset": ("", "as in results.csv"),
    "mode": ("", "as in results.csv"),
    "metric": ("", "what was observed: see metrics"),
    "parameter": ("", "as in results.csv"),
    "setting": ("the parameter's", "as in results.csv"),
    "trial": (
        "",
        "number of the draw, from 0; the same draw for every model. Across styles, all draws of the first "
        "pair of styles come first, then those of the next",
    ),
    "item": (
        "",
        "id of the image in the dataset's `test.parquet`; across styles, name of the concept; empty for a "
        "metric of the whole trial",
    ),
    "seed": ("", "seed of the configuration"),
    "value": ("the metric's", "the observation; never NaN"),
}
