"""The report: one page that opens offline and begins with the answer.

``answer`` words the verdicts, ``cautions`` finds reasons to doubt them, the modules that end in ``_tables``
lay out numbers, ``methods`` describes the methods, ``made_with`` lists software, machine and sources,
``costs`` adds up time, memory and energy, and ``page`` fills the templates.
"""
