"""Single images behind the numbers: what the figures that show images are drawn from.

One module a figure, each with a function that returns plain values for JSON.
:mod:`wordsight.workflow.targets` says which models and datasets they are about.
"""
