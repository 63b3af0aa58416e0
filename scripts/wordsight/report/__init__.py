"""The report: one page that opens offline and begins with the answer.

``answer`` puts verdicts into words, ``cautions`` finds what speaks against believing them, ``tables`` lays
out numbers, ``record`` gathers what the run used and took, ``page`` fills the templates.
"""
