"""The library behind the workflow that asks whether language makes an image encoder generalise better.

It never imports Snakemake and works from a notebook: put ``scripts/`` on ``sys.path``. ``catalogue`` says
which protocols and objectives exist, ``config`` what a user chose, and ``workflow`` what runs. ``datasets``,
``models`` and ``extraction`` turn images into vectors, and ``pretraining`` trains encoders. ``protocols``
measures encoders, ``statistics`` compares the measurements, and ``tables``, ``figures`` and ``report`` show
the results.
"""
