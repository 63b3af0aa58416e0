"""Models: every source becomes the same files, ``weights.safetensors``, ``network.json`` and ``card.json``.

``fetching`` makes them of what a source gives, ``writing`` puts them down, ``reading`` is all that other
steps need.
"""
