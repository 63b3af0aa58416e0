"""Models: every source becomes the same files, ``weights.safetensors``, ``network.json`` and ``card.json``.

``building`` fetches a network from its source, and ``writing`` writes the files. Other steps need only
``reading``.
"""
