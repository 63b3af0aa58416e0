"""Datasets: every source becomes the same three files, ``train.parquet``, ``test.parquet`` and ``card.json``.

``building`` makes them of what a source gives, ``reading`` is all that other steps need.
"""
