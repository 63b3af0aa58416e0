"""The columns that identify a comparison in every table, and the names of the sensitivity analyses."""

KEYS = ["contrast", "protocol", "mode", "metric", "parameter", "setting"]

WITHOUT_MODEL = "leave one model out"
WITHOUT_DATASET = "leave one dataset out"
INTERQUARTILE = "interquartile mean"
ELSEWHERE = "features read elsewhere"
META = "random effects over datasets"
MIXED = "mixed model"
ANALYSES = (WITHOUT_MODEL, WITHOUT_DATASET, ELSEWHERE, INTERQUARTILE, META, MIXED)
