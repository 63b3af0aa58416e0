"""The configuration: one typed model per section; an unknown key is an error.

Each key of a configuration has a file of its name, and ``text`` has the two of text models; ``selector`` is
what several share. ``experiment`` puts them together, ``load`` makes them of plain values, ``consistency``
checks what one section asks of another.
"""
