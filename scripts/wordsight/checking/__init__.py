"""Checks of an encoder: that it reads images as it should, and scores what its publisher states."""
