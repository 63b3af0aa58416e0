"""Does training with language make an image encoder generalise better?

The library behind the workflow. It never imports Snakemake and works from a notebook: put ``scripts/`` on
``sys.path``. ``config`` and ``provenance`` decide what runs, ``datasets``, ``models`` and ``features`` turn
images into vectors, ``protocols`` measure them, ``statistics`` compare them, ``figures`` and ``report`` show them.
"""
