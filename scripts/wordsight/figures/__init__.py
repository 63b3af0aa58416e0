"""Figures: one module each with ``draw(tables) -> chart``, found by its name in the list of targets.

``data`` reads the tables, ``style`` gives every figure the same look, ``panels`` and ``forest`` hold the
kinds of panel, ``export`` writes the files. A figure draws what the tables say.
"""
