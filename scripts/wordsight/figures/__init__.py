"""Figures: each is drawn by ``draw(tables)`` of the module of its name, or of the kind that protocols share.

``drawing`` finds that module, ``style`` gives all figures the same look and ``verdict_marks`` all
comparisons, ``panels``, ``dots``, ``cells``, ``forest`` and ``matrix`` draw panels that several figures use,
and ``export`` writes the files. Figures draw the tables of results; those of single images draw
``tables.examples``, which :mod:`wordsight.figures.images` gathers.
"""
