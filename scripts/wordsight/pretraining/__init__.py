"""Matched training: encoders of which nothing differs but the objective.

``images`` is what is learned from, ``augmentation`` how it is seen, ``objectives`` what is asked of it, one
file each; ``training`` is the loop that all of them share, ``checkpoint`` lets it go on where it was,
``distributed`` spreads it over devices, ``search`` chooses learning rates.
"""
