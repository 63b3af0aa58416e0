"""From rows to answers: ``summary`` describes models, ``objectives`` all their seeds; ``contrasts`` compares.

Equivalence tests, mixed models, corrections for many comparisons and power are not there yet; an undecided
contrast therefore means that the data do not tell, never that there is no effect.
"""
