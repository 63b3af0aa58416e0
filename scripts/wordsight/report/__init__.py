"""The report: one page that opens offline and begins with the answer.

``answer`` puts verdicts into words, ``cautions`` finds what speaks against believing them, the modules that
end in ``_tables`` lay out numbers, ``methods`` describes what was done, ``made_with`` and ``costs`` gather
what the run used and took, and ``page`` fills the templates.
"""
