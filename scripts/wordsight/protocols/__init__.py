"""The evaluation protocols: one file each, with its mathematics on top and one public ``evaluate``."""
