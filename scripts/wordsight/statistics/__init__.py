"""From rows to answers: the numbers of each model, the mean of each objective, the effect of each contrast.

``model_means`` summarises each model, ``group_means`` averages over the seeds of an objective, and
``effects`` compares the two sides of each contrast. ``effects`` takes an effect and its uncertainty from
``components``, adds an interval from ``bootstrap``, and has ``verdicts`` judge it: helps, hurts, equivalent
within a margin, or undecided. Undecided means that the data can't tell, never that there is no effect.
``sensitivity`` estimates the effects that decide in other ways, and ``audit`` flags reasons not to believe a
verdict. ``observations`` reads the rows.
"""
