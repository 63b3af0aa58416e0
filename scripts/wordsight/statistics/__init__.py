"""From rows to answers: ``summary`` describes models, ``objectives`` all their seeds; ``contrasts`` compares.

``contrasts`` takes effect and uncertainty from ``components``, with ``bootstrap`` beside it, and judges them
by ``verdicts``: helps, hurts, equivalent within a margin, or undecided, which means that the data do not tell
and never that there is no effect. ``sensitivity`` estimates what decides in other ways, and ``audit`` flags
reasons not to believe it. ``observations`` reads the rows, ``pairs`` resolves the models of a contrast.
"""
