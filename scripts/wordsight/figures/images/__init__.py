"""Data for the figures that show single images.

One module a figure, each with a function that returns plain values for JSON.
:mod:`wordsight.workflow.targets` says which models and datasets they are about.
"""
