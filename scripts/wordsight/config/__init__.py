"""The configuration: one typed model per section; an unknown key is an error.

A section is in the module of its name; ``text`` has both ``text_models`` and ``corpora``, and ``selector`` is
shared by protocols and contrasts. ``experiment`` puts the sections together, ``load`` reads a file and checks
it, ``messages`` words its mistakes, and ``consistency`` checks sections against each other.
"""
