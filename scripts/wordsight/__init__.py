"""The library behind the workflow that asks whether language makes an image encoder generalise better.

It never imports Snakemake and works from a notebook: put ``scripts/`` on ``sys.path``. ``config`` and
``provenance`` decide what runs, ``datasets``, ``models`` and ``features`` turn images into vectors,
``protocols`` measure them, ``statistics`` compare them, ``figures`` and ``report`` show them.
"""
