"""What exists, as records of values and words: protocols, objectives, cells, verdicts."""
