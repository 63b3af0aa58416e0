"""Matched training: encoders that differ only in their objective.

``image_set`` has what is learned from, ``augmentation`` makes random views of it, and ``objectives`` has one
file per objective. ``loop`` is the training loop that all objectives share, ``saved_state`` lets it resume,
``distributed`` spreads it over devices, and ``learning_rate`` measures how good a learning rate is.
"""
