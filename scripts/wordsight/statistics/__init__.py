"""From rows to answers: ``summary`` describes models, ``objectives`` their seeds, ``contrasts`` compares them.

Equivalence tests, mixed models, corrections for many comparisons and power are not there yet; an undecided
contrast therefore means that the data do not tell, never that there is no effect.
"""
