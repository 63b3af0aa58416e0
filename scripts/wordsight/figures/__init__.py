"""Figures: one module each with ``draw(tables) -> chart``, found by its name in the list of targets.

``data`` reads the tables, ``groups`` makes one of the seeds of an objective, ``style`` gives every figure
the same look and ``verdicts`` every comparison, ``panels``, ``four_cells``, ``forest`` and ``matrix`` hold
the kinds of panel, ``export`` writes the files. A figure draws what the tables say; one that shows single
images draws ``tables.examples``, which :mod:`wordsight.figures.images` gathered.
"""
