"""Datasets: every source becomes the same three files, ``train.parquet``, ``test.parquet`` and ``card.json``.

``building`` writes them from the items of a source; other steps only need ``reading``.
"""
